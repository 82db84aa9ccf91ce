"""End what the other threads of a grading wait for: Ctrl-C reaches one thread only, and the others wait in the kernel.

    cancellation = Cancellation()       # in the thread that Ctrl-C reaches
    cancellation.adopt_thread()         # first thing in each of the others
    with on_cancel(process.kill): ...   # around whatever may take long
    check_cancelled()                   # now and then in a loop that computes
    cancellation.call()                 # ends all of these, and keeps new ones from beginning

Nothing happens in a thread that no cancellation has adopted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar


class Cancelled(BaseException):
    """The grading is cancelled: leave, and clean up on the way."""


class Cancellation:
    """Asks the threads it has adopted to leave."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._called = False
        self._ends: dict[object, Callable[[], object]] = {}

    def adopt_thread(self) -> None:
        """From now on, this cancellation ends what the calling thread waits for."""
        _ADOPTED_BY.set(self)

    def call(self) -> None:
        """End what the threads wait for, now and from now on."""
        with self._lock:
            self._called = True
            ends = list(self._ends.values())
        for end in ends:
            with suppress(Exception):  # it may have ended meanwhile
                end()

    def enter(self, end: Callable[[], object]) -> object:
        """Note that something begins which `end` ends. Returns a key for `leave`. Raises Cancelled if called before."""
        key = object()
        with self._lock:
            if self._called:
                raise Cancelled
            self._ends[key] = end
        return key

    def leave(self, key: object) -> None:
        with self._lock:
            del self._ends[key]

    def check(self) -> None:
        """Raises Cancelled if the cancellation was called."""
        if self._called:
            raise Cancelled


_ADOPTED_BY: ContextVar[Cancellation | None] = ContextVar("adopted_by", default=None)


@contextmanager
def on_cancel(end: Callable[[], object]) -> Iterator[None]:
    """While the block lasts, a cancellation calls `end` in another thread. Raises Cancelled if it was called before."""
    cancellation = _ADOPTED_BY.get()
    if cancellation is None:
        yield
        return
    key = cancellation.enter(end)
    try:
        yield
    finally:
        cancellation.leave(key)


def check_cancelled() -> None:
    """Raises Cancelled if this thread's cancellation was called."""
    cancellation = _ADOPTED_BY.get()
    if cancellation:
        cancellation.check()
