"""Interview practice without a notebook: messages as the script sends them, and a clock in the test's hands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from grader.exercise import Exercise
from grader.verdict import Report
from layerwise.errors import InputError, LabError
from layerwise.interview.session import Session
from layerwise.interview.state import Phase, load
from layerwise.interview.store import Sessions
from layerwise.progress import Progress
from layerwise.stack.paths import Home
from layerwise.views.grading import Stopped
from layerwise.views.practice import Practice
from tests.layerwise.interview import practice
from tests.layerwise.interview.practice import Hands

from .conftest import Bench

HOSTILE = "<img src=x onerror=alert(1)> & `code`"
SEED = "7"


@dataclass
class Grader:
    """A grader that begins when it is let, takes half a minute, and says what it is told to say."""

    hands: Hands
    says: Callable[[Exercise], Report]
    may_go: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    stopped: bool = False
    folders: list[Path] = field(default_factory=list)

    def __call__(self, exercise: Exercise, folder: Path, on_news: Callable[[str], None]) -> Grader:
        self.folders.append(folder)
        self._exercise, self._news = exercise, on_news
        return self

    def run(self) -> Report:
        self._news("building, step 1 of 3")
        self.begun.set()
        assert self.may_go.wait(30)
        self.hands.pass_by(30)
        if self.stopped:
            raise Stopped("the grading was stopped: nothing was judged and nothing is recorded")
        return self.says(self._exercise)

    def stop(self) -> None:
        self.stopped = True
        self.may_go.set()


@dataclass
class Candidate:
    """What the script of a view does, and what it then shows."""

    view: Practice

    def does(self, what: str, **more: Any) -> Candidate:
        """Send a message that is taken."""
        assert self.tries(what, **more) == ""
        return self

    def tries(self, what: str, **more: Any) -> str:
        """Send a message. Returns why it was refused."""
        where = more.pop("at", None)
        self.view._hear(None, {"do": what, **more, **({} if where is None else {"from": where})}, [])
        return str(self.view.widget.fault)

    @property
    def screen(self) -> dict[str, Any]:
        return dict(self.view.widget.screen)

    @property
    def standings(self) -> list[str]:
        return [item["standing"] for item in self.view.widget.items]

    @property
    def left(self) -> float:
        return float(self.view.widget.clock["left"])

    @property
    def runs(self) -> bool:
        return bool(self.view.widget.clock["runs"])

    def begins(self, minutes: int = 30, **more: Any) -> Candidate:
        return self.does("begin", minutes=minutes, seed=SEED, assistant=False, **more)

    @property
    def task(self) -> int:
        return next(number for number, item in enumerate(self.view.widget.items) if "Task" in item["label"])


@dataclass
class World:
    """Where views are made: one home, one clock."""

    bench: Bench
    hands: Hands
    grader: Grader
    prepared: list[str] = field(default_factory=list)
    problem: LabError | None = None

    @property
    def sessions(self) -> Sessions:
        return Sessions(Home(self.bench.home))

    @property
    def progress(self) -> Progress:
        return Progress(self.bench.home / "progress.sqlite", now=lambda: self.hands.wall)

    def candidate(self) -> Candidate:
        made = Practice(
            practice.sources(self.bench.home.parent),
            sessions=self.sessions,
            progress=self.progress,
            clock=self.hands.clock,
            grader=self.grader,
            prepare=self._prepare,
        )
        return Candidate(made)

    def _prepare(self, exercises: Sequence[Exercise]) -> None:
        self.prepared += [exercise.name for exercise in exercises]
        if self.problem:
            raise self.problem


@pytest.fixture
def world(bench: Bench) -> Iterator[World]:
    hands = Hands()
    yield World(bench, hands, Grader(hands, lambda exercise: practice.graded(exercise, 1, 0.5, 0)))
    if Practice._holder:
        Practice._holder._stand_up()


def until(is_so: Callable[[], bool]) -> None:
    """Wait for a thread."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestStart:
    def test_nothing_is_known_yet(self, world: World) -> None:
        one = world.candidate()
        assert one.screen["name"] == "start"
        assert one.screen["session"] == ""
        assert "Nothing is known of you yet" in one.screen["today"]
        assert one.view.text().startswith("Interview practice. Nothing is known of you yet.")
        assert not world.bench.home.exists(), "nothing is made by looking"

    def test_what_is_due(self, world: World) -> None:
        for skill, share in (("build-cache", 0.3), ("layers", 0.9)):
            world.progress.record_review(skill, share, "x")
        assert (
            world.candidate().screen["today"].startswith("<p>Nothing is due today. Next: <strong>build-cache</strong>")
        )
        world.hands.pass_by(4 * 86_400)
        today = world.candidate().screen["today"]
        assert today.index("build-cache") < today.index("layers"), "the most urgent first"
        assert "for 3 days" in today
        assert "<li><strong>build-context" not in today
        assert "Due today: build-cache: what a step's key is" in world.candidate().view.text()

    @pytest.mark.parametrize(
        ("message", "why"),
        [
            ({"minutes": 30, "seed": "", "assistant": None}, "choose whether an AI assistant is allowed"),
            ({"minutes": 30, "seed": ""}, "choose whether an AI assistant is allowed"),
            ({"minutes": 31, "seed": "", "assistant": True}, "choose how long it takes: 30, 45, 60 minutes"),
            ({"minutes": "30", "seed": "", "assistant": True}, "choose how long it takes"),
            ({"minutes": 30, "seed": "-1", "assistant": True}, "a seed is a whole number"),
            ({"minutes": 30, "seed": "1" * 10, "assistant": True}, "a seed is a whole number"),
            ({"minutes": 30, "seed": [], "assistant": True}, "a seed is a whole number"),
        ],
    )
    def test_what_cannot_be_begun(self, world: World, message: dict[str, Any], why: str) -> None:
        one = world.candidate()
        assert why in one.tries("begin", **message)
        assert world.sessions.numbers() == []
        assert one.screen["name"] == "start"

    def test_the_seed_gives_the_same_session_whatever_is_due(self, world: World) -> None:
        names = []
        for skill in ("build-cache", "supply-chain"):
            world.progress.record_review(skill, 0.1, "x")
            world.hands.pass_by(5 * 86_400)
            one = world.candidate().begins()
            names.append([item.item.name for item in load(world.sessions, 1 + len(names))[1].items])
            one.does("end")
            assert one.screen["name"] == "report"
        assert names[0] == names[1]

    def test_without_a_seed_it_is_another(self, world: World) -> None:
        seeds = set()
        for _ in range(3):
            one = world.candidate().does("begin", minutes=30, seed="", assistant=True).does("end")
            seeds.add(one.screen["html"].partition("seed ")[2].partition("<")[0])
        assert len(seeds) > 1

    def test_a_lab_that_is_down_is_told_and_the_session_begins(self, world: World) -> None:
        world.problem = LabError("the lab is not up; run: ./lab up")
        one = world.candidate()
        assert "Tasks cannot be built or graded now: the lab is not up" in one.tries(
            "begin", minutes=30, seed=SEED, assistant=True
        )
        assert one.screen["name"] == "mock"
        assert len(world.prepared) == 1

    @pytest.mark.parametrize("file", ["sessions.sqlite", "progress.sqlite"])
    def test_a_damaged_file_is_one_line(self, world: World, file: str) -> None:
        world.bench.home.mkdir()
        (world.bench.home / file).write_bytes(b"no database" * 100)
        one = world.candidate()
        assert "is damaged" in one.screen["note"]
        assert one.screen["name"] == "start"
        assert "is damaged" in one.tries("begin", minutes=30, seed="", assistant=True)

    @pytest.mark.parametrize(
        "message",
        [{}, {"do": "dance"}, "answer", None, {"do": "next"}, {"do": "rate"}, {"do": "keep"}, {"do": "draft"}],
    )
    def test_a_message_that_makes_no_sense_is_refused(self, world: World, message: Any) -> None:
        one = world.candidate()
        one.view._hear(None, message, [])
        assert one.view.widget.fault
        assert one.view.widget.heard == 1
        assert world.sessions.numbers() == []


class TestMock:
    def test_the_first_item_is_open_and_the_clock_runs(self, world: World) -> None:
        one = world.candidate().begins()
        assert one.screen["item"]["number"] == 0
        assert one.screen["about"].startswith("Mock interview, 30 minutes, ")
        assert one.screen["about"].endswith(" points, seed 7, no AI assistant")
        assert one.standings[:2] == ["begun", "not begun"]
        assert (one.left, one.runs) == (1800, True)
        world.hands.pass_by(61.5)
        assert one.does("draft", at=0, answer={"answer": "x"}).left == 1738.5

    def test_no_answer_and_no_model_answer_is_shown_before_the_end(self, world: World) -> None:
        one = world.candidate().begins()
        question = practice.sources(world.bench.home.parent).bank[load(world.sessions, 1)[1].items[0].item.name]
        one.does("next", at=0, answer={"answer": "mine"})
        sent = repr(one.view.widget.get_state(("screen", "items", "said")))
        for word in (question.short, question.strong, question.rubric[0].evidence):
            assert word[:30] not in sent
        assert "mine" not in one.view.html()

    def test_an_answer_is_saved_by_whatever_leaves_it(self, world: World) -> None:
        one = world.candidate().begins()
        for what, more in (("next", {}), ("open", {"item": 3}), ("pause", {}), ("end", {})):
            here = one.screen["item"]["number"]
            one.does(what, at=here, answer={"answer": f"by {what}", "why": f"by {what}"}, **more)
            answers = load(world.sessions, 1)[1].items[here].answers
            assert f"by {what}" in answers[-1].fields.values()
            if what == "pause":
                one.does("continue")

    def test_what_is_the_same_or_empty_is_not_saved_again(self, world: World) -> None:
        one = world.candidate().begins()
        for answer in ({"answer": "x"}, {"answer": "x"}, {"answer": " "}, {}, {"answer": 7}, {"answer": None}):
            one.does("draft", at=0, answer=answer)
        assert len(load(world.sessions, 1)[1].items[0].answers) == 1
        assert one.standings[0] == "answered"

    def test_an_answer_that_is_too_large_is_refused_and_the_item_stays_open(self, world: World) -> None:
        one = world.candidate().begins()
        for what in ("draft", "next", "end"):
            said = one.tries(what, at=0, answer={"answer": "x" * 1_000_000})
            assert "an answer has at most 64 KiB" in said
            assert "\n" not in said
        assert one.screen["item"]["number"] == 0
        assert world.sessions.get(1).elapsed == 0
        one.does("end", at=0, answer={"answer": "short"})
        assert one.screen["name"] == "rate"

    def test_a_late_draft_of_another_item_is_not_put_here(self, world: World) -> None:
        one = world.candidate().begins().does("next", at=0, answer={"answer": "x"})
        assert "another item is open" in one.tries("draft", at=0, answer={"answer": "y"})
        one.does("open", item=3, at=0, answer={"answer": "x"})  # two quick clicks
        assert one.screen["item"]["number"] == 3
        assert len(load(world.sessions, 1)[1].items[0].answers) == 1

    @pytest.mark.parametrize("number", [-1, 99, None, "1"])
    def test_an_item_that_is_none(self, world: World, number: Any) -> None:
        one = world.candidate().begins()
        assert one.tries("open", item=number)
        assert one.screen["item"]["number"] == 0

    def test_skipped_items_are_come_back_to_only_by_hand(self, world: World) -> None:
        one = world.candidate().begins()
        seen = []
        while one.screen["item"]["number"] not in seen:
            seen.append(one.screen["item"]["number"])
            one.does("skip")
        assert seen == list(range(len(one.standings)))
        assert set(one.standings) == {"skipped"}
        assert "Go back to any of them" in one.view.widget.said
        assert one.does("open", item=1).screen["item"]["number"] == 1

    def test_a_pause_hides_the_item_and_stops_the_clock(self, world: World) -> None:
        one = world.candidate().begins().does("pause")
        assert (one.screen["item"], one.screen["paused"], one.runs) == (None, True, False)
        world.hands.pass_by(500)
        assert "paused" in one.tries("next")
        one.does("continue")
        assert (one.left, one.runs) == (1800, True)
        assert one.screen["item"]["number"] == 0

    def test_the_time_ends(self, world: World) -> None:
        one = world.candidate().begins()
        one.does("draft", at=0, answer={"answer": "in time"})
        one.does("time")
        assert not one.screen["over"], "the kernel's clock decides"
        world.hands.pass_by(1801)
        one.does("time", at=0, answer={"answer": "in time, and late"})
        assert one.screen["over"]
        assert one.screen["item"]["fields"][0]["value"] == "in time, and late"
        assert not one.runs
        assert "the time is over" in one.tries("open", item=1)
        assert "the time is over" in one.tries("pause")
        one.does("end")
        assert load(world.sessions, 1)[1].ended_by == "time"
        assert "in time</p>" in one.screen["own"]

    def test_hostile_text_is_shown_and_does_nothing(self, world: World) -> None:
        one = world.candidate().begins()
        one.does("next", at=0, answer={"answer": HOSTILE})
        one.does("open", item=0)
        assert one.screen["item"]["fields"][0]["value"] == HOSTILE, "the script sets it as a value"
        task = one.task
        one.does("open", item=task)
        one.does("end", at=task, answer=dict.fromkeys(("hypothesis", "command", "evidence", "verification"), HOSTILE))
        shown = [one.screen["own"] + one.screen["model"]]
        while one.screen["name"] == "rate":
            one.does("rate", points=[])
            shown.append(one.screen.get("own", "") + one.screen["html"] if "html" in one.screen else one.screen["own"])
        shown += [one.screen["page"], one.view.html()]
        assert "<img" not in "".join(shown)
        assert "".join(shown).count("&lt;img src=x onerror=alert(1)&gt;") >= 10


class TestTask:
    def opened(self, world: World) -> Candidate:
        one = world.candidate().begins()
        return one.does("open", item=one.task)

    def test_its_files_are_written_and_linked(self, world: World) -> None:
        one = self.opened(world)
        task = one.screen["item"]["task"]
        assert (world.bench.work / Path(task["folder"]).name / "Dockerfile").is_file()
        assert task["files"] == [f"{task['folder']}/Dockerfile"]
        assert task["shell"] == ""
        assert task["story"] == "<p>The team waits for each build.</p>"
        assert [points for points, _ in task["judged"]] == ["2", "4", "2", "3"]
        assert [each["name"] for each in one.screen["item"]["fields"]] == [
            "hypothesis", "command", "evidence", "verification",
        ]  # fmt: skip

    def test_with_a_timeline_it_says_in_which_shell_commands_are_recorded(self, world: World) -> None:
        one = world.candidate().begins(timeline=True)
        assert one.does("open", item=one.task).screen["item"]["task"]["shell"] == "lab interview shell"
        assert load(world.sessions, 1)[1].timeline

    def test_it_is_graded_quietly_and_the_clock_stands_still(self, world: World) -> None:
        one = self.opened(world)
        world.hands.pass_by(100)
        one.does("hand-in", at=one.task, answer={"hypothesis": "the copy"})
        assert world.grader.begun.wait(30)
        until(lambda: one.view.widget.news == "building, step 1 of 3")
        assert not one.runs
        for what, more in (("next", {}), ("pause", {}), ("hand-in", {}), ("end", {}), ("open", {"item": 0})):
            assert "is being graded" in one.tries(what, **more)
        world.grader.may_go.set()
        until(lambda: one.view.widget.news == "" and one.runs)
        assert one.view.widget.said.startswith("Handed in. You hear at the end how it was.")
        assert one.left == 1700
        assert one.standings[one.task] == "handed in"
        sent = repr(one.view.widget.get_state(("screen", "items", "said", "fault", "clock")))
        assert "4 of 8" not in sent
        assert "partial" not in sent
        copy = world.grader.folders[0]
        assert (copy / "Dockerfile").is_file()
        assert world.bench.work not in copy.parents

    def test_a_grader_that_is_stopped_or_fails_takes_no_time(self, world: World) -> None:
        one = self.opened(world)
        one.does("hand-in")
        assert world.grader.begun.wait(30)
        one.does("stop")
        until(lambda: one.view.widget.news == "" and one.runs)
        assert "It could not be graded: the grading was stopped" in one.view.widget.said
        assert one.left == 1800
        world.grader.stopped, world.grader.says = False, lambda exercise: practice.graded(exercise, 1, -1, 1)
        one.does("hand-in")
        until(lambda: one.view.widget.news == "" and one.runs)
        assert "It could not be graded: the engine does not answer." in one.view.widget.said
        assert one.left == 1800
        assert load(world.sessions, 1)[1].given_back["engine"] == 60
        assert one.standings[one.task] == "begun"

    def test_nothing_to_grade(self, world: World) -> None:
        def refuse(exercise: Exercise) -> Report:
            raise InputError("the folder has no Dockerfile")

        world.grader.says = refuse
        world.grader.may_go.set()
        one = self.opened(world)
        one.does("hand-in")
        until(lambda: one.view.widget.said != "")
        assert one.view.widget.said == "There is nothing to grade: the folder has no Dockerfile"

    def test_a_task_that_cannot_be_begun_says_so(self, world: World) -> None:
        world.bench.work.write_text("a file in the way")
        one = self.opened(world)
        assert "This task cannot be begun" in one.screen["item"]["problem"]
        assert one.screen["item"]["task"]["folder"] == ""
        one.does("hand-in")
        until(lambda: one.view.widget.said == "Not handed in: the task was not started: there is nothing to hand in")

    def test_its_report_is_shown_with_the_rating(self, world: World) -> None:
        world.grader.may_go.set()
        one = self.opened(world)
        one.does("hand-in", at=one.task, answer={"hypothesis": "the copy"})
        until(lambda: one.view.widget.news == "" and one.runs)
        one.does("end")
        assert "The install comes after the copy of everything." in one.screen["model"]
        assert "The key of the install holds" in one.screen["model"]
        assert "of 8 points" in one.screen["card"]
        assert "the copy" in one.screen["own"]


class TestAgain:
    def test_a_kernel_that_was_killed_is_resumed_where_it_stood(self, world: World) -> None:
        one = world.candidate().begins().does("next", at=0, answer={"answer": "kept"})
        world.hands.pass_by(100)
        sitting = one.view._sitting
        assert sitting
        sitting.session.tick()
        sitting.session.__exit__()  # the kernel ends, and the lock with it
        Practice._holder = None
        world.hands.pass_by(9_000)
        again = world.candidate()
        assert again.screen["session"] == ("Session 1 is open: 28 of 30 minutes are left, and the clock stands still.")
        assert again.screen["resume"] == "Resume"
        again.does("resume")
        assert again.left == 1700
        assert again.screen["item"]["number"] == 1
        assert again.does("open", item=0).screen["item"]["fields"][0]["value"] == "kept"

    def test_another_view_of_this_kernel_looks_or_takes_over(self, world: World) -> None:
        one = world.candidate().begins().does("next", at=0, answer={"answer": "kept"})
        other = world.candidate()
        assert other.screen["session"] == "A session is open in another view of this notebook."
        assert (other.screen["resume"], other.screen["held"]) == ("Go on here", True)
        assert "go on with it first" in other.tries("begin", minutes=30, seed="", assistant=True)
        other.does("watch")
        assert "1. Question: answered" in other.screen["html"]
        assert "kept" not in other.screen["html"]
        other.does("home").does("resume")
        assert other.screen["item"]["number"] == 1
        assert one.screen["session"] == "A session is open in another view of this notebook."
        assert "no session is open in this view" in one.tries("next")
        assert load(world.sessions, 1)[1].stops == [], "no interruption"

    def test_a_view_that_takes_over_hears_the_grader(self, world: World) -> None:
        one = world.candidate().begins()
        one.does("open", item=one.task).does("hand-in")
        assert world.grader.begun.wait(30)
        other = world.candidate().does("resume")
        assert other.view.widget.news == "building, step 1 of 3"
        world.grader.may_go.set()
        until(lambda: other.view.widget.said.startswith("Handed in."))

    def test_a_session_that_another_process_has_open(self, world: World) -> None:
        plan = practice.short_plan(practice.sources(world.bench.home.parent))
        with Session.begin(world.sessions, plan, assistant=True, clock=world.hands.clock):
            one = world.candidate()
            assert one.screen["session"].startswith("Session 1 is open")
            one.does("resume")
            assert one.screen["session"].startswith("A session is open in another terminal or notebook (process ")
            assert (one.screen["resume"], one.screen["held"]) == ("Try again", True)
            assert "1. Question: not begun" in one.does("watch").screen["html"]
        assert one.does("resume").screen["name"] == "mock"

    def test_nothing_to_resume(self, world: World) -> None:
        assert "no session is open" in world.candidate().tries("resume")
        assert world.candidate().does("watch").screen["name"] == "start"


class TestAfter:
    def ended(self, world: World) -> Candidate:
        one = world.candidate().begins()
        for _ in range(2):
            here = one.screen["item"]["number"]
            one.does("next", at=here, answer={"answer": f"mine {here}", "why": "…"})
        return one.does("end")

    def test_answers_are_rated_one_after_the_other(self, world: World) -> None:
        one = self.ended(world)
        assert one.screen["head"].startswith("Answer 1 of 2: item 1, question, ")
        assert "mine 0" in one.screen["own"]
        assert "Strong answer" in one.screen["model"]
        assert (one.screen["first"], one.screen["last"]) == (True, False)
        one.does("rate", points=[0, 2, 99, "x"])
        assert load(world.sessions, 1)[1].items[0].rated[:3] == (True, False, True)
        one.does("back")
        assert [point["given"] for point in one.screen["rubric"]][:3] == [True, False, True]
        one.does("rate", points=[1]).does("rate", points=None)
        assert one.screen["name"] == "report"
        state = load(world.sessions, 1)[1]
        assert state.phase is Phase.FINISHED
        assert state.items[0].rated[:2] == (False, True)
        assert one.screen["file"] == "interview-1.html"
        assert one.screen["page"].startswith("<!DOCTYPE html>")
        assert {review.source.partition(" ")[2] for review in world.progress.reviews()} == {
            f"in session {world.sessions.get(1).token}"
        }
        assert one.does("home").screen["session"] == ""
        assert "Session 1: 1 of" not in one.view.text()

    def test_ratings_go_on_where_they_were_left(self, world: World) -> None:
        one = self.ended(world).does("rate", points=[0])
        one.view._stand_up()
        again = world.candidate()
        assert again.screen["session"] == "Session 1 has ended, and its answers are not all rated."
        assert again.does("resume").screen["head"].startswith("Answer 2 of 2")

    def test_a_session_without_an_answer_has_a_report_at_once(self, world: World) -> None:
        one = world.candidate().begins().does("end")
        assert one.screen["words"].startswith("Session 1: 0 of ")
        assert one.view.html().count("lab interview report") == 1

    def test_reports_on_earlier_sessions(self, world: World) -> None:
        one = world.candidate()
        assert one.screen["earlier"] == []
        for _ in range(2):
            one.begins().does("end").does("home")
        assert [number for number, _ in one.screen["earlier"]] == [2, 1]
        assert one.screen["earlier"][1][1].endswith(", 30 minutes, seed 7")
        assert one.does("report", session=1).screen["words"].startswith("Session 1: 0 of ")
        assert "there is no session 9" in one.tries("report", session=9)
        assert "which session?" in one.tries("report", session="1")

    def test_no_report_before_a_session_is_finished(self, world: World) -> None:
        one = world.candidate().begins()
        assert "a session is open here" in one.tries("report", session=1)
        one.view._stand_up()
        assert "session 1 is not finished" in world.candidate().tries("report", session=1)


class TestDrill:
    def test_a_question_is_revealed_rated_and_remembered(self, world: World) -> None:
        one = world.candidate().does("drill", skill="image-size")
        assert "image-size: " in one.screen["head"]
        assert not one.screen["revealed"]
        assert "model" not in one.screen
        one.does("reveal", answer=HOSTILE)
        assert "&lt;img src=x" in one.screen["own"]
        assert "<img" not in one.screen["own"]
        assert "Short answer" in one.screen["model"]
        first, count = one.screen["text"], len(one.screen["rubric"])
        one.does("keep", points=[0, 0, 1, 77])
        assert {review.share for review in world.progress.reviews()} == {2 / count}
        assert one.screen["text"] != first, "another question"
        one.does("reveal", answer="").does("keep", points=[], stop=True)
        assert one.screen["name"] == "start"

    def test_a_question_with_options_is_judged_by_itself(self, world: World) -> None:
        one = world.candidate().does("drill", skill="processes")
        while not one.screen["asked"]:
            one.does("reveal", answer="x").does("keep", points=[])
        assert one.screen["asked"]["kind"] in ("choice", "number")
        before = len(world.progress.reviews())
        one.does("reveal", answer=0)
        assert one.screen["rubric"] == []
        assert "ight" in one.screen["model"]
        one.does("keep", points=[0, 1, 2])
        assert {review.share for review in world.progress.reviews()[before:]} <= {0.0, 1.0}

    def test_it_ends_when_nothing_is_left(self, world: World) -> None:
        one = world.candidate().does("drill", skill="reproducibility")
        while one.screen["name"] == "drill":
            one.does("reveal", answer="").does("keep", points=[])
        assert one.screen["note"] == "That is all for today."

    @pytest.mark.parametrize(
        ("does", "why"),
        [
            (("keep",), "reveal the answer first"),
            (("reveal", "x" * 1_000_000), "an answer has at most 64 KiB"),
        ],
    )
    def test_what_is_refused(self, world: World, does: tuple[str, ...], why: str) -> None:
        one = world.candidate().does("drill", skill="")
        assert why in one.tries(does[0], answer=does[-1])

    def test_a_skill_that_is_none(self, world: World) -> None:
        assert "there is no skill 'layer'; did you mean 'layers'" in world.candidate().tries("drill", skill="layer")
