"""An exercise as a notebook sees it, without one: start, hints, grade, reset, and what is said of faults."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import layerwise as lw
from grader.verdict import Status
from layerwise import workspace
from layerwise.errors import LabError
from layerwise.progress import Progress
from layerwise.views.check import Check

from .conftest import Bench

pytestmark = pytest.mark.usefixtures("bench")

MINICOURSE = Path(__file__).parents[1] / "minicourse"


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


def test_the_instance_that_was_begun_is_graded(bench: Bench) -> None:
    shutil.copytree(MINICOURSE / "interview", bench.exercises / "interview")
    exercise = workspace.find("find-it", 7)
    shutil.copytree(exercise.solution, workspace.start(exercise).folder, dirs_exist_ok=True)
    assert lw.check("find-it").grade().report.status is Status.PASSED
    assert [attempt.exercise for attempt in Progress().attempts()] == ["find-it@7"]


def test_start_copies_and_links_the_files_the_dockerfile_first(bench: Bench) -> None:
    check = lw.check("01-noise")
    press(check, "start")
    assert check.widget.files == ["work/01-noise/Dockerfile", "work/01-noise/app.py", "work/01-noise/big.log"]
    assert (bench.mine / "app.py").is_file()
    (bench.mine / "app.py").write_text("mine")
    (bench.mine / "pages").mkdir()
    (bench.mine / "pages" / "one.html").write_text("1")
    (bench.mine / ".ipynb_checkpoints").mkdir()
    (bench.mine / ".ipynb_checkpoints" / "app.py").write_text("old")
    press(check, "start")
    assert check.widget.files[-2:] == ["work/01-noise/big.log", "work/01-noise/pages/one.html"]
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


class TestAfterThePass:
    @pytest.fixture
    def solved(self, bench: Bench) -> Check:
        """An exercise with a solution and a variant, passed with other files than ours."""
        folder = bench.exercises / "01-noise"
        shutil.copytree(folder / "starter", folder / "solution")
        (folder / "solution" / ".dockerignore").write_text("# Nobody needs it in the image.\n*.log\n")
        (folder / "variants" / "all-but").mkdir(parents=True)
        (folder / "variants" / "all-but" / "expect.toml").write_text(
            'why = "Everything is kept out but `app.py`."\nkind = "odd-but-right"\n[checks]\ncontext = "passed"\n'
        )
        (folder / "variants" / "all-but" / ".dockerignore").write_text("*\n!app.py\n")
        check = lw.check("01-noise")
        check.start()
        (bench.mine / ".dockerignore").write_text("*.log\n")
        assert check.grade().report.status is Status.PASSED
        return check

    def test_before_it_nothing_is_given_away(self) -> None:
        check = lw.check("01-noise")
        press(check, "compare")
        assert check.widget.after == check.widget.compared == ""
        assert check.widget.fault == "the solution is shown once you have passed; until then there are hints"

    def test_reasons_other_ways_and_what_is_next(self, solved: Check) -> None:
        after = solved.widget.after
        assert "<dt>The log stays at home</dt><dd>A log slows down <em>each</em> build.</dd>" in after
        assert "<summary>Everything is kept out but <code>app.py</code>.</summary>" in after
        assert "!app.py" in after
        assert "All exercises are done." in after
        assert after in solved.html(), "also without a kernel"
        assert lw.check("01-noise").widget.after == after, "and another day"

    def test_ones_own_files_beside_ours(self, solved: Check, bench: Bench) -> None:
        press(solved, "compare")
        assert '<span class="lw-heard">added: </span>' in solved.widget.compared
        assert "# Nobody needs it in the image." in solved.widget.compared
        press(solved, "compare")
        assert solved.widget.compared == "", "a second click hides it"
        shutil.copytree(bench.exercises / "01-noise" / "solution", bench.mine, dirs_exist_ok=True)
        press(solved, "compare")
        assert solved.widget.compared == "<p>Your files are the same as ours.</p>"

    def test_what_a_learner_wrote_is_escaped(self, solved: Check, bench: Bench) -> None:
        (bench.mine / "<b>.sh").write_text("x")
        (bench.mine / ".dockerignore").write_text("<script>alert(1)</script>\n")
        press(solved, "compare")
        assert "<script>" not in solved.widget.compared
        assert "<b>." not in solved.widget.compared

    def test_a_variant_that_is_not_valid_takes_nothing_else_away(self, solved: Check, bench: Bench) -> None:
        (bench.exercises / "01-noise" / "variants" / "all-but" / "expect.toml").write_text("why = 1")
        again = lw.check("01-noise").widget.after
        assert "Why each check exists" in again
        assert "Other right ways" not in again


def test_a_score_of_other_checks_than_todays_says_so(bench: Bench) -> None:
    check = lw.check("01-noise")
    check.start()
    check.grade()
    assert lw.check("01-noise").widget.note == "Best so far: 0 of 4 points."
    manifest = bench.exercises / "01-noise" / "exercise.toml"
    manifest.write_text(manifest.read_text().replace("points   = 4", "points   = 5"))
    assert "The checks have changed since" in lw.check("01-noise").widget.note


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
