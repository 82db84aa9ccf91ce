"""What is shown while the lab comes up."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from layerwise.stack import coming
from layerwise.stack.coming import Record, Step
from layerwise.stack.paths import Home
from layerwise.stack.progress import LiveReporter, Reporter, Task, reporter

PLAN = [
    Task("engine", "Making the engine", 30),
    Task("jupyter", "JupyterLab", 4, beside=True),
    Task("images", "Base images (3)", 60),
]


@pytest.mark.parametrize(
    ("at", "elapsed", "left"), [(0, 0, 90), (0, 10, 80), (0, 50, 60), (1, 1, 3), (2, 5, 55), (2, 70, 0)]
)
def test_what_is_left(at: int, elapsed: float, left: float) -> None:
    assert Reporter(PLAN, stream=io.StringIO()).left(at, elapsed) == left


def test_plain_lines_say_what_how_long_and_how_much_is_left() -> None:
    stream = io.StringIO()
    shown = reporter(PLAN, stream=stream)
    with shown.step("engine") as say:
        say("downloading")
        say("downloading")  # too soon after the first
        say("debian: building")
        say("debian: building still")
        say("python: building")
    with shown.step("jupyter"):
        pass
    shown.close()
    assert stream.getvalue().splitlines() == [
        "[1/3] Making the engine (about 30 s; 1 min 30 s in all)",
        "      downloading",
        "      debian: building",
        "      python: building",
        "[2/3] JupyterLab (about 4.0 s)",
    ]
    assert set(shown.seconds) == {"engine", "jupyter"}


@pytest.mark.parametrize("kind", [Reporter, LiveReporter])
def test_a_step_that_fails_is_shown_and_not_remembered(kind: type[Reporter]) -> None:
    stream = io.StringIO()
    shown = kind(PLAN, stream=stream)
    with pytest.raises(ZeroDivisionError), shown.step("images"):
        raise ZeroDivisionError
    shown.close()
    assert "stopped" in stream.getvalue()
    assert shown.seconds == {}


@pytest.mark.parametrize("kind", [Reporter, LiveReporter])
def test_a_step_that_lacks_something_is_done_and_says_what(kind: type[Reporter], tmp_path: Path) -> None:
    home, stream = Home(tmp_path), io.StringIO()
    shown = kind(PLAN, Record(home, [Step(task.key, task.title, task.seconds) for task in PLAN]), stream)
    with shown.step("images"):
        shown.lacks("images", "only docker.io has alpine:3.22")
    shown.close()
    assert "stopped" not in stream.getvalue()
    assert "only docker.io has alpine:3.22" in stream.getvalue()
    assert set(shown.seconds) == {"images"}
    now = coming.read(home)
    assert now
    assert (now.steps[2].state, now.steps[2].lacks) == ("done", "only docker.io has alpine:3.22")


def test_on_a_terminal_every_step_has_a_row() -> None:
    stream = io.StringIO()
    shown = LiveReporter(PLAN, stream=stream)
    for step in PLAN:
        with shown.step(step.key) as say:
            say("[not markup] x: y")
    shown.close()
    for step in PLAN:
        assert step.title in stream.getvalue()


@pytest.mark.parametrize("kind", [Reporter, LiveReporter])
def test_two_steps_at_the_same_time(kind: type[Reporter]) -> None:
    stream = io.StringIO()
    shown = kind(PLAN, stream=stream)
    with shown.step("engine") as first, shown.step("jupyter") as second:
        first("downloading")
        second("waiting")
        shown.tell("http://127.0.0.1:8888/[x]")
    shown.close()
    said = stream.getvalue()
    assert all(text in said for text in ("Making the engine", "JupyterLab", "http://127.0.0.1:8888/[x]"))
    assert set(shown.seconds) == {"engine", "jupyter"}


def test_it_is_recorded_for_others(tmp_path: Path) -> None:
    home = Home(tmp_path)
    shown = Reporter(PLAN, Record(home, [Step(task.key, task.title, task.seconds) for task in PLAN]), io.StringIO())
    with shown.step("engine") as say:
        say("downloading")
        now = coming.read(home)
        assert now
        assert (now.steps[0].state, now.steps[0].detail) == ("running", "downloading")
    with pytest.raises(ZeroDivisionError), shown.step("images"):
        raise ZeroDivisionError
    now = coming.read(home)
    assert now
    assert [step.state for step in now.steps] == ["done", "waiting", "failed"]
