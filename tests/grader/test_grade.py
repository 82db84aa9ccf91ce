"""A grading from beginning to end, with checks that need no engine: verdicts, whose fault it is, events, the report."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.checks import python
from grader.errors import ExerciseInvalid, SubmissionUnusable
from grader.exercise import Check, Exercise
from grader.facts import Facts
from grader.facts.build import build as building
from grader.facts.build.build import Build
from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.engine.engine import Engine
from grader.grade import Event, grade
from grader.lib.schedule import Workload
from grader.verdict import Report, Status, Verdict
from tests.grader.conftest import exercise
from tests.grader.facts.engine.played import played
from tests.grader.facts.image.archives import Maker

FROM = "FROM scratch\nCOPY a /\n"
CHECKS = """
import threading
from grader.errors import *
from grader.verdict import Verdict

def good(facts): return True, "Good"
def bad(facts): return False, "Bad"
def half(facts): return Verdict.share(0.5, "Half")
def file(facts): return len(facts.plan.stages) == 1, "One stage"
def again(facts): return bool(facts.context), "Read"
def broken(facts): raise ZeroDivisionError("x")
def gone(facts): raise EngineUnavailable("no engine answers")
def unseen(facts): raise NotObservable("only an image was handed in: grade the folder")
def unusable(facts): raise ExerciseInvalid("exercise.toml: wrong")
def interrupted(facts): raise KeyboardInterrupt
def fault(facts): raise SubmissionFault("line 3 is wrong", where=("Dockerfile", 3), details={"a": 1})
def whole(facts): raise SubmissionFault("it is wrong", where=("Dockerfile", 0))
def asks(facts): return facts.engine is not None, "Asked"
def built(facts): return facts.build is not None, "Built"
def looks(facts): return facts.image.config is not None, "Looked"
"""


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of the test's own. Nothing may be left in it."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("check-")]


@pytest.fixture
def of(tmp_path: Path) -> Callable[..., Exercise]:
    """Makes an exercise of these functions; `name: need need` is a check that needs others."""

    def make(*wanted: str) -> Exercise:
        folder = tmp_path / "exercise"
        folder.mkdir(exist_ok=True)
        (folder / "checks.py").write_text(CHECKS)
        made = exercise(*(("python", {"function": f"checks.py:{one.partition(':')[0]}"}) for one in wanted))
        ids = [one.partition(":")[0] for one in wanted]
        checks = tuple(
            replace(check, id=ids[number], title=f"About {ids[number]}", needs=tuple(one.partition(":")[2].split()))
            for number, (check, one) in enumerate(zip(made.checks, wanted, strict=True))
        )
        return replace(made, folder=folder, checks=checks)

    return make


def outline(report: Report) -> list[tuple[str, str]]:
    return [(check.status.value, check.message) for check in report.checks]


SKIPPED = "Not judged: it needs “About {}”, which did not pass."
SAME = "Not judged, for the same reason that “About {}” failed."


@pytest.mark.parametrize(
    ("wanted", "dockerfile", "expected"),
    [
        ("good bad half", FROM, [("passed", "Good"), ("failed", "Bad"), ("partial", "Half")]),
        # What others need.
        ("bad good:bad", FROM, [("failed", "Bad"), ("skipped", SKIPPED.format("bad"))]),
        ("half good:half", FROM, [("partial", "Half"), ("skipped", SKIPPED.format("half"))]),
        ("good bad half:good,bad", FROM, [("passed", "Good"), ("failed", "Bad"), ("skipped", SKIPPED.format("bad"))]),
        ("bad good:bad half:good", FROM,
         [("failed", "Bad"), ("skipped", SKIPPED.format("bad")), ("skipped", SKIPPED.format("good"))]),
        # What keeps the grader from looking costs nothing.
        ("gone good:gone", FROM, [("error", "No engine answers."), ("skipped", SKIPPED.format("gone"))]),
        ("broken good", FROM,
         [("error", "The exercise's own code failed in checks.py, line 11 (ZeroDivisionError: x): please report it."),
          ("passed", "Good")]),
        # An image alone cannot show it: others are judged all the same.
        ("unseen good:unseen", FROM,
         [("error", "Only an image was handed in: grade the folder."), ("passed", "Good")]),
        # A fault of the submission is paid for once.
        ("file again", FROM, [("passed", "One stage"), ("passed", "Read")]),
        ("good file asks:file again", "FROM\n",
         [("passed", "Good"), ("failed", "Dockerfile, line 1: FROM requires either one or three arguments."),
          ("skipped", SKIPPED.format("file")), ("passed", "Read")]),
        ("file built", "FROM\n",
         [("failed", "Dockerfile, line 1: FROM requires either one or three arguments."),
          ("skipped", SAME.format("file"))]),
        ("fault whole", FROM, [("failed", "Line 3 is wrong."), ("failed", "It is wrong.")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at_once", [1, 4])
def test_verdicts(
    of: Callable[..., Exercise], submit: Callable[..., Path], at_once: int, wanted: str, dockerfile: str,
    expected: list[tuple[str, str]],
) -> None:  # fmt: skip
    checks = [one.replace(":", ": ").replace(",", " ") for one in wanted.split()]
    report = grade(of(*checks), submit(Dockerfile=dockerfile), at_once=at_once)
    assert outline(report) == expected


def test_what_the_grader_itself_gets_wrong_is_an_error(
    of: Callable[..., Exercise], submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(_facts: Facts, params: python.Params) -> Verdict:
        if params.function.endswith(":bad"):
            raise ZeroDivisionError
        return Verdict.passed("fine")

    monkeypatch.setattr(python, "judge", judge)
    report = grade(of("bad", "good"), submit(Dockerfile=FROM))
    assert outline(report) == [
        ("error", "The grader itself failed here (ZeroDivisionError), so nothing was judged. Please report it."),
        ("passed", "fine"),
    ]
    assert (report.score, report.exit_code) == (None, 3)


def test_evidence_of_a_fault(of: Callable[..., Exercise], submit: Callable[..., Path]) -> None:
    line, whole = grade(of("fault", "whole"), submit(Dockerfile=FROM)).checks
    assert (line.evidence["where"], line.evidence["a"]) == ([{"file": "Dockerfile", "line": 3}], 1)
    assert whole.evidence["where"] == [{"file": "Dockerfile"}]


@pytest.mark.parametrize(
    ("check", "exercise_wide", "expected"), [("02-x#y", "01-a", "02-x#y"), (None, "01-a", "01-a"), ("", "01-a", "01-a")]
)
def test_the_lesson_is_the_checks_or_the_exercises(
    of: Callable[..., Exercise], submit: Callable[..., Path], check: str | None, exercise_wide: str, expected: str
) -> None:
    made = of("bad")
    made = replace(made, lesson=exercise_wide, checks=(replace(made.checks[0], lesson=check, hint="look"),))
    [result] = grade(made, submit(Dockerfile=FROM)).checks
    assert (result.lesson, result.hint, result.kind, result.id) == (expected, "look", "python", "bad")


@pytest.mark.parametrize(
    ("wanted", "score", "code"),
    [
        (["good", "good"], 2.0, 0),
        (["good", "half", "bad"], 1.5, 1),
        (["good", "gone"], None, 3),
        (["bad", "gone"], None, 3),
    ],
)
def test_the_report(
    of: Callable[..., Exercise], submit: Callable[..., Path], wanted: list[str], score: float | None, code: int
) -> None:
    made = replace(of(*wanted), title="A \x1b[31mtitle\n")
    report = grade(made, submit(Dockerfile=FROM))
    assert (report.exercise, report.score, report.exit_code) == (made.name, score, code)
    assert (report.engine, report.image) == ({}, {})
    assert "\x1b" not in report.title
    assert report.seconds > 0


# What cannot be graded at all


@pytest.mark.parametrize(
    ("files", "says"), [({}, "is empty: put a Dockerfile there"), ({"x": "y"}, "expected a Dockerfile in")]
)
def test_a_folder_that_cannot_be_used(
    of: Callable[..., Exercise], submit: Callable[..., Path], files: dict[str, str], says: str
) -> None:
    with pytest.raises(SubmissionUnusable, match=says):
        grade(of("good"), submit(files))


@pytest.mark.parametrize("name", ["nothing.tar", "."])
def test_no_archive_there(of: Callable[..., Exercise], tmp_path: Path, name: str) -> None:
    with pytest.raises(SubmissionUnusable, match=r"no image archive at .*: make one with 'docker save'"):
        grade(of("good"), None, image=tmp_path / name)


def test_an_archive_that_is_none(of: Callable[..., Exercise], tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(b"x" * 1000)
    with pytest.raises(SubmissionUnusable):
        grade(of("looks"), None, image=tmp_path / "image.tar")
    assert grade(of("good"), None, image=tmp_path / "image.tar").exit_code == 0  # nothing looked at it


def test_an_exercise_that_is_wrong_is_no_report(of: Callable[..., Exercise], submit: Callable[..., Path]) -> None:
    with pytest.raises(ExerciseInvalid):
        grade(of("good", "unusable", "good"), submit(Dockerfile=FROM))


@pytest.mark.parametrize("at_once", [1, 4])
def test_ctrl_c(of: Callable[..., Exercise], submit: Callable[..., Path], at_once: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        grade(of("good", "interrupted", "good"), submit(Dockerfile=FROM), at_once=at_once)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_leaves_nothing_behind(
    of: Callable[..., Exercise], submit: Callable[..., Path], number: signal.Signals
) -> None:
    def stop(event: Event) -> None:
        if event.kind == "result":
            os.kill(os.getpid(), number)

    with pytest.raises(SystemExit) as caught:
        grade(of("good", "good"), submit(Dockerfile=FROM), on_event=stop)
    assert caught.value.code == 128 + number
    assert signal.getsignal(number) == signal.SIG_DFL


def test_a_handler_for_sigterm_that_was_set_stays(of: Callable[..., Exercise], submit: Callable[..., Path]) -> None:
    handled: list[int] = []

    def stop(event: Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda number, _frame: handled.append(number))
    try:
        report = grade(of("good"), submit(Dockerfile=FROM), on_event=stop)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert report.exit_code == 0
    assert handled == [signal.SIGTERM] * 2


# With an engine and with an image that are played


def test_what_the_report_says_of_the_engine(of: Callable[..., Exercise], submit: Callable[..., Path]) -> None:
    folder = submit(Dockerfile=FROM)
    with played() as (engine, _):
        assert grade(of("good"), folder, engine=engine).engine == {}  # no check asked for it
        asked = grade(of("asks"), folder, engine=engine)
    assert asked.engine == {"version": "26.1.5+dfsg1", "image_store": engine.info.image_store}
    assert asked.image == {}


def test_what_it_says_of_the_image(of: Callable[..., Exercise], tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(Maker().docker())
    report = grade(of("looks"), None, image=path)
    assert (report.exit_code, report.engine) == (0, {})
    assert report.image["id"].startswith("sha256:")
    assert grade(of("good"), None, image=path).image == {}


def test_an_image_alone(of: Callable[..., Exercise], tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(Maker().docker())
    built, looks = grade(of("built", "looks:built"), None, image=path).checks
    assert (built.status, built.evidence["seen"]) == (Status.ERROR, "an image alone")
    assert looks.status is Status.PASSED


def test_events_come_in_order_and_in_the_thread_that_asked(
    of: Callable[..., Exercise], submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks are judged in other threads, and a build tells of its steps from others still."""
    steps = [
        Vertex("o", "[internal] load build context", started=1.0),
        Vertex("f", "[1/3] FROM scratch", started=1.0),
        Vertex("a", "[2/3] COPY a /", started=1.0),
        Vertex("b", "[3/3] RUN  make\n  \x1b[31mall", started=1.0),
        Vertex("a", "[2/3] COPY a /", started=1.0, completed=2.0),
        Vertex("b", "[3/3] RUN  make\n  \x1b[31mall", started=1.0, completed=2.0),
    ]

    def build(_engine: Engine, _submission: object, *, on_step: Callable[[Vertex], None], **_more: Any) -> Build:
        for vertex in steps:
            on_step(vertex)
        return Build(BuildLog(True, 1.0, ()), "made")

    def note(event: Event) -> None:
        assert threading.current_thread() is threading.main_thread()
        events.append(event)

    monkeypatch.setattr(building, "build", build)
    monkeypatch.setattr(Engine, "remove_image", lambda *_: None)
    events: list[Event] = []
    with played() as (engine, _):
        report = grade(of("good", "built", "bad"), submit(Dockerfile=FROM), engine=engine, on_event=note)
    told = [event for event in events if event.kind != "step"]
    assert [(event.kind, event.number, event.total, event.title) for event in told] == [
        (kind, number, 3, f"About {name}")
        for number, name in enumerate(("good", "built", "bad"), 1)
        for kind in ("check", "result")
    ]
    assert [event.result for event in told if event.kind == "result"] == list(report.checks)
    assert [(event.text, event.done, event.steps) for event in events if event.kind == "step"] == [
        ("COPY a /", 0, 1),
        ("RUN make all", 0, 2),
        ("COPY a /", 1, 2),
        ("RUN make all", 2, 2),
    ]


@pytest.mark.parametrize(
    ("work", "timed", "first", "calls"),
    [
        (Workload.RUNS, False, Status.FAILED, 2),  # it may have failed because of the others: once more, alone
        (Workload.RUNS, False, Status.PASSED, 1),
        (Workload.ALONE, False, Status.FAILED, 1),
        (Workload.RUNS, True, Status.FAILED, 1),
    ],
)
def test_what_failed_while_others_ran_is_judged_once_more_alone(
    submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, work: Workload, timed: bool, first: Status, calls: int
) -> None:
    other, seen = threading.Event(), []

    class Params(python.Params):
        @property
        def timed(self) -> bool:
            return timed and self.function == "a.py:a"

    def judge(_facts: Facts, params: Params) -> Verdict:
        if params.function == "b.py:b":
            other.set()
            return Verdict.passed("other")
        seen.append(threading.active_count())
        if work is not Workload.ALONE and not timed:
            assert other.wait(30)
        return Verdict.failed("late") if len(seen) == 1 and first is Status.FAILED else Verdict.passed("in time")

    monkeypatch.setattr(Params, "work", work)
    monkeypatch.setattr(python, "judge", judge)
    checks = [
        Check(id=name, kind="python", title=name, points=1.0, params=Params(function=f"{name}.py:{name}"))
        for name in ("a", "b")
    ]
    report = grade(exercise(*checks), submit(Dockerfile=FROM))
    assert len(seen) == calls
    assert report.checks[0].status is (Status.FAILED if calls == 1 and first is Status.FAILED else Status.PASSED)
