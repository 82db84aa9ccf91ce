"""Do several jobs beside each other where that changes no result, and give their results in order.

What may be done beside what is a matter of the kind of work (`Work`). Two builds, or two readers of one image, gain
nothing by company. What is timed is done alone. A job with a deadline may miss it because of the others, and never
makes it because of them: so one that does not succeed in company is done once more, alone, and only that counts.
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

from grader.halt import Halt, Halted

T = TypeVar("T")

AT_ONCE = 4
"""Jobs beside each other, at most: a builder, a reader, and two that mostly wait."""
TURN = 0.5
"""Seconds for which results are waited for at a time: a signal that comes just before such a wait is heard after it."""
PATIENCE = 20.0
"""Seconds that threads have to leave at a halt; one that computes and heeds nothing is left behind."""


class Work(IntEnum):
    """What a job does all the time; the lower ones begin first, since they take longest."""

    BUILDS = 1
    """Builds, where what counts is which steps ran, not how long they took."""
    LOOKS = 2
    """Reads the folder or the image, with no deadline."""
    RUNS = 3
    """Starts containers and mostly waits for them, with deadlines."""
    ALONE = 4
    """Measures how long something takes, or may do anything."""


@dataclass(frozen=True)
class Job(Generic[T]):
    """`do` is called once those in `needs`, by number, have ended; and again, alone, where `fair` says that a result
    from company does not count."""

    do: Callable[[], T]
    work: Work
    needs: frozenset[int]
    fair: Callable[[T], bool]


class Crew(Generic[T]):
    """Threads for jobs. Use it in a `with` block: leaving it early ends what they do, and they clean up."""

    def __init__(self, jobs: Sequence[Job[T]], at_once: int = AT_ONCE) -> None:
        """With `at_once` 1 they are done one after the other, in order."""
        self._jobs = jobs
        self._at_once = at_once
        self._inbox: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._waiting = list(range(len(jobs)))
        self._running: set[int] = set()
        self._disturbed: set[int] = set()
        self._again: set[int] = set()
        self._results: dict[int, Callable[[], T]] = {}
        self._threads: list[threading.Thread] = []
        self._halt = Halt()

    def __enter__(self) -> Crew[T]:
        return self

    def __exit__(self, *fault: object) -> None:
        if self._running:
            self._halt.call()
            deadline = time.monotonic() + PATIENCE
            for thread in self._threads:
                thread.join(max(0.0, deadline - time.monotonic()))

    def say(self, message: Callable[[], object]) -> None:
        """From a job: have the thread that waits for the results call this."""
        self._inbox.put(message)

    def results(self) -> Iterator[T]:
        """The result of each job, in their order, as soon as it is known. What a job raises is raised here."""
        for number in range(len(self._jobs)):
            while number not in self._results:
                self._begin()
                with suppress(queue.Empty):
                    message = self._inbox.get(timeout=TURN)
                    message()
            yield self._results.pop(number)()

    def _begin(self) -> None:
        """Begin what may begin now."""
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

    def _work(self, number: int) -> Work:
        return Work.ALONE if number in self._again else self._jobs[number].work

    def _may_begin(self, number: int) -> bool:
        if any(need in self._waiting or need in self._running for need in self._jobs[number].needs):
            return False
        work, others = self._work(number), {self._work(other) for other in self._running}
        if not others or work is Work.RUNS:
            return Work.ALONE not in others
        return work is not Work.ALONE and not others & {work, Work.ALONE}

    def _do(self, number: int) -> None:
        self._halt.heeded()
        try:
            result = self._jobs[number].do()
        except Halted:
            return
        except BaseException as problem:
            self.say(partial(self._ended, number, partial(_raise, problem), counts=True))
        else:
            counts = self._jobs[number].work is not Work.RUNS or self._jobs[number].fair(result)
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
