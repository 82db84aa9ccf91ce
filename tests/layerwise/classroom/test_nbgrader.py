"""A course of two exercises and four learners, from `lab classroom init` to feedback, by nbgrader's own commands.

The verdicts are made up and put into the store beforehand, so no engine is needed. One exercise goes through nbgrader's
exchange, the other one comes as zip archives.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.apps.baseapp import NbGrader
from nbgrader.apps.exportapp import ExportApp
from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeFetchAssignment, ExchangeSubmit
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from grader.exercise import load
from grader.verdict import CheckResult, Report, Verdict
from layerwise.classroom import gradebook, grading
from layerwise.classroom.layouts import recognise
from layerwise.classroom.notebooks import verdicts
from layerwise.classroom.store import Policy, Store
from layerwise.cli import main

pytestmark = [
    pytest.mark.filterwarnings("ignore:Object of type <Submitted:sqlalchemy.exc.SAWarning"),
]
ROOT = Path(__file__).resolve().parents[3]
A, B = "05-drop-root", "09-on-call"
LEARNERS = ("full", "hostile", "late", "partial")
FRACTIONS: dict[str, dict[str, float]] = {"partial": {"user": 0.625, "signs": 0}, "hostile": dict.fromkeys(["*"], 0.0)}
"""The share of its points that a learner gets for a check; "*" is every other check. Who is not here gets them all."""


@dataclass
class Course:
    """The course's folder, nbgrader's own interface to it, and what was seen on the way."""

    folder: Path
    app: NbGrader
    api: NbGraderAPI
    autograde: subprocess.CompletedProcess[str] | None = None
    before: str = ""
    seen: dict[str, Any] = field(default_factory=dict)

    def done(self, result: dict[str, Any]) -> str:
        """What nbgrader logged, if it succeeded."""
        log = f"{result.get('log', '')}{result.get('error', '')}"
        assert result["success"], log
        return log

    def submitted(self) -> str:
        """A digest of all that was handed in."""
        digest = hashlib.sha256()
        for path in sorted((self.folder / "submitted").rglob("*")):
            digest.update(f"{path}\0".encode() + (path.read_bytes() if path.is_file() else b""))
        return digest.hexdigest()

    def grades(self, exercise: str, learner: str) -> dict[str, tuple[float | None, float | None]]:
        """The automatic and the manual score of each graded cell."""
        with self.api.gradebook as book:
            notebook = book.find_submission_notebook(exercise, exercise, learner)
            return {grade.name: (grade.auto_score, grade.manual_score) for grade in notebook.grades}

    def score(self, exercise: str, learner: str) -> tuple[float, float]:
        """The score, and what is taken off for being late."""
        with self.api.gradebook as book:
            submission = book.find_submission(exercise, learner)
            return submission.score, submission.late_submission_penalty

    def notebook(self, exercise: str, learner: str) -> Any:
        return nbformat.read(self.folder / "autograded" / learner / exercise / f"{exercise}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """The course after `nbgrader autograde` of both exercises."""
    top = tmp_path_factory.mktemp("nbgrader")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(top).items():
            patch.setenv(name, value)
        patch.delenv("LAYERWISE_EXERCISES", raising=False)
        patch.setenv("PATH", os.environ["PATH"])  # nbgrader_config.py adds to it
        folder = top / "class"
        assert main(["classroom", "init", str(folder), "--exercises", f"{A},{B}"]) == 0
        patch.chdir(folder)
        app = NbGrader()
        app.initialize([], root=str(folder))
        app.config.Exchange.root = str(top / "exchange")
        app.config.Exchange.cache = str(top / "cache")
        app.config.ExchangeCollect.check_owner = False
        (top / "exchange").mkdir(mode=0o777)
        course = Course(folder, app, NbGraderAPI(app.coursedir, parent=app))
        for exercise in (A, B):
            course.done(course.api.generate_assignment(exercise))
        course.done(course.api.release_assignment(A))
        for learner in LEARNERS:
            _through_the_exchange(course, learner, top / "homes" / learner, patch)
            _as_a_zip(course, learner, top / "zips" / learner)
        patch.chdir(folder)
        course.done(course.api.collect(A))
        collect = ZipCollectApp()
        collect.initialize([B])
        collect.start()
        _fill_store(folder)
        course.before = course.submitted()
        course.autograde = subprocess.run(
            [sys.executable, "-m", "nbgrader", "autograde", A],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        for learner in LEARNERS:
            course.seen[learner] = course.done(course.api.autograde(B, learner))
        yield course


def _environment(top: Path) -> dict[str, str]:
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "LAYERWISE_HOME")
    return {name: str(top / name.lower()) for name in names}


def _through_the_exchange(course: Course, learner: str, home: Path, patch: pytest.MonkeyPatch) -> None:
    """Fetch the assignment, work on it, and submit it."""
    home.mkdir(parents=True)
    patch.chdir(home)
    theirs = CourseDirectory(parent=course.app, root=str(home))
    theirs.student_id, theirs.assignment_id = learner, A
    for step in (ExchangeFetchAssignment, ExchangeSubmit):
        if step is ExchangeSubmit:
            (home / A / "Dockerfile").write_text(f"FROM scratch\nLABEL learner={learner}\n")
            MANGLED[learner](home / A / f"{A}.ipynb", home)
            theirs.assignment_id = A
        step(coursedir=theirs, authenticator=Authenticator(parent=course.app), parent=course.app).start()


def _as_a_zip(course: Course, learner: str, work: Path) -> None:
    """Zip the released folder, with a notebook that is missing, broken or huge, as an LMS would get it."""
    shutil.copytree(course.folder / "release" / B, work / B)
    (work / B / "Dockerfile").write_text(f"FROM scratch\nLABEL learner={learner}\n")
    notebook = work / B / f"{B}.ipynb"
    if learner == "full":
        _write(notebook, lambda cells: cells[-1].update(source="The base had moved."))
    elif learner == "partial":
        notebook.unlink()
    elif learner == "late":
        notebook.write_text('{"cells": [')
    else:
        notebook.write_text(" " * 25_000_000)
        (work / B / "timestamp.txt").write_text("never")
    archives = course.folder / "downloaded" / B / "archive"
    archives.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archives / f"{learner}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((work / B).rglob("*")):
            archive.write(path, path.relative_to(work))


def _write(notebook: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    raw = json.loads(notebook.read_text())
    change(raw["cells"])
    notebook.write_text(json.dumps(raw))


def _good(notebook: Path, home: Path) -> None:
    _write(notebook, lambda cells: cells[-1].update(source="A number is what Kubernetes reads."))


def _partly(notebook: Path, home: Path) -> None:
    """The story and a graded cell are deleted, and the answer was never written."""
    _write(notebook, lambda cells: [cells.pop(4), cells.pop(0)])


def _hostile(notebook: Path, home: Path) -> None:
    """Points, outputs and ids are forged, and running any cell would leave a trace."""

    def forge(cells: list[dict[str, Any]]) -> None:
        output = {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "4"}}
        for cell in cells:
            cell["metadata"].get("nbgrader", {}).update(points=400, schema_version=3)
            if cell["cell_type"] == "code":
                cell.update(source=f"open({str(home / 'trace')!r}, 'w')", outputs=[output])
        cells[-1]["source"] = "<script>alert(1)</script> I deserve it."
        cells.append(dict(cells[5], id="again"))

    _write(notebook, forge)


MANGLED = {"full": _good, "partial": _partly, "late": _good, "hostile": _hostile}


def _fill_store(folder: Path) -> None:
    """Keep a made-up verdict for each hand-in. One learner's time was up 25 hours ago."""
    exercises = {name: load(name) for name in (A, B)}
    with Store.open(folder) as store:
        for entry in gradebook.read(recognise(folder, exercises), exercises, store).entries:
            shares = FRACTIONS.get(entry.learner, {})
            checks = [
                CheckResult.of(
                    Verdict.share(shares.get(check.id, shares.get("*", 1.0)), f"The grader on {check.id}."),
                    id=check.id,
                    kind=check.kind,
                    title=check.title,
                    max_points=check.points,
                )
                for check in entry.exercise.checks
            ]
            assert entry.key
            store.keep(entry.learner, entry.key, Report(entry.exercise.name, entry.exercise.title, checks))
        store.set_policy(Policy(penalty=10))
        store.set_due(A, datetime.now(UTC) + timedelta(days=1))
        store.extend("late", A, datetime.now(UTC) - timedelta(hours=25))


def test_autograde_as_a_command_grades_everybody(course: Course) -> None:
    assert course.autograde
    assert course.autograde.returncode == 0, course.autograde.stderr
    assert {path.parent.name for path in (course.folder / "autograded").glob(f"*/{A}")} == set(LEARNERS)


@pytest.mark.parametrize(
    ("learner", "score", "penalty", "why"),
    [("full", 10, 0, None), ("late", 10, 2, None), ("partial", 6.5, 0, 0), ("hostile", 0, 0, None)],
)
def test_scores_are_the_store_s(course: Course, learner: str, score: float, penalty: float, why: float | None) -> None:
    grades = course.grades(A, learner)
    assert sum(auto or 0 for name, (auto, _) in grades.items() if name != "say-why") == score
    assert course.score(A, learner)[1] == penalty
    assert grades["say-why"] == (why, None)  # an answer waits for its reader; no answer gets nothing
    assert set(grades) == {*(f"check-{check.id}" for check in load(A).checks), "say-why"}


def test_a_check_has_its_own_points(course: Course) -> None:
    grades = {name: auto for name, (auto, _) in course.grades(A, "partial").items()}
    assert (grades["check-user"], grades["check-signs"], grades["check-code"]) == (2.5, 0, 1)


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        ("partial", "no notebook was handed in"),
        ("late", "the notebook is not JSON"),
        ("hostile", "the notebook is larger than 20 MB"),
    ],
)
def test_a_lost_notebook_costs_nothing_but_the_answer(course: Course, learner: str, said: str) -> None:
    assert f"{learner}: {said}; it is graded without answers" in course.seen[learner]
    assert course.grades(B, learner)["say-why"] == (0, None)
    expected = 0 if learner == "hostile" else load(B).points
    assert course.score(B, learner)[0] == expected


def test_nothing_of_a_learner_s_was_executed_or_overwritten(course: Course) -> None:
    assert not list(course.folder.parent.rglob("trace"))
    assert course.submitted() == course.before
    for learner in LEARNERS:
        for exercise in (A, B):
            text = (course.folder / "autograded" / learner / exercise / "Dockerfile").read_text()
            assert text == f"FROM scratch\nLABEL learner={learner}\n"


def test_what_is_graded_is_the_released_notebook_with_the_answer(course: Course) -> None:
    released = nbformat.read(course.folder / "release" / A / f"{A}.ipynb", as_version=4)
    for learner in LEARNERS:
        cells = course.notebook(A, learner).cells[: len(released.cells)]
        assert [(cell.id, cell.metadata) for cell in cells] == [(cell.id, cell.metadata) for cell in released.cells]
        assert [cell.source for cell in cells[:-1]] == [cell.source for cell in released.cells[:-1]]
    assert course.notebook(A, "full").cells[-1].source == "A number is what Kubernetes reads."


def test_a_grade_given_by_hand_outlives_a_second_autograde(course: Course) -> None:
    with course.api.gradebook as book:
        for learner, cell, points in (("full", "say-why", 0.75), ("partial", "check-signs", 1.5)):
            book.find_grade(cell, A, A, learner).manual_score = points
        book.db.commit()
    for learner in ("full", "partial"):
        course.done(course.api.autograde(A, learner))
    assert course.grades(A, "full")["say-why"] == (None, 0.75)
    assert course.grades(A, "partial")["check-signs"] == (0, 1.5)
    assert course.score(A, "full")[0] == 10.75
    assert course.score(A, "partial")[0] == 8


def test_without_a_verdict_there_is_no_score_and_the_others_go_on(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in = course.folder / "submitted" / "hostile" / A / "Dockerfile"
    before = handed_in.read_text()
    monkeypatch.setattr(verdicts.prerequisites, "prepare", lambda *_: None)
    monkeypatch.setattr(grading, "grade", lambda *_, **__: [type("Graded", (), {"error": "the engine is gone"})])
    try:
        handed_in.write_text("FROM busybox\n")
        result = course.api.autograde(A, "*")
        assert not result["success"]
        assert f"hostile, {A}: no score: the engine is gone" in result["log"]
        assert {auto for name, (auto, _) in course.grades(A, "hostile").items() if name != "say-why"} == {None}
        assert not (course.folder / "autograded" / "hostile" / A).exists()
        assert course.grades(A, "late")["check-user"] == (4, None)
        assert (course.folder / "autograded" / "partial" / A).exists()
        row = next(row for row in _exported(course) if (row["assignment"], row["student_id"]) == (A, "hostile"))
        assert (row["score"], row["max_score"]) == ("", "11")
    finally:
        handed_in.write_text(before)
    course.done(course.api.autograde(A, "hostile"))


def test_without_the_released_notebook_there_is_no_score(course: Course) -> None:
    released = course.folder / "release" / A / f"{A}.ipynb"
    released.rename(released.with_suffix(".away"))
    try:
        result = course.api.autograde(A, "late")
        assert not result["success"]
        assert f"late, {A}: no score: {released} is missing or damaged; make it again: nbgrader" in result["log"]
        assert course.grades(A, "late")["check-user"] == (None, None)
    finally:
        released.with_suffix(".away").rename(released)
    course.done(course.api.autograde(A, "late"))
    assert course.grades(A, "late")["check-user"] == (4, None)


def _exported(course: Course) -> list[dict[str, str]]:
    target = course.folder / "grades.csv"
    app = ExportApp()
    app.initialize(["--to", str(target)])
    app.start()
    assert all(line.startswith('"') for line in target.read_text().splitlines())
    with target.open(newline="") as file:
        return list(csv.DictReader(file))


def test_export(course: Course) -> None:
    with course.api.gradebook as book:
        book.update_or_create_student("late", last_name="=cmd|' /C calc'!A0")
    rows = {(row["assignment"], row["student_id"]): row for row in _exported(course)}
    assert set(rows) == {(exercise, learner) for exercise in (A, B) for learner in LEARNERS}
    late = rows[A, "late"]
    assert (late["raw_score"], late["late_submission_penalty"], late["score"]) == ("10", "2", "8")
    assert late["last_name"] == "'=cmd|' /C calc'!A0"
    assert late["needs_manual_grade"] == "yes"


@pytest.mark.filterwarnings(
    "ignore:Passing unrecognized arguments:DeprecationWarning",
    # nbgrader leaves each timestamp.txt open.
    r"ignore:Exception ignored in. <_io.FileIO name=.*timestamp.txt:pytest.PytestUnraisableExceptionWarning",
)
def test_feedback_is_generated_and_released(course: Course) -> None:
    for exercise in (A, B):
        course.done(course.api.generate_feedback(exercise))
    course.done(course.api.release_feedback(A))
    assert len(list((course.folder.parent / "exchange" / "class" / "feedback").glob("*.html"))) == len(LEARNERS)
    page = (course.folder / "feedback" / "partial" / A / f"{A}.html").read_text()
    assert "partial, 2.5 of 4: The grader on user." in page
    assert (course.folder / "feedback" / "partial" / B / f"{B}.html").is_file()


def test_formgrader_runs_no_script_of_a_learner_s(course: Course) -> None:
    config = Config(course.app.config)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    about = {"assignment_id": A, "notebook_id": A, "submission_id": "1", "index": 0, "total": 1, "base_url": "/"}
    about |= {"student": "hostile", "last_name": None, "first_name": None, "notebook_path": "x"}
    file = course.folder / "autograded" / "hostile" / A / f"{A}.ipynb"
    page, _ = HTMLExporter(config=config).from_filename(str(file), resources=about)
    assert "I deserve it." in page
    assert "<script>alert(1)" not in page


def test_the_gradebook_waits_for_another_writer(course: Course) -> None:
    with Gradebook(course.app.coursedir.db_url) as book, book.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000
    assert not list(course.folder.glob("gradebook.db?*"))
