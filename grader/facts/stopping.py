"""What becomes of a container that is asked to stop, told apart from what becomes of it anyway.

Two containers are started. Once both have come to rest, one gets the signal that `docker stop` sends first: the image's
STOPSIGNAL, or SIGTERM. The other gets none; where it ends as well, the image ends by itself and nothing was shown. Then
the other gets it too: what ends by chance seldom does so twice in the right order.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

from grader.facts.container import Process, Running, started
from grader.facts.engine import Engine
from grader.verdict import clean

CALM = 8
"""Looks in a row, a tenth of a second apart, at which every thread sleeps: then a container has come to rest."""
PATIENCE = 10.0
"""Seconds a container is given to come to rest before it gets the signal all the same."""
DEFAULT_SIGNAL = "SIGTERM"


@dataclass(frozen=True)
class Stopped:
    """What became of it."""

    signal: str
    """What was sent, as the image's config writes it."""
    sent: bool
    """Whether the container still ran when the signal was due."""
    exit_code: int | None
    """None where it had not ended in time."""
    seconds: float
    """From the signal to the end."""
    ends_anyway: bool
    """Whether the container that got no signal had ended as well."""
    again: bool
    """Whether the other container ended as well when it got the signal in its turn; False where it did not come so far.
    """
    main: Process | None
    """The main process before the signal; None where nobody saw it."""
    stderr: str


def stop(engine: Engine, image: str, stop_signal: str, within: float) -> Stopped:
    """Start the image, send it the signal, and wait for `within` seconds. ContainerRefused where it cannot be started.

    A container comes to rest when its processes have loaded what they need and wait for work: a signal sent before that
    meets a process whose handler is not there yet, which is not what is measured.
    """
    name = clean(stop_signal, 40) or DEFAULT_SIGNAL
    with ExitStack() as stack:
        other = stack.enter_context(started(engine, image))
        running = stack.enter_context(started(engine, image))
        _come_to_rest(running)
        main = next((process for process in running.processes() if process.main), None)
        if main is None or not running.state.get("Running"):
            return Stopped(name, False, running.wait(1.0), 0.0, True, False, main, running.output[1])
        began = time.monotonic()
        running.signal(name)
        code = running.wait(within)
        seconds = time.monotonic() - began
        anyway = not other.state.get("Running")
        again = False
        if code is not None and not anyway:
            other.signal(name)
            again = other.wait(within) is not None
        return Stopped(name, True, code, seconds, anyway, again, main, running.output[1])


def _come_to_rest(running: Running) -> None:
    deadline = time.monotonic() + PATIENCE
    calm = 0
    while calm < CALM and time.monotonic() < deadline:
        time.sleep(0.1)
        calm = calm + 1 if running.is_idle() else 0
