"""Whether a container ends because it is asked to stop, and not by itself.

Two containers are started. Once one of them has come to rest, it gets the signal that `docker stop` sends first: the
image's STOPSIGNAL, or SIGTERM. The other gets none. If it ends as well, the image ends by itself and nothing was shown.
If not, it gets the signal too: a container that ends by chance seldom does so twice in the right order.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.facts.engine.container import Process, Running, started
from grader.facts.engine.engine import Engine
from grader.lib.patience import stretched
from grader.lib.text import clean

if TYPE_CHECKING:
    from grader.facts.facts import Facts

CALM = 8
"""A container has come to rest when all its threads sleep this many times in a row, a tenth of a second apart."""
PATIENCE = 10.0
"""Seconds that a container has to come to rest. Then it gets the signal anyway."""
DEFAULT_SIGNAL = "SIGTERM"


@dataclass(frozen=True)
class Stopped:
    """How the containers ended."""

    signal: str
    """The signal that was sent, as in the image's config."""
    sent: bool
    """Whether the container still ran when the signal was due."""
    exit_code: int | None
    """None if it did not end in time."""
    seconds: float
    """From the signal to the end."""
    ends_anyway: bool
    """Whether the container that got no signal ended as well."""
    again: bool
    """Whether the other container ended too when it got the signal; False if it was not sent."""
    main: Process | None
    """The main process before the signal; None if it was not seen."""
    stderr: str


def observe_stop(facts: Facts, within: float) -> Stopped:
    """Return how a container of the image ends when asked to stop. See `stop`."""
    return stop(facts.engine, facts.runnable, facts.image.config.stop_signal, within)


def stop(engine: Engine, image: str, stop_signal: str, within: float) -> Stopped:
    """Start the image, send it the signal, and wait for `within` seconds.

    A container comes to rest when its processes have loaded what they need and wait for work. Before that, a process
    may not have installed its signal handler yet, and that is not what is measured.

    Raises ContainerRefused if the container cannot be started.
    """
    name = clean(stop_signal, 40) or DEFAULT_SIGNAL
    with ExitStack() as stack:
        other = stack.enter_context(started(engine, image))
        running = stack.enter_context(started(engine, image))
        come_to_rest(running)
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


def come_to_rest(running: Running) -> None:
    """Wait until a container has come to rest, and no longer than it has for that."""
    deadline = time.monotonic() + stretched(PATIENCE)
    calm = 0
    while calm < CALM and time.monotonic() < deadline:
        time.sleep(0.1)
        calm = calm + 1 if running.is_idle() else 0
