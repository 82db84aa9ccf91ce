"""Run several jobs in parallel if that changes no result, and give their results in order.

The kind of work (`Workload`) decides what may run at the same time. Two builds, or two readers of one image, are no
faster in parallel. A timed job runs alone. A job with a deadline may miss it because of the others, but never meets it
because of them: so if it fails in parallel with others it runs once more, alone, and only that result counts.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Generic, NoReturn, TypeVar

from grader.lib.cancel import Cancellation, Cancelled

T = TypeVar("T")

AT_ONCE = 4
"""The most jobs in parallel: one that builds, one that reads, and two that mostly wait."""
TURN = 0.5
"""Seconds of one wait for results: a signal that arrives just before a wait is only handled after it."""
PATIENCE = 20.0
"""Seconds that threads have to leave after a cancellation. One that computes and never checks is left behind."""


class Workload(IntEnum):
    """What a job spends its time on. Lower ones begin first, since they take longest."""

    BUILDS = 1
    """Builds; which steps ran matters, how long they took does not."""
    LOOKS = 2
    """Reads the folder or the image, with no deadline."""
    RUNS = 3
    """Starts containers and mostly waits for them, with deadlines."""
    ALONE = 4
    """Measures how long something takes, or may do anything."""


@dataclass(frozen=True)
class Job(Generic[T]):
    """A job to run. `do` is called once the jobs in `needs`, by number, have ended.

    It is called again, alone, if other jobs ran at the same time and `counts_in_parallel` rejects its result.
    """

    do: Callable[[], T]
    work: Workload
    needs: frozenset[int]
    counts_in_parallel: Callable[[T], bool]


class WorkerPool(Generic[T]):
    """Threads for jobs. Use it in a `with` block: leaving the block early cancels the jobs, and they clean up."""

    def __init__(self, jobs: Sequence[Job[T]], at_once: int = AT_ONCE) -> None:
        """With `at_once` 1, the jobs run one after the other, in order."""
        self._jobs = jobs
        self._at_once = at_once
        self._inbox: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._waiting = list(range(len(jobs)))
        self._running: set[int] = set()
        self._disturbed: set[int] = set()
        self._again: set[int] = set()
        self._results: dict[int, Callable[[], T]] = {}
        self._threads: list[threading.Thread] = []
        self._cancellation = Cancellation()

    def __enter__(self) -> WorkerPool[T]:
        return self

    def __exit__(self, *fault: object) -> None:
        if self._running:
            self._cancellation.call()
            deadline = time.monotonic() + PATIENCE
            for thread in self._threads:
                thread.join(max(0.0, deadline - time.monotonic()))

    def say(self, message: Callable[[], object]) -> None:
        """Called in a job: have the thread that waits for the results call `message`."""
        self._inbox.put(message)

    def results(self) -> Iterator[T]:
        """The results in the order of the jobs, each as soon as it is known. What a job raises is raised here."""
        for number in range(len(self._jobs)):
            while number not in self._results:
                self._begin()
                with suppress(queue.Empty):
                    message = self._inbox.get(timeout=TURN)
                    message()
            yield self._results.pop(number)()

    def _begin(self) -> None:
        """Start the jobs that may start now."""
        if self._at_once > 1:
            self._waiting.sort(key=lambda number: (self._work(number), number))
        for number in list(self._waiting):
            if len(self._running) >= self._at_once:
                return
            if self._may_begin(number):
                self._waiting.remove(number)
                if self._running:
                    self._disturbed |= {number, *self._running}
                self._running.add(number)
                thread = threading.Thread(target=self._do, args=(number,), name=f"check-{number + 1}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self, number: int) -> Workload:
        return Workload.ALONE if number in self._again else self._jobs[number].work

    def _may_begin(self, number: int) -> bool:
        if any(need in self._waiting or need in self._running for need in self._jobs[number].needs):
            return False
        work, others = self._work(number), {self._work(other) for other in self._running}
        if not others or work is Workload.RUNS:
            return Workload.ALONE not in others
        return work is not Workload.ALONE and not others & {work, Workload.ALONE}

    def _do(self, number: int) -> None:
        self._cancellation.adopt_thread()
        try:
            result = self._jobs[number].do()
        except Cancelled:
            return
        except BaseException as problem:
            self.say(partial(self._ended, number, partial(_raise, problem), counts=True))
        else:
            counts = self._jobs[number].work is not Workload.RUNS or self._jobs[number].counts_in_parallel(result)
            self.say(partial(self._ended, number, lambda: result, counts=counts))

    def _ended(self, number: int, result: Callable[[], T], *, counts: bool) -> None:
        self._running.remove(number)
        if counts or number not in self._disturbed:
            self._results[number] = result
        else:
            self._disturbed.remove(number)
            self._again.add(number)
            self._waiting.append(number)


def _raise(problem: BaseException) -> NoReturn:
    raise problem
