"""What is shown while the lab comes up."""

from __future__ import annotations

import io

import pytest

from layerwise.stack.progress import LiveReporter, Reporter, Task, reporter

PLAN = [
    Task("engine", "Making the engine", 30),
    Task("images", "Base images (3)", 60),
    Task("jupyter", "JupyterLab", 2),
]


@pytest.mark.parametrize(("at", "elapsed", "left"), [(0, 0, 92), (0, 10, 82), (0, 50, 62), (1, 0, 62), (2, 5, 0)])
def test_what_is_left(at: int, elapsed: float, left: float) -> None:
    assert Reporter(PLAN, io.StringIO()).left(at, elapsed) == left


def test_plain_lines_say_what_how_long_and_how_much_is_left() -> None:
    stream = io.StringIO()
    shown = reporter(PLAN, stream)
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
        "[1/3] Making the engine (about 30 s; 1 min 32 s in all)",
        "      downloading",
        "      debian: building",
        "      python: building",
        "[3/3] JupyterLab",
    ]
    assert set(shown.seconds) == {"engine", "jupyter"}


@pytest.mark.parametrize("kind", [Reporter, LiveReporter])
def test_a_step_that_fails_is_shown_and_not_remembered(kind: type[Reporter]) -> None:
    stream = io.StringIO()
    shown = kind(PLAN, stream)
    with pytest.raises(ZeroDivisionError), shown.step("images"):
        raise ZeroDivisionError
    shown.close()
    assert "stopped here" in stream.getvalue()
    assert shown.seconds == {}


def test_on_a_terminal_every_step_has_a_row() -> None:
    stream = io.StringIO()
    shown = LiveReporter(PLAN, stream)
    for step in PLAN:
        with shown.step(step.key) as say:
            say("[not markup] x: y")
    shown.close()
    for step in PLAN:
        assert step.title in stream.getvalue()
