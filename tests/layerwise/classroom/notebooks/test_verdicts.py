"""Only a clean number from 0 to the check's points becomes a score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.utils import determine_grade

from grader.exercise import Exercise, load
from grader.verdict import CheckResult, Report, Status, Verdict
from layerwise.classroom import grading
from layerwise.classroom.gradebook import read
from layerwise.classroom.hand_in import HandIn
from layerwise.classroom.layouts import Layout
from layerwise.classroom.notebooks import generate, verdicts
from layerwise.classroom.notebooks.rebuild import check_cells
from layerwise.classroom.notebooks.verdicts import NoScore, fill, points_of, verdict
from layerwise.classroom.store import Store


@pytest.fixture
def exercise() -> Exercise:
    return load("05-drop-root")


def report_of(exercise: Exercise, **fractions: float) -> Report:
    """A report that passes every check but those with a fraction."""
    results = [
        CheckResult.of(
            Verdict.share(fractions.get(check.id, 1.0), f"About {check.id}."),
            id=check.id,
            kind=check.kind,
            title=check.title,
            max_points=check.points,
        )
        for check in exercise.checks
    ]
    return Report(exercise.name, exercise.title, results)


def test_points_and_message_go_into_each_cell(exercise: Exercise) -> None:
    notebook = nbformat.from_dict(generate.notebook(exercise))
    fill(notebook, report_of(exercise, user=0.625, signs=0))
    nbformat.validate(notebook)
    found = {cell.id: determine_grade(cell)[0] for cell in check_cells(notebook)}
    assert found == {
        "check-build": 1,
        "check-user": 2.5,
        "check-numeric": 1,
        "check-signs": 0,
        "check-serves": 1,
        "check-code": 1,
    }
    message = check_cells(notebook)[1].outputs[0].text
    assert message == "partial, 2.5 of 4: About user.\n"


RIGHT = CheckResult("user", "user", "Not root", Status.PARTIAL, 2.5, 4.0, "Half of it.")


@pytest.mark.parametrize(
    "change",
    [
        {"points": True},
        {"points": False, "status": Status.FAILED},
        {"points": -1.0},
        {"points": 4.01},
        {"points": float("nan")},
        {"points": float("inf")},
        {"points": "2.5"},
        {"points": {"score": 2}},
        {"points": None},
        {"points": type("Float64", (float,), {})(2.5)},
        {"points": 4.0},
        {"points": 0.0},
        {"status": Status.FAILED},
        {"status": Status.SKIPPED},
        {"status": Status.PASSED},
        {"status": Status.ERROR, "points": 0.0},
        {"max_points": 5.0},
    ],
    ids=repr,
)
def test_anything_else_is_no_score(change: dict[str, Any]) -> None:
    assert points_of(RIGHT, 4.0) == 2.5
    with pytest.raises(NoScore):
        points_of(replace(RIGHT, **change), 4.0)


@pytest.mark.parametrize("spoil", ["one less", "one more", "another", "twice", "none"])
def test_the_checks_are_exactly_those_of_the_notebook(exercise: Exercise, spoil: str) -> None:
    report = report_of(exercise)
    checks = list(report.checks)
    spoilt = {
        "one less": checks[1:],
        "one more": [*checks, replace(checks[0], id="more")],
        "another": [replace(checks[0], id="other"), *checks[1:]],
        "twice": [*checks, checks[0]],
        "none": [],
    }[spoil]
    notebook = nbformat.from_dict(generate.notebook(exercise))
    with pytest.raises(NoScore, match="has changed since the release"):
        fill(notebook, replace(report, checks=spoilt))
    assert all(cell.outputs == [] for cell in check_cells(notebook))


@pytest.fixture
def hand_in(tmp_path: Path, exercise: Exercise) -> HandIn:
    folder = tmp_path / "submitted" / "ada" / exercise.name
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return HandIn("ada", exercise.name, folder, lost_modes=True)


def keep(store: Store, hand_in: HandIn, exercise: Exercise, report: Report) -> None:
    entry = read(Layout("", (hand_in,)), {exercise.name: exercise}, store).by_learner[hand_in.learner][0]
    assert entry.key
    store.keep(hand_in.learner, entry.key, report)


def test_a_verdict_that_holds_is_not_graded_again(
    tmp_path: Path, exercise: Exercise, hand_in: HandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "grade", lambda *_, **__: pytest.fail("graded again"))
    with Store.open(tmp_path) as store:
        keep(store, hand_in, exercise, report_of(exercise, code=0))
        assert verdict(hand_in, exercise, store).score == 9


def test_a_stale_verdict_is_graded_again(
    tmp_path: Path, exercise: Exercise, hand_in: HandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grade(layout: Layout, exercises: dict[str, Exercise], store: Store, **_: Any) -> Iterator[Any]:
        assert layout.hand_ins == (hand_in,)
        keep(store, hand_in, exercise, report_of(exercise))
        yield type("Graded", (), {"error": ""})

    monkeypatch.setattr(verdicts.prerequisites, "prepare", lambda *_: None)
    monkeypatch.setattr(grading, "grade", grade)
    with Store.open(tmp_path) as store:
        keep(store, hand_in, exercise, report_of(exercise, code=0))
        (hand_in.path / "Dockerfile").write_text("FROM busybox\n")
        assert verdict(hand_in, exercise, store).score == 10


def test_a_grader_that_fails_gives_no_score(
    tmp_path: Path, exercise: Exercise, hand_in: HandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts.prerequisites, "prepare", lambda *_: None)
    monkeypatch.setattr(grading, "grade", lambda *_, **__: [type("Graded", (), {"error": "no disk left"})])
    with Store.open(tmp_path) as store, pytest.raises(NoScore, match="no disk left"):
        verdict(hand_in, exercise, store)
    monkeypatch.setattr(grading, "grade", lambda *_, **__: [])
    with Store.open(tmp_path) as store, pytest.raises(NoScore, match="not graded"):
        verdict(hand_in, exercise, store)
