"""The clock of a session: seconds that only go forward, whatever is done to the clock on the wall."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """`monotonic` is in seconds from any beginning, and counts within this process only. `wall` is in seconds since the
    epoch; it says when a session was, and nothing is reckoned with it."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Ticker:
    """Calls `tick` every few seconds, in a thread of its own, until it is stopped."""

    EVERY = 2.0
    """Seconds."""

    def __init__(self, tick: Callable[[], object]) -> None:
        self._tick = tick
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="session-clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for a call that is under way."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self.EVERY):
            self._tick()
