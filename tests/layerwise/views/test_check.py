"""An exercise as a notebook sees it, without one: start, hints, grade, reset, and what is said of faults."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

import layerwise as lw
from grader.verdict import Status
from layerwise.errors import LabError
from layerwise.progress import Progress
from layerwise.views.check import Check

from .conftest import Bench

pytestmark = pytest.mark.usefixtures("bench")


def press(check: Check, do: str) -> None:
    check._hear(None, {"do": do}, [])


def wait(until: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def test_the_story_is_told_before_the_start() -> None:
    check = lw.check("01-noise")
    about = check.widget.about
    assert about["facts"] == "4 points, about 5 min"
    assert about["title"] == "Leave the <em>noise</em> out"
    assert about["story"] == ("<p>A log of <strong>1 MB</strong> is sent with every build.</p><p>It need not be.</p>")
    assert about["judged"] == [["4", "The log stays at home"]]
    assert check.widget.files == []
    for shown in (check.html(), check.text()):
        assert "The log stays at home" in shown


def test_start_copies_and_links_the_files_the_dockerfile_first(bench: Bench) -> None:
    check = lw.check("01-noise")
    press(check, "start")
    assert check.widget.files == ["work/01-noise/Dockerfile", "work/01-noise/app.py", "work/01-noise/big.log"]
    assert (bench.mine / "app.py").is_file()
    (bench.mine / "app.py").write_text("mine")
    press(check, "start")
    assert (bench.mine / "app.py").read_text() == "mine", "a second start changes nothing"
    assert lw.check("01-noise").widget.files


def test_hints_come_one_at_a_time_and_are_there_again() -> None:
    check = lw.check("01-noise")
    press(check, "hint")
    assert check.widget.hints == ["Look at <code>.dockerignore</code>"]
    assert lw.check("01-noise").widget.hints == check.widget.hints
    for _ in range(5):
        press(check, "hint")
    assert check.widget.hints[1:] == ["Ignore &lt;logs&gt;"]
    assert Progress().hints("01-noise") == [1, 2]


def test_a_click_grades_aside_and_the_card_appears(bench: Bench) -> None:
    check = lw.check("01-noise")
    press(check, "start")
    press(check, "grade")
    assert check.widget.news, "the click returns at once"
    press(check, "grade")
    assert "being graded already" in check.widget.fault
    wait(lambda: check.widget.report)
    assert check.widget.news == ""
    assert check.widget.fault == "" or "already" in check.widget.fault
    assert check.widget.result.startswith("0 of 4 points.")
    assert "lwr-report" in check.widget.report
    assert 'href="02-caching.ipynb#cell-id=ignore"' in check.widget.report
    assert "lwr-report" in check.html(), "a saved notebook shows the last card"
    assert re.search(r"Graded what was last saved \d+ s ago\.", check.widget.note)

    (bench.mine / ".dockerignore").write_text("*.log\n")
    press(check, "grade")
    wait(lambda: check.widget.result.startswith("4 of 4 points."))
    assert "Best so far: 4 of 4 points." in lw.check("01-noise").widget.note


def test_grading_in_a_cell_returns_what_shows_the_card() -> None:
    check = lw.check("01-noise")
    check.start()
    graded = check.grade()
    assert graded.report.status is Status.FAILED
    assert repr(graded).startswith("0 of 4 points.")
    assert "lwr-report" in graded._repr_html_()


def test_grading_before_the_start_is_one_line() -> None:
    check = lw.check("01-noise")
    with pytest.raises(LabError, match=r"begin with: ./lab start 01-noise$") as fault:
        check.grade()
    assert fault.value._render_traceback_() == [str(fault.value)]  # type: ignore[attr-defined]
    press(check, "grade")
    wait(lambda: check.widget.fault)
    assert "begin with" in check.widget.fault
    assert check.widget.news == ""


def test_a_grading_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    check = lw.check("01-noise")
    press(check, "start")
    press(check, "grade")
    press(check, "stop")
    wait(lambda: check.widget.news == "")
    assert check.widget.report == ""
    assert "nothing is recorded" in check.widget.note
    assert check.widget.fault == ""
    assert Progress().attempts() == []
    assert check.grade().report.status is Status.FAILED, "and then graded after all"


def test_reset_keeps_what_was_there(bench: Bench) -> None:
    check = lw.check("01-noise")
    press(check, "start")
    (bench.mine / "mine.txt").write_text("mine")
    check.grade()
    press(check, "reset")
    assert not (bench.mine / "mine.txt").exists()
    assert check.widget.report == ""
    assert "work/.trash/01-noise-" in check.widget.note
    assert [kept.read_text() for kept in bench.work.glob(".trash/*/mine.txt")] == ["mine"]


def test_an_unknown_exercise_is_one_line() -> None:
    with pytest.raises(LabError, match="did you mean 01-noise") as fault:
        lw.check("1-noise")
    assert fault.value._render_traceback_() == [str(fault.value)]  # type: ignore[attr-defined]


def test_a_fault_of_the_folder_is_shown_in_the_view(bench: Bench) -> None:
    check = lw.check("01-noise")
    bench.work.write_text("a file where the folder should be")
    press(check, "start")
    assert "cannot copy the starter" in check.widget.fault
