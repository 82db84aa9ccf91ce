"""End what other threads of a grading wait for. Ctrl-C reaches one thread only, and the others sit in the kernel.

    halt = Halt()                       # in the thread that Ctrl-C reaches
    halt.heeded()                       # in each of the others, first
    with ended_by(process.kill): ...    # whatever may take long, wherever it is done
    heed()                              # now and then, in a loop that computes
    halt.call()                         # each of these is ended, and nothing more of the kind begins

A thread that heeds no halt is not touched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar


class Halted(BaseException):
    """The grading is being given up: leave, and clean up on the way."""


class Halt:
    """Asks the threads that heed it to leave."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._called = False
        self._ends: dict[object, Callable[[], object]] = {}

    def heeded(self) -> None:
        """From now on, by the thread that calls this."""
        _HEEDED.set(self)

    def call(self) -> None:
        """End what is waited for, now and from now on."""
        with self._lock:
            self._called = True
            ends = list(self._ends.values())
        for end in ends:
            with suppress(Exception):  # it may have ended meanwhile
                end()

    def enter(self, end: Callable[[], object]) -> object:
        """Something begins that `end` ends; a key for `leave`. Halted where the halt was called."""
        key = object()
        with self._lock:
            if self._called:
                raise Halted
            self._ends[key] = end
        return key

    def leave(self, key: object) -> None:
        with self._lock:
            del self._ends[key]

    def check(self) -> None:
        """Halted where the halt was called."""
        if self._called:
            raise Halted


_HEEDED: ContextVar[Halt | None] = ContextVar("heeded", default=None)


@contextmanager
def ended_by(end: Callable[[], object]) -> Iterator[None]:
    """A halt calls `end`, from another thread, while the block lasts. Halted where it was called before."""
    halt = _HEEDED.get()
    if halt is None:
        yield
        return
    key = halt.enter(end)
    try:
        yield
    finally:
        halt.leave(key)


def heed() -> None:
    """Halted where a halt was called that this thread heeds."""
    halt = _HEEDED.get()
    if halt:
        halt.check()
