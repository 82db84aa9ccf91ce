"""Grade one hand-in, in a process of its own or on another machine: everything that goes in and out can be pickled."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from grader.errors import GraderError, SubmissionUnusable
from grader.exercise import Exercise, load
from grader.facts.registry.names import DEFAULT_LEARNER, learner_name
from grader.lib.text import clean
from grader.lib.units import format_duration
from grader.verdict import Report, Verdict
from layerwise.classroom import keys
from layerwise.classroom.hand_in import HandIn

_TURN = 0.5
"""Seconds between two looks at whether this process should end."""
_LEAVE = 60.0
"""The most seconds that an interrupted grading has to clean up."""

_is_judging = threading.Event()
"""Whether an interrupt would end a grading."""
_is_idle = threading.Event()
"""Whether all that a grading made is removed."""
_is_idle.set()


class Flag(Protocol):
    """A value in memory that processes share."""

    value: int


@dataclass(frozen=True)
class Task:
    """A hand-in to grade, the folder of its exercise, and the most seconds that it may take. `number` tells it from the
    other tasks of a batch."""

    number: int
    hand_in: HandIn
    fingerprint: str
    exercise: Path
    timeout: float


@dataclass(frozen=True)
class Outcome:
    """What became of a task. There is either a `report`, as `Report.to_dict` writes it, or an `error`: no score.

    `unusable`: there was nothing to grade, so the report has no points. `alone_counts`: the verdict counts only if
    nothing else was graded on that engine at the same time.
    """

    report: dict[str, Any] | None = None
    error: str = ""
    unusable: bool = False
    alone_counts: bool = False
    engine: str = ""
    grader: str = ""
    """The fingerprint of the grader that judged."""


class _TimeIsUp(BaseException):
    """The task took longer than it may."""


def judge(task: Task) -> Outcome:
    """Grade the hand-in. Whatever happens to it is told in the outcome; only an interrupt is raised."""
    _is_idle.clear()
    _is_judging.set()
    try:
        with _limited(task.timeout):
            return _judge(task)
    except _TimeIsUp:
        return Outcome(error=f"it took longer than {format_duration(task.timeout)}; --timeout gives it more")
    except GraderError as problem:
        return Outcome(error=clean(str(problem), 500))
    except (OSError, MemoryError, RecursionError) as problem:
        return Outcome(error=f"the grader failed ({type(problem).__name__}: {clean(str(problem), 200)})")
    finally:
        _is_judging.clear()
        _is_idle.set()


def _judge(task: Task) -> Outcome:
    from grader.grade import grade

    exercise = load(task.exercise)
    engine, grader = keys.engine_line(), keys.grader_fingerprint()
    unusable = False
    try:
        with task.hand_in.laid_out(exercise) as folder:
            report = grade(exercise, folder, learner=_learner(task.hand_in, exercise), cache_mounts=task.fingerprint)
    except SubmissionUnusable as problem:
        report, unusable = _nothing_to_grade(exercise, str(problem)), True
    if keys.fingerprint_of(task.hand_in, of_learner=keys.is_of_learner(exercise)) != task.fingerprint:
        return Outcome(error="it changed while it was graded; grade it again", engine=engine)
    counts = all(
        check.params.counts_in_parallel(result) for check, result in zip(exercise.checks, report.checks, strict=True)
    )
    return Outcome(report.to_dict(), unusable=unusable, alone_counts=not counts, engine=engine, grader=grader)


def _learner(hand_in: HandIn, exercise: Exercise) -> str:
    """The name that the learner's repositories have, if the exercise has any. Raises SubmissionUnusable."""
    if not keys.is_of_learner(exercise):
        return DEFAULT_LEARNER
    try:
        return learner_name(hand_in.learner)
    except GraderError as problem:
        raise SubmissionUnusable(str(problem).replace("LAYERWISE_LEARNER", "the learner's name")) from None


def _nothing_to_grade(exercise: Exercise, why: str) -> Report:
    """A report without points: the first check fails, and the others wait for it."""
    first, *others = exercise.checks
    text = f"There is nothing to grade: {why}"
    verdicts = [Verdict.failed(text if text.endswith(".") else f"{text}.")]
    verdicts += [Verdict.skipped(f"Not judged, for the same reason that “{first.title}” failed.") for _ in others]
    return report_of(exercise, verdicts)


def report_of(exercise: Exercise, verdicts: Sequence[Verdict]) -> Report:
    """A report with these verdicts, one for each check, for a hand-in that was not graded."""
    results = [exercise.result(check, verdict) for check, verdict in zip(exercise.checks, verdicts, strict=True)]
    return Report(exercise=exercise.name, title=clean(exercise.title), checks=results)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise _TimeIsUp in the block after so many seconds. The grading then cleans up as after Ctrl-C.

    Signals come in the main thread only; in another one, such as dask's, a grading has its own time limits.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def prepare_worker(parent: int, leave: Flag) -> None:
    """Set up a worker process. An interrupt ends its grading, but not the clean-up.

    Its grading ends when `leave` becomes true, and the process when the process `parent` has died.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, _interrupt)
    threading.Thread(target=_watch, args=(parent, leave), daemon=True).start()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End the grading, once: Ctrl-C and the parent's own signal may both come."""
    if _is_judging.is_set():
        _is_judging.clear()
        raise KeyboardInterrupt


def _watch(parent: int, leave: Flag) -> None:
    while os.getppid() == parent and not leave.value:
        time.sleep(_TURN)
    if _is_judging.is_set():
        os.kill(os.getpid(), signal.SIGINT)
    if os.getppid() != parent:
        _is_idle.wait(_LEAVE)
        os._exit(1)
