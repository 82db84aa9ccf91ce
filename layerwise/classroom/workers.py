"""Run gradings side by side, and give each outcome as it comes. A process that dies takes no other grading with it.

The gradings run in processes of this machine, through concurrent.futures.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from layerwise.classroom import judging, keys
from layerwise.classroom.judging import Outcome, Task

_TURN = 0.5
"""Seconds of one wait: a signal that arrives just before a wait is only handled after it."""


class Here:
    """Processes of this machine, which grade on its engine. `judge` grades one task."""

    def __init__(self, jobs: int, judge: Callable[[Task], Outcome] = judging.judge) -> None:
        self.jobs = jobs
        """How many are graded at a time."""
        self._judge = judge

    def engines(self) -> list[str]:
        """The engine. Raises EngineUnavailable."""
        return [keys.engine_line()]

    def check(self) -> None:
        """Raise EngineUnavailable if the engine is gone."""
        keys.ask_engine()

    def run(self, tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Outcome]]:
        """Grade the tasks, `jobs` at a time. Yields each with its outcome as soon as that is known.

        If a process dies (no memory, a kill), what it and the others were at is graded again, one at a time: so it is
        known which of them does it, and only that one has no score.
        """
        waiting = list(reversed(tasks))
        while waiting:
            broken: list[Task] = []
            with _pool(jobs) as pool:
                running: dict[Future[Outcome], Task] = {}
                while (waiting or running) and not broken:
                    while waiting and len(running) < jobs:
                        task = waiting.pop()
                        running[pool.submit(self._judge, task)] = task
                    ended, _ = wait(running, timeout=_TURN, return_when=FIRST_COMPLETED)
                    for future in ended:
                        task = running.pop(future)
                        try:
                            yield task, future.result()
                        except BrokenProcessPool:
                            broken.append(task)
                # In a broken pool the others are broken too, but may have ended just before.
                for future, task in running.items():
                    try:
                        yield task, future.result(timeout=_TURN)
                    except (BrokenProcessPool, TimeoutError):
                        broken.append(task)
            for task in broken:
                yield task, _alone(task, self._judge)


def _alone(task: Task, judge: Callable[[Task], Outcome]) -> Outcome:
    with _pool(1) as pool:
        try:
            return pool.submit(judge, task).result()
        except BrokenProcessPool:
            return Outcome(error="the process that graded it died twice; is there enough memory?")


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes for as long as the block lasts. If it is left early, their gradings are interrupted, and clean up."""
    context = multiprocessing.get_context("spawn")
    # Plain memory: an Event waits for a process that was killed while it waited.
    leave = context.RawValue("b", 0)
    pool = ProcessPoolExecutor(
        jobs, mp_context=context, initializer=judging.prepare_worker, initargs=(os.getpid(), leave)
    )
    try:
        yield pool
    except BaseException:
        leave.value = 1
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
