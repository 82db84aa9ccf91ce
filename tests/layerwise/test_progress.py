"""What a learner has done is kept, whatever happens beside or to the file."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from grader.verdict import CheckResult, Report, Status, Verdict
from layerwise.progress import MAX_REPORT, SCHEMA, Attempt, Progress, ProgressError, Review, best_of


@pytest.fixture
def progress(tmp_path):
    clock = itertools.count(1000.0)
    return Progress(tmp_path / "home" / "progress.sqlite", now=lambda: next(clock))


def report(fraction, *, points=10.0, evidence=None):
    verdict = Verdict.share(fraction, "…", details=evidence or {})
    check = CheckResult.of(verdict, id="build", kind="build", title="It builds", max_points=points)
    return Report("05-drop-root", "Drop root", [check], seconds=1.5)


def fault(progress, action=None):
    with pytest.raises(ProgressError) as caught:
        (action or progress.attempts)()
    assert "\n" not in str(caught.value)
    assert str(progress.file) in str(caught.value)
    return str(caught.value)


# Attempts


def test_nothing_is_made_by_looking(progress):
    assert progress.attempts() == []
    assert progress.best("05-drop-root") is None
    assert progress.answers("01-layers") == []
    assert progress.hints("05-drop-root") == []
    assert not progress.file.parent.exists()


def test_an_attempt_is_remembered_as_it_was(progress):
    kept = report(0.5)
    progress.record_attempt("05-drop-root", kept)
    (attempt,) = Progress(progress.file).attempts()
    assert attempt.exercise == "05-drop-root"
    assert (attempt.time, attempt.seconds) == (1000.0, 1.5)
    assert (attempt.score, attempt.max_score, attempt.share, attempt.status) == (5.0, 10.0, 0.5, Status.PARTIAL)
    assert not attempt.full_marks
    assert attempt.report == kept.to_dict()


def test_attempts_come_oldest_first_and_by_exercise(progress):
    for name, fraction in (("b", 0.1), ("a", 0.2), ("b", 0.3)):
        progress.record_attempt(name, report(fraction))
    assert [attempt.exercise for attempt in progress.attempts()] == ["b", "a", "b"]
    assert [attempt.score for attempt in progress.attempts("b")] == [1.0, 3.0]
    assert progress.attempts("c") == []


@pytest.mark.parametrize(
    ("tries", "best"),
    [
        ([(0.2, 10), (0.8, 10), (0.5, 10)], (8.0, 10.0)),
        ([(1.0, 5), (0.9, 10)], (5.0, 5.0)),  # the share counts: the exercise may have had other points
        ([(0.0, 10)], (0.0, 10.0)),
    ],
)
def test_the_best_attempt_has_the_largest_share(progress, tries, best):
    for fraction, points in tries:
        progress.record_attempt("x", report(fraction, points=float(points)))
    found = progress.best("x")
    assert (found.score, found.max_score) == best


def test_of_equal_attempts_the_latest_is_the_best(progress):
    for _ in range(3):
        progress.record_attempt("x", report(1.0))
    assert progress.best("x").time == 1002.0
    assert best_of([]) is None


def test_the_graders_fault_is_no_attempt(progress):
    error = CheckResult.of(Verdict.error("gone"), id="build", kind="build", title="It builds", max_points=1.0)
    with pytest.raises(ValueError, match="a report without a score is not an attempt"):
        progress.record_attempt("x", Report("x", "X", [error]))
    assert progress.attempts() == []


def test_a_long_report_is_kept_without_its_evidence(progress):
    progress.record_attempt("x", report(0.5, evidence={str(number): "y" * 2000 for number in range(200)}))
    (attempt,) = progress.attempts()
    assert attempt.report["checks"][0]["evidence"] == {}
    assert attempt.report["checks"][0]["title"] == "It builds"
    assert len(json.dumps(attempt.report)) < MAX_REPORT


# Answers and hints


def test_answers_are_kept_by_lesson_and_cell(progress):
    progress.record_answer("01-layers", "count", 3, correct=False)
    progress.record_answer("01-layers", "count", ["RUN", "COPY"], correct=True)
    progress.record_answer("01-layers", "order", {"a": None}, correct=True)
    progress.record_answer("02-caching", "count", "x", correct=False)
    found = progress.answers("01-layers")
    assert [(one.cell, one.answer, one.correct) for one in found] == [
        ("count", 3, False),
        ("count", ["RUN", "COPY"], True),
        ("order", {"a": None}, True),
    ]
    assert [one.answer for one in progress.answers("01-layers", "count")] == [3, ["RUN", "COPY"]]
    assert progress.answers("03-none") == []


def test_an_answer_that_is_no_json_is_the_callers_mistake(progress):
    with pytest.raises(TypeError):
        progress.record_answer("01-layers", "count", object(), correct=True)
    assert not progress.file.exists()


def test_hints_are_remembered_once_each(progress):
    for number in (2, 1, 2):
        progress.record_hint("05-drop-root", number)
    progress.record_hint("other", 3)
    assert progress.hints("05-drop-root") == [1, 2]


# Trouble with the file


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 50, b"\0" * 4096])
def test_a_damaged_file_is_said_and_left_alone(progress, content):
    progress.file.parent.mkdir()
    progress.file.write_bytes(content)
    assert "is damaged" in fault(progress)
    assert "move it away" in fault(progress, lambda: progress.record_attempt("x", report(1.0)))
    assert progress.file.read_bytes() == content


def test_a_file_cut_short_is_said(progress):
    for _ in range(200):
        progress.record_attempt("x", report(1.0))
    data = progress.file.read_bytes()
    progress.file.write_bytes(data[: len(data) // 2])
    fault(progress)


@pytest.mark.parametrize(
    "spoil",
    ["UPDATE attempt SET report = '{'", "UPDATE attempt SET status = 'great'", "UPDATE attempt SET report = x'ff'"],
)
def test_a_row_that_is_not_ours_is_damage(progress, spoil):
    progress.record_attempt("x", report(1.0))
    with sqlite3.connect(progress.file) as database:
        database.execute(spoil)
    database.close()
    assert "is damaged" in fault(progress)


def test_an_empty_file_is_a_beginning(progress):
    progress.file.parent.mkdir()
    progress.file.touch()
    assert progress.attempts() == []
    progress.record_attempt("x", report(1.0))
    assert len(progress.attempts()) == 1


def test_a_file_of_a_later_version_is_not_guessed_at(progress):
    progress.record_attempt("x", report(1.0))
    database = sqlite3.connect(progress.file)
    database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    database.close()
    assert "later Layerwise" in fault(progress)
    assert "later Layerwise" in fault(progress, lambda: progress.record_attempt("x", report(1.0)))


def test_a_folder_in_its_place_is_said(progress):
    progress.file.mkdir(parents=True)
    assert "cannot use" in fault(progress)
    assert "cannot use" in fault(progress, lambda: progress.record_hint("x", 1))


def test_a_home_that_cannot_be_made_is_said(progress):
    progress.file.parent.write_text("in the way")
    assert progress.attempts() == []
    assert "cannot use" in fault(progress, lambda: progress.record_hint("x", 1))


@pytest.fixture
def nobody():
    """Root may write everywhere: where the tests run as root, the block runs as somebody else."""

    @contextmanager
    def being() -> Iterator[None]:
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(before)

    return being


def test_a_read_only_home_can_be_read(nobody):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        progress = Progress(Path(folder, "progress.sqlite"))
        progress.record_attempt("x", report(1.0))
        progress.file.chmod(0o444)
        progress.file.parent.chmod(0o555)
        with nobody():
            assert len(progress.attempts()) == 1
            fault(progress, lambda: progress.record_hint("x", 1))
        progress.file.parent.chmod(0o755)


def test_a_home_that_may_not_be_entered_is_said(nobody):
    with tempfile.TemporaryDirectory() as folder:
        progress = Progress(Path(folder, "home", "progress.sqlite"))
        progress.record_attempt("x", report(1.0))
        progress.file.parent.chmod(0)
        with nobody():
            fault(progress)
            fault(progress, lambda: progress.record_hint("x", 1))
        progress.file.parent.chmod(0o755)


def test_a_writer_that_holds_on_is_waited_for_and_then_said(progress, monkeypatch):
    monkeypatch.setattr("layerwise.database.PATIENCE", 0.2)
    progress.record_attempt("x", report(1.0))
    other = sqlite3.connect(progress.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in fault(progress, lambda: progress.record_attempt("x", report(1.0)))
    assert len(progress.attempts()) == 1
    other.execute("ROLLBACK")
    other.close()
    progress.record_attempt("x", report(1.0))
    assert len(progress.attempts()) == 2


def test_processes_at_once_lose_nothing_and_make_the_tables_once(tmp_path):
    """A notebook and two terminals, on a file that none of them has made yet."""
    file = tmp_path / "progress.sqlite"
    script = (
        "import sys; from pathlib import Path; from layerwise.progress import Progress\n"
        "for number in range(20): Progress(Path(sys.argv[1])).record_answer('l', sys.argv[2], number, correct=True)"
    )
    root = Path(__file__).resolve().parents[2]
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(file), name], cwd=root, stderr=subprocess.PIPE, text=True)
        for name in "abc"
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    found = Progress(file).answers("l")
    assert len(found) == 60
    assert [one.answer for one in found if one.cell == "b"] == list(range(20))


def test_a_killed_writer_leaves_what_was_there(progress):
    progress.record_attempt("x", report(1.0))
    script = (
        "import os, sqlite3, sys; database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('PRAGMA cache_size = 1'); database.execute('BEGIN IMMEDIATE')\n"
        "database.executemany('INSERT INTO hint VALUES (?, ?, 0)', [('x' * 500, n) for n in range(5000)]); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(progress.file)]).returncode == 9
    assert progress.file.with_name("progress.sqlite-journal").exists(), "the writer was to die with its journal hot"
    assert len(progress.attempts()) == 1
    assert progress.hints("x" * 500) == []
    progress.record_attempt("x", report(1.0))
    assert len(progress.attempts()) == 2


@pytest.mark.parametrize(
    ("report", "found"),
    [
        (
            {"checks": [{"id": "build", "max_points": 4.0}, {"id": "user", "max_points": 6}]},
            {"build": 4.0, "user": 6.0},
        ),
        ({"checks": []}, {}),
        ({}, {}),
        ({"checks": [{"id": "build"}]}, {}),
        ({"checks": None}, {}),
    ],
)
def test_what_an_attempt_was_judged_by(report, found):
    assert Attempt("02-x", 0.0, 1.0, 10.0, Status.PARTIAL, 1.0, report).judged_by == found


class TestReviews:
    def test_they_come_back_as_they_were_recorded(self, tmp_path: Path) -> None:
        clock = iter((20.0, 10.0))  # it was moved back
        progress = Progress(tmp_path / "p.sqlite", now=lambda: next(clock))
        progress.record_review("layers", 0.5, "why-layers")
        progress.record_review("caching", 7, "05-drop-root")
        assert progress.reviews() == [Review("layers", 20, 0.5, "why-layers"), Review("caching", 10, 1, "05-drop-root")]

    def test_a_file_of_an_earlier_layerwise_has_none_and_gets_them(self, tmp_path: Path) -> None:
        progress = Progress(tmp_path / "p.sqlite")
        progress.record_hint("05-drop-root", 1)
        with closing(sqlite3.connect(progress.file)) as database:
            database.execute("DROP TABLE review")
            database.execute("DROP TABLE instance")
            database.execute("PRAGMA user_version = 1")
            database.commit()
        assert progress.reviews() == []
        assert progress.instance("slow-build") is None
        assert progress.summary() == "0 attempts, 0 answers and 1 hint"
        progress.record_review("layers", 1, "why-layers")
        assert progress.hints("05-drop-root") == [1]
        assert progress.summary() == "0 attempts, 0 answers, 1 hint and 1 review"


def test_the_instance_that_was_begun_last(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "p.sqlite")
    assert progress.instance("slow-build") is None
    progress.record_instance("slow-build", 7)
    progress.record_instance("slow-build", 12)
    progress.record_instance("big-image", 3)
    assert (progress.instance("slow-build"), progress.instance("big-image")) == (12, 3)
