"""Prove that an exercise judges rightly: the solution gets full marks, and every known variant exactly its verdicts.

    for outcome in verify([load("05-drop-root")]):
        print(outcome.submission, outcome.problems)

Submissions are graded in processes of their own: an interrupt reaches each grading, and it cleans up after itself.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from grader import leavings, owner, script
from grader.errors import ExerciseInvalid, GraderError, SubmissionUnusable
from grader.exercise import Exercise, load
from grader.repository import DEFAULT_LEARNER, PLACEHOLDER
from grader.submission import PREFIX
from grader.variants import load_all, solution_script
from grader.verdict import CheckResult, Report, Status, clean

ALONE = frozenset({"health", "rebuild", "stop"})
"""Check kinds that measure time: nothing else is graded meanwhile."""

LEAVE = 60.0
"""Seconds that a stopped grading is given to clean up."""


@dataclass(frozen=True)
class Trial:
    """A submission whose verdicts are known: `checks` by id, `score` where the points are fixed too.

    Where there is a `script`, it is run in the folder first, and `learner` is the name it pushes under.
    """

    exercise: Exercise
    submission: str
    kind: str
    why: str
    folder: Path
    checks: Mapping[str, str]
    score: float | None = None
    script: Path | None = None
    learner: str = DEFAULT_LEARNER

    @property
    def alone(self) -> bool:
        """Whether nothing may be graded beside it: it measures time, or looks at a repository that trials share."""
        repositories = [getattr(check.params, "repository", PLACEHOLDER) for check in self.exercise.checks]
        return any(check.kind in ALONE for check in self.exercise.checks) or any(
            PLACEHOLDER not in repository for repository in repositories
        )


@dataclass(frozen=True)
class Outcome:
    """What became of a trial. `problems`: verdicts other than the expected; `error`: why there is no grade."""

    exercise: str
    submission: str
    kind: str
    why: str
    problems: Sequence[str] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def proved(self) -> bool:
        return not self.problems and not self.error


def verify(exercises: Sequence[Exercise], *, jobs: int = 2) -> Generator[Outcome, None, None]:
    """Grade every known submission of the exercises, `jobs` at a time where that is safe; each outcome as it is there.

    Raises ExerciseInvalid, before anything is graded, where an exercise or a variant is not complete.
    """
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{owner.mark()}-", ignore_cleanup_errors=True) as scratch:
        found = [trial for exercise in exercises for trial in trials(exercise, Path(scratch))]
        with _swept(any(trial.script for trial in found)):
            yield from _run([trial for trial in found if not trial.alone], jobs)
            yield from _run([trial for trial in found if trial.alone], 1)


@contextmanager
def _swept(is_needed: bool) -> Iterator[None]:
    """Remove what scripts have left: now that of processes that died, in the end also that of a grading of ours."""
    if is_needed:
        leavings.sweep()
    try:
        yield
    finally:
        if is_needed:
            leavings.sweep(own=True)


def trials(exercise: Exercise, scratch: Path) -> list[Trial]:
    """The exercise's solution and variants, laid out as submissions in folders under `scratch`."""
    if not exercise.solution.is_dir():
        raise ExerciseInvalid(f"{exercise.folder}: expected a folder solution/ that gets full marks, found none")
    full = {check.id: str(Status.PASSED) for check in exercise.checks}
    solution, doing = exercise.solution, solution_script(exercise)
    if doing:
        # Scripts write files of the submission.
        solution = scratch / f"{exercise.name}.solution"
        shutil.copytree(exercise.solution, solution, symlinks=True)
    found = [
        Trial(
            exercise=exercise,
            submission="solution",
            kind="solution",
            why="the solution gets full marks",
            folder=solution,
            checks=full,
            script=doing,
            learner=leavings.new_learner(),
        )
    ]
    for variant in load_all(exercise):
        target = scratch / f"{exercise.name}-{variant.name}"
        variant.lay_out(target)
        found.append(
            Trial(
                exercise=exercise,
                submission=variant.name,
                kind=variant.kind,
                why=variant.why,
                folder=target,
                checks=dict(variant.checks),
                score=variant.score,
                script=variant.script,
                learner=leavings.new_learner(),
            )
        )
    return found


def differences(trial: Trial, report: Report) -> list[str]:
    """How the report differs from what the trial must get, one line each."""
    found = [
        f"{check.id}: expected {trial.checks[check.id]}, got {check.status}: {_said(check)}"
        for check in report.checks
        if check.status != trial.checks[check.id]
    ]
    if trial.score is not None and report.score != trial.score:
        found.append(
            f"score: expected {trial.score:g}, got {report.score:g}" if report.score is not None else "no score"
        )
    return found


def _said(check: CheckResult) -> str:
    """The check's message on one line, with what it found instead."""
    found = check.evidence.get("found")
    return " ".join(check.message.split()) + (f" (found: {clean(str(found), 200)})" if found else "")


@dataclass
class _Worker:
    """A process that grades one submission after another, and the trial it is busy with."""

    process: BaseProcess
    pipe: Connection
    trial: Trial | None = None
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls) -> _Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_work, args=(there,), daemon=True)
        # Held back until the worker can take it: an interrupt while it still imports would be a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        there.close()
        return cls(process, here)

    def take(self, trial: Trial) -> None:
        self.trial, self.began = trial, time.monotonic()
        self.pipe.send((trial.exercise.folder, trial.folder, trial.script, trial.learner))

    def outcome(self) -> Outcome:
        """How the trial came out, once the pipe has something to read."""
        trial, self.trial = self.trial, None
        assert trial is not None
        problems: Sequence[str] = ()
        error = ""
        try:
            answer = self.pipe.recv()
        except EOFError:
            raise GraderError(
                f"grading {trial.exercise.name}: {trial.submission} ended with no answer; run it again"
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
        return Outcome(trial.exercise.name, trial.submission, trial.kind, trial.why, problems, error, seconds)


def _run(trials: Sequence[Trial], jobs: int) -> Iterator[Outcome]:
    waiting = list(reversed(trials))
    workers = [_Worker.start() for _ in range(min(jobs, len(trials)))]
    try:
        for worker in workers:
            worker.take(waiting.pop())
        while busy := {worker.pipe: worker for worker in workers if worker.trial}:
            # In short turns, so that an interrupt is heard; each grading has deadlines of its own.
            for pipe in wait(list(busy), timeout=0.5):
                worker = busy[pipe]  # type: ignore[index]
                outcome = worker.outcome()
                if waiting:
                    worker.take(waiting.pop())
                yield outcome
    finally:
        _dismiss(workers)


def _dismiss(workers: Sequence[_Worker]) -> None:
    """End the workers: an idle one at once, a busy one as Ctrl-C would, with time to remove what it made."""
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
    """Grade what comes through the pipe until it closes. An interrupt ends a grading, not its clean-up: what ends the
    whole group (SIGTERM) and the word of the process that started us (SIGINT) come together, and are one."""
    both = (signal.SIGINT, signal.SIGTERM)

    def enough(_number: int, _frame: FrameType | None) -> None:
        # SIG_IGN would be a complaint on stderr where the other one has come already.
        pass

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in both:
            signal.signal(number, enough)
        raise KeyboardInterrupt

    for number in both:
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
    """The report of one submission, after its script was run; what that left is removed."""
    from grader.grade import grade

    try:
        if doing:
            script.run(doing, folder, learner)
        return grade(load(exercise), folder, learner=learner)
    finally:
        if doing:
            with suppress(GraderError):  # the sweep in the end tries again, and the next one
                leavings.remove(learner)
