"""Grade known submissions in worker processes.

Each worker is a process, so that an interrupt reaches each grading and it cleans up after itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from grader.errors import GraderError, SubmissionUnusable
from grader.exercise import load
from grader.verdict import Report, Status
from grader.verify import cleanup, setup
from grader.verify.trials import Outcome, Trial, differences

LEAVE = 60.0
"""The most seconds for a stopped grading to clean up."""


@dataclass
class _Worker:
    """A process that grades one submission after another, and the trial that it is grading."""

    process: BaseProcess
    pipe: Connection
    trial: Trial | None = None
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls) -> _Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_work, args=(there,), daemon=True)
        # Blocked until the worker can handle it: an interrupt during its imports would print a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        there.close()
        return cls(process, here)

    def take(self, trial: Trial) -> None:
        self.trial, self.began = trial, time.monotonic()
        with suppress(OSError):  # it has died: `outcome` says so
            self.pipe.send((trial.exercise.folder, trial.folder, trial.script, trial.learner))

    def outcome(self) -> tuple[Trial, Outcome]:
        """Return the trial and its outcome. Call it when the pipe has something to read.

        Raises GraderError if the process has died.
        """
        trial, self.trial = self.trial, None
        assert trial is not None
        problems: Sequence[str] = ()
        error = ""
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):  # an OSError if it died before it read all, or in the middle of its answer
            raise GraderError(
                f"grading {trial.exercise.label}: {trial.submission} ended with no answer; run it again"
            ) from None
        if isinstance(answer, SubmissionUnusable):
            problems = [f"nothing to grade: {answer}"]
        elif isinstance(answer, Exception):
            error = str(answer)
        elif answer.status is Status.ERROR:
            error = next((check.message for check in answer.checks if check.status is Status.ERROR), "no grade")
        else:
            problems = differences(trial, answer)
        seconds = time.monotonic() - self.began
        return trial, Outcome.of(trial, problems=problems, error=error, seconds=seconds)


def graded(trials: Sequence[Trial], jobs: int) -> Iterator[tuple[Trial, Outcome]]:
    """Grade the trials, `jobs` at a time. Yields each with its outcome as soon as that is known.

    Raises GraderError if a grading dies.
    """
    waiting = list(reversed(trials))
    workers = [_Worker.start() for _ in range(min(jobs, len(trials)))]
    try:
        for worker in workers:
            worker.take(waiting.pop())
        while busy := {worker.pipe: worker for worker in workers if worker.trial}:
            # Waits in short turns, so that an interrupt is noticed. Each grading has its own deadlines.
            for pipe in wait(list(busy), timeout=0.5):
                worker = busy[pipe]  # type: ignore[index]
                ended = worker.outcome()
                if waiting:
                    worker.take(waiting.pop())
                yield ended
    finally:
        _dismiss(workers)


def _dismiss(workers: Sequence[_Worker]) -> None:
    """End the workers: an idle one at once, a busy one as Ctrl-C would, with time to remove what it created."""
    for worker in workers:
        worker.pipe.close()
        if worker.trial and worker.process.pid:
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid, signal.SIGINT)
    deadline = time.monotonic() + LEAVE
    for worker in workers:
        worker.process.join(max(0.1, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _work(pipe: Connection) -> None:
    """Grade what comes through the pipe until it closes.

    An interrupt ends a grading, but not its clean-up. The signal that ends the whole group (SIGTERM, SIGQUIT) and the
    one from the parent process (SIGINT) may come together, and count as one.
    """
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)

    def enough(_number: int, _frame: FrameType | None) -> None:
        # SIG_IGN would cause a complaint on stderr if the other signal has already come.
        pass

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in ending:
            signal.signal(number, enough)
        raise KeyboardInterrupt

    for number in ending:
        signal.signal(number, interrupt)
    with suppress(KeyboardInterrupt, EOFError, OSError):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        while True:
            work = pipe.recv()
            try:
                answer: Report | GraderError = _judged(*work)
            except GraderError as problem:
                answer = problem
            pipe.send(answer)


def _judged(exercise: Path, folder: Path, doing: Path | None, learner: str) -> Report:
    """Run the script of a submission and grade it. Returns the report, and removes what the script left."""
    from grader.grade import grade

    try:
        if doing:
            setup.run(doing, folder, learner)
        return grade(load(exercise), folder, learner=learner)
    finally:
        if doing:
            with suppress(GraderError):  # the final sweep tries again, and so does the next run
                cleanup.remove(learner)
