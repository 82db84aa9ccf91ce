"""The home page from a made-up course, in made-up states: what is said, what can be pressed, and nothing that bites."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from grader.verdict import CheckResult, Report, Verdict
from layerwise.homepage import page, present
from layerwise.homepage.lab_state import LabState
from layerwise.interview.store import Event, Kind, Sessions
from layerwise.progress import Progress
from layerwise.questions.skills import SKILLS
from layerwise.stack.coming import Step
from layerwise.stack.paths import ROOT
from tests.layerwise.views.conftest import Bench

from .conftest import HOSTILE

COURSE = ROOT / "course"
UP = LabState("The lab is up.", up=True)
STEPS = (
    Step("engine", "Starting the engine", 3, "done", took=2.5),
    Step("registry", "Registries", 600, "running", f"waiting {HOSTILE}\x1b[31m", time.time() - 4),
    Step("images", "Base images (3)", 120),
)
COMING = LabState("The lab is coming up: 1 of 3 steps done.", coming_up=True, steps=STEPS)


def parts(lab: LabState = UP, **more: bool) -> dict[str, str]:
    course, _, practice = present.look()
    return page.changing("/", course, lab, practice, **more)


def document(lab: LabState = UP, fault: str = "") -> str:
    course, _, practice = present.look()
    form = '<input type="hidden" name="_xsrf" value="x">'
    return page.document("/", course, lab, practice, form=form, fault=fault)


def said(html: str) -> str:
    """What is read aloud."""
    html = re.sub(r'<(span|div|svg)[^>]* aria-hidden="true">.*?</\1>', "", html, flags=re.DOTALL)
    html = re.sub(r"</?(a|button|code|em|span|strong)\b[^>]*>", "", html)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("&nbsp;", " ").replace("&#x27;", "'").split())


def attempt(name: str, fraction: float) -> None:
    check = CheckResult.of(Verdict.share(fraction, "…"), id="context", kind="context", title="…", max_points=4.0)
    Progress().record_attempt(name, Report(name, name, [check]))


@pytest.mark.usefixtures("course")
def test_at_the_beginning_everything_is_one_click_away() -> None:
    made = parts()
    assert said(made["lab"]) == "The lab is up."
    assert '<a id="next-link" href="/lab/tree/course/02-caching.ipynb">' in made["next"]
    assert said(made["next"]).endswith("about 20 minutes")
    assert said(made["done"]) == "0 of 2 lessons and 0 of 2 exercises done, 0 of 8 points."
    assert 'href="/lab/tree/course/02-caching.ipynb#cell-id=do">Leave the <em>noise</em> out</a>' in made["lessons"]
    assert re.findall(r'<button [^>]*form="start" name="exercise" value="([^"]+)">', made["lessons"]) == [
        "01-noise",
        "03-silence",
    ]
    assert "Start: Leave the noise out" in said(made["lessons"])
    assert "03-silence.ipynb" not in made["lessons"], "it is not written"


@pytest.mark.usefixtures("course")
def test_what_others_wrote_is_shown_and_does_nothing() -> None:
    lab = LabState("The lab did not come up.", problem=f"no {HOSTILE}\nat `all`", steps=COMING.steps)
    html = document(lab, fault=f"no {HOSTILE}") + "".join(parts(COMING).values())
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") >= 6
    assert "\x1b" not in html
    assert "<p>No &lt;img src=x onerror=alert(1)&gt; at <code>all</code>.</p>" in html


@pytest.mark.usefixtures("course")
def test_a_long_text_is_cut() -> None:
    assert "x" * page.LONGEST not in document(LabState("The lab did not come up.", problem="x" * 9999))


@pytest.mark.usefixtures("course")
def test_of_a_lab_that_comes_up_each_step_is_shown() -> None:
    waiting = replace(STEPS[1], began=time.time() - 4)  # not when this module was read, which may be minutes ago
    words = said(parts(replace(COMING, steps=[STEPS[0], waiting, STEPS[2]]))["lab"])
    assert words.startswith("The lab is coming up: 1 of 3 steps done. You need not wait")
    assert "done: Starting the engine 2 s" in words
    assert re.search(r"running: Registries waiting .* \d+ s of about 10 min waiting", words)
    assert "waiting: Base images (3) about 2 min" in words
    assert "./lab up" not in words
    late = LabState("…", coming_up=True, steps=[Step("images", "Base images", 5, "running", "", time.time() - 30)])
    assert re.search(r"running: Base images [34]\d s$", said(parts(late)["lab"]))


@pytest.mark.usefixtures("course")
def test_steps_stay_for_somebody_who_watches_them_and_go_otherwise() -> None:
    done = LabState("The lab is up.", up=True, steps=[Step("engine", "Starting the engine", 3, "done", took=2)])
    assert said(parts(done)["lab"]) == "The lab is up."
    assert (
        said(parts(done, steps=True)["lab"])
        == "The lab is up. All that the first lessons need is there. done: Starting the engine 2 s"
    )


@pytest.mark.usefixtures("course")
def test_a_lab_that_lacks_something_is_up_and_says_so() -> None:
    lacking = Step("images", "Base images", 9, "done", took=4, lacks=f"only docker.io has {HOSTILE}")
    lab = LabState("The lab is up.", up=True, lacks="only docker.io has alpine:3.22", steps=[lacking])
    html = parts(lab)["lab"]
    assert said(html) == "The lab is up. Only docker.io has alpine:3.22."
    assert "is-up" in html
    shown = parts(lab, steps=True)["lab"]
    assert "done: Base images only docker.io has &lt;img" in said(shown)
    assert "<img" not in shown


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize(
    ("lab", "words"),
    [
        (LabState("The lab is not up."), "The lab is not up. Run ./lab up in a terminal"),
        (
            LabState("Not all of it.", True, problem="X failed", steps=[Step("x", "X", 0, "failed", "no such image")]),
            "Not all of it. X failed. To try again, run ./lab up in a terminal, in the folder of the course. failed: X",
        ),
        (
            LabState("The lab did not come up.", problem="port 5000 is taken; stop it"),
            "The lab did not come up. Port 5000 is taken; stop it. To try again, run ./lab up in a terminal",
        ),
        (
            LabState("The lab did not come up.", problem="no `such` image; run: ./lab up", steps=STEPS[:1]),
            "The lab did not come up. No such image; run: ./lab up. done: Starting the engine 2 s",
        ),
        (
            LabState("It was stopped.", steps=[Step("images", "Base images", 9, "failed", "no space", 1, 3)]),
            "It was stopped. Run ./lab up in a terminal, in the folder of the course. failed: Base images no space 3 s",
        ),
        (
            LabState("It was stopped.", steps=[Step("images", "Base images", 0.2, "odd"), Step("x", "X", 0, "failed")]),
            "It was stopped. Run ./lab up in a terminal, in the folder of the course. waiting: Base images failed: X",
        ),
    ],
    ids=["down", "in part", "problem", "with its remedy", "failed", "odd"],
)
def test_of_a_lab_that_is_down_the_remedy_is_told(lab: LabState, words: str) -> None:
    assert said(parts(lab)["lab"]).startswith(words)


def test_a_begun_exercise_opens_at_its_dockerfile(bench: Bench, course: Path) -> None:
    made = present.start("01-noise")
    assert (bench.mine / "Dockerfile").is_file()
    assert page.opened("/", made) == "/lab/tree/work/01-noise/Dockerfile"
    attempt("01-noise", 0.5)
    html = parts()["lessons"]
    assert '<a class="go" id="go-01-noise" href="/lab/tree/work/01-noise/Dockerfile">Open files' in html
    assert "begun Leave the noise out core, 5 min, 1 try 01-noise 2 of 4 Open files: Leave the noise out" in said(html)
    (bench.mine / "Dockerfile").rename(bench.mine / "a #1?.txt")
    (bench.mine / "app.py").unlink()
    assert page.opened("/user/x/", made) == "/user/x/lab/tree/work/01-noise/a%20%231%3F.txt"
    for path in bench.mine.iterdir():
        path.unlink()
    (bench.mine / ".dockerignore").touch()
    assert page.opened("/", made) == "/lab/tree/work/01-noise"


def test_to_start_twice_is_to_start_once(bench: Bench, course: Path) -> None:
    present.start("01-noise")
    (bench.mine / "Dockerfile").write_text("mine")
    present.start("01-noise")
    assert (bench.mine / "Dockerfile").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "none", "..", "../exercises/01-noise", "/etc", "01-noise/", ".", "\0", HOSTILE])
def test_what_is_no_exercise_of_the_course_is_not_started(bench: Bench, course: Path, name: str) -> None:
    with pytest.raises(present.NotStarted, match="The course has no exercise") as refused:
        present.start(name)
    assert refused.value.status == 404
    assert not bench.work.exists()


def test_what_cannot_be_copied_is_told_in_a_line(bench: Bench, course: Path) -> None:
    bench.work.write_text("a file in the way")
    with pytest.raises(
        present.NotStarted, match=r"^01-noise was not started: cannot copy the starter to .*$"
    ) as refused:
        present.start("01-noise")
    assert refused.value.status == 500


def test_all_done(bench: Bench, course: Path) -> None:
    for name in ("01-noise", "03-silence"):
        attempt(name, 1.0)
    made = parts()
    assert said(made["next"]) == "All exercises are done."
    assert said(made["done"]).startswith("2 of 2 lessons and 2 of 2 exercises done, 8 of 8 points.")


def test_a_damaged_progress_file_is_one_line_and_the_rest_is_shown(bench: Bench, course: Path) -> None:
    bench.home.mkdir()
    Progress().file.write_bytes(b"no database" * 100)
    made = parts()
    assert made["faults"].count('<p class="lw-fault">') == 1
    assert "is damaged" in made["faults"]
    assert "01-noise" in made["lessons"]


def test_with_no_exercises_the_page_still_stands(bench: Bench, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERWISE_EXERCISES", str(bench.home))
    made = parts()
    assert made["next"] == ""
    assert said(made["done"]).startswith("0 of 1 lesson and 0 of 0 exercises done")


@pytest.mark.usefixtures("course")
def test_the_page_is_whole_without_its_script() -> None:
    html = document(COMING)
    for part in parts(COMING).values():
        assert part in html
    assert html.count("<h1") == 1
    assert '<form id="start" method="post" action="/layerwise/start"><input type="hidden" name="_xsrf"' in html
    assert not re.search(r"\$\w", html), "nothing was left out of the frame"
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert " on" not in re.sub(r">[^<]*<", "><", html.replace("onerror", "")), "no script in an attribute"


class TestPractice:
    """What is due of interview practice: nothing until something is known, and the way to the cell."""

    LINK = "/lab/tree/course/11-interview.ipynb#cell-id=practice"

    @pytest.fixture
    def lesson(self, course: Path) -> None:
        cells = [{"id": "title", "cell_type": "markdown", "source": "# Practice\n\nAbout 20 minutes."}]
        (course / "11-interview.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")

    @staticmethod
    def review(skill: str, days_ago: float, share: float = 0.9) -> None:
        Progress(now=lambda: time.time() - days_ago * 86_400).record_review(skill, share, "x")

    @pytest.mark.usefixtures("lesson")
    def test_nothing_is_known(self, bench: Bench) -> None:
        assert parts()["practice"] == ""
        assert not bench.home.exists()

    @pytest.mark.usefixtures("lesson")
    def test_what_is_due_comes_first_and_one_click_leads_there(self) -> None:
        self.review("layers", 5)
        self.review("build-cache", 30)
        self.review("secrets", 0)
        html = parts()["practice"]
        assert said(html) == (
            "Interview practice: today Due today: "
            "build-cache: what a step's key is, and the order of steps for 28 days "
            "layers: what layers hold, and how a container sees and changes them for 3 days Practise now"
        )
        assert f'href="{self.LINK}"' in html

    @pytest.mark.usefixtures("lesson")
    def test_nothing_is_due_today(self) -> None:
        self.review("layers", 0)
        assert said(parts()["practice"]).startswith("Interview practice: today Nothing is due today. Next: layers: ")

    @pytest.mark.usefixtures("lesson")
    def test_many_are_counted(self) -> None:
        for skill in SKILLS:
            self.review(skill, 30)
        assert f"And {len(SKILLS) - 6} other skills." in said(parts()["practice"])

    @pytest.mark.usefixtures("lesson")
    def test_a_session_that_is_open_is_told(self, bench: Bench) -> None:
        data = {"seed": 1, "minutes": 30, "assistant": False, "timeline": False, "items": []}
        Sessions().begin(Event(Kind.BEGUN, 0.0, time.time(), data))
        html = parts()["practice"]
        assert said(html) == "Interview practice: today An interview session is not finished. Go on with it"
        assert self.LINK in html

    @pytest.mark.usefixtures("course")
    def test_without_the_lesson_the_command_is_named(self) -> None:
        self.review("layers", 5)
        assert said(parts()["practice"]).endswith("In a terminal: lab interview")

    @pytest.mark.usefixtures("lesson")
    def test_damaged_files_are_as_none(self, bench: Bench) -> None:
        bench.home.mkdir()
        Sessions().file.write_bytes(b"no database" * 100)
        assert parts()["practice"] == ""

    def test_the_cell_is_in_the_lesson(self) -> None:
        cells = json.loads((COURSE / f"{page.PRACTICE}.ipynb").read_text(encoding="utf-8"))["cells"]
        (cell,) = [cell for cell in cells if cell["id"] == page.PRACTICE_CELL]
        assert "lw.practice()" in "".join(cell["source"])
