"""Run an exercise's checks over a submission: the only entry to grading.

report = grade(exercise, folder, on_event=print)
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from grader import checks
from grader.errors import (
    GraderError,
    NotObservable,
    SubmissionFault,
    SubmissionUnusable,
    UnusableInput,
)
from grader.exercise import Check, Exercise
from grader.facts import Facts
from grader.facts.registry.names import DEFAULT_LEARNER
from grader.lib.schedule import AT_ONCE, Job, WorkerPool, Workload
from grader.lib.text import clean
from grader.submission import Submission
from grader.verdict import IMAGE_ALONE, CheckResult, Place, Report, Status, Verdict

if TYPE_CHECKING:
    from grader.facts.build.build_log import Vertex
    from grader.facts.engine.engine import Engine

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Something worth showing during a grading.

    `check`: check `number` of `total` begins. `step`: the build has `steps` steps so far, `done` of them have ended,
    and `text` is the one that just began or ended. `result`: the check is judged, and `result` is its entry in the
    report. Every text is already cleaned.
    """

    kind: Literal["check", "step", "result"]
    number: int
    total: int
    title: str
    result: CheckResult | None = None
    text: str = ""
    done: int = 0
    steps: int = 0


def grade(
    exercise: Exercise,
    folder: Path | None,
    *,
    image: Path | None = None,
    engine: Engine | None = None,
    on_event: Callable[[Event], None] | None = None,
    at_once: int = AT_ONCE,
    learner: str = DEFAULT_LEARNER,
    cache_mounts: str = "",
) -> Report:
    """Judge the submission in `folder` by the exercise's checks.

    If `image` is given, an archive (`docker save` output or an OCI layout in a tar), it is judged instead of what the
    folder would build. `folder` may then be None: checks that need more than the image end as `error`. If no `engine`
    is given, the grader connects to one when a check first needs it. Up to `at_once` checks run in parallel if that
    changes no verdict (see `grader.lib.schedule`). `on_event` is called in the calling thread. `learner` replaces
    `{learner}` in the names of repositories. `cache_mounts` names a set of cache mounts for the submission's builds; by
    default they use the one that all builds of the engine share, and can fill.

    Raises UnusableInput (exit status 2) if there is nothing to grade. Any other failure is in the report, as a check
    with the status `error`. Whatever was made on the engine and on disk is removed before this returns or raises, also
    after Ctrl-C, SIGTERM and SIGQUIT.
    """
    began = time.monotonic()
    if image and not image.is_file():
        raise SubmissionUnusable(f"no image archive at {image}: make one with 'docker save'")
    with _terminable(), ExitStack() as stack:
        plants = [plant for check in exercise.checks for plant in check.params.plants]
        no_shared_cache = any(check.params.no_shared_cache for check in exercise.checks)
        submission = (
            stack.enter_context(
                Submission.open(
                    folder, exercise.build, plants=plants, no_shared_cache=no_shared_cache, cache_mounts=cache_mounts
                )
            )
            if folder
            else None
        )
        run = _Run(exercise, on_event)
        facts = stack.enter_context(
            Facts(
                submission,
                archive=image,
                engine=engine,
                exercise=exercise.folder,
                images=exercise.images,
                learner=learner,
                on_step=run.tell_step,
            )
        )
        results = list(run.results(facts, at_once))
        about = _about(facts)
    return Report(
        exercise=exercise.name,
        title=clean(exercise.title),
        checks=results,
        engine=about[0],
        image=about[1],
        seconds=time.monotonic() - began,
    )


class _Run:
    """The checks of one grading. They may be judged in parallel, but their events come in order."""

    def __init__(self, exercise: Exercise, on_event: Callable[[Event], None] | None) -> None:
        self._exercise = exercise
        self._checks = exercise.checks
        self._on_event = on_event
        self._pool: WorkerPool[Verdict | SubmissionFault] | None = None
        self._number = 0
        self._titles = {check.id: check.title for check in exercise.checks}
        self._passed: set[str] = set()
        self._unseen: set[str] = set()
        self._met: dict[int, tuple[SubmissionFault, str]] = {}
        """Faults of the submission that a check has already paid for, by identity, with the title of that check."""
        self._steps: dict[str, bool] = {}

    def results(self, facts: Facts, at_once: int) -> Iterator[CheckResult]:
        """Judge all checks."""
        numbers = {check.id: number for number, check in enumerate(self._checks)}
        jobs = [
            Job(
                partial(self._judge, facts, check),
                Workload.ALONE if check.params.timed else check.params.work,
                frozenset(numbers[need] for need in check.needs),
                _counts_in_parallel,
            )
            for check in self._checks
        ]
        with WorkerPool(jobs, at_once) as self._pool:
            outcomes = self._pool.results()
            for check in self._checks:
                self._number += 1
                self._tell("check", check.title)
                result = self._exercise.result(check, self._charged(next(outcomes), check))
                self._tell("result", check.title, result=result)
                yield result

    def _judge(self, facts: Facts, check: Check) -> Verdict | SubmissionFault:
        """The verdict, or the fault of the submission that makes one impossible."""
        for need in check.needs:
            # A check that an image alone cannot show must not keep others from being judged.
            if need not in self._passed and need not in self._unseen:
                return Verdict.skipped(f"Not judged: it needs “{self._titles[need]}”, which did not pass.")
        try:
            verdict = checks.kind(check.kind).judge(facts, check.params)
        except SubmissionFault as fault:
            return fault
        except UnusableInput:
            raise
        except NotObservable as problem:
            self._unseen.add(check.id)
            return Verdict.error(_sentence(str(problem)), details={"seen": IMAGE_ALONE})
        except GraderError as problem:
            return Verdict.error(_sentence(str(problem)))
        except Exception as problem:
            log.debug("check %s failed", check.id, exc_info=True)
            return Verdict.error(
                f"The grader itself failed here ({type(problem).__name__}), so nothing was judged. Please report it."
            )
        if verdict.status is Status.PASSED:
            self._passed.add(check.id)
        return verdict

    def _charged(self, outcome: Verdict | SubmissionFault, check: Check) -> Verdict:
        """The verdict. If several checks met the same fault, the first one fails and the others are skipped."""
        if isinstance(outcome, Verdict):
            return outcome
        if id(outcome) in self._met:
            return Verdict.skipped(f"Not judged, for the same reason that “{self._met[id(outcome)][1]}” failed.")
        self._met[id(outcome)] = (outcome, check.title)
        where = [Place(file=outcome.where[0], line=outcome.where[1] or None)] if outcome.where else []
        return Verdict.failed(_sentence(str(outcome)), where=where, details=outcome.details)

    def tell_step(self, vertex: Vertex) -> None:
        """Report progress of a build, from any thread: `vertex` started or ended."""
        if vertex.step and not vertex.step.is_from and self._pool:
            text = clean(" ".join(vertex.step.text.split()), 120)
            self._pool.say(partial(self._tell_step, vertex.digest, vertex.completed is not None, text))

    def _tell_step(self, digest: str, ended: bool, text: str) -> None:
        self._steps[digest] = ended
        self._tell("step", text, text=text, done=sum(self._steps.values()), steps=len(self._steps))

    def _tell(self, kind: Literal["check", "step", "result"], title: str, **more: Any) -> None:
        if self._on_event:
            self._on_event(Event(kind, self._number, len(self._checks), clean(title, 200), **more))


def _counts_in_parallel(outcome: Verdict | SubmissionFault) -> bool:
    """Whether a result counts although other checks ran at the same time. A check that passed would also have passed
    alone, and a fault of the submission is a fact, which is measured once."""
    return isinstance(outcome, SubmissionFault) or outcome.status in (Status.PASSED, Status.SKIPPED)


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "…")) else ".")


def _about(facts: Facts) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What the report says about the engine and the image. Nothing is measured for it that no check asked for."""
    engine: dict[str, Any] = {}
    image: dict[str, Any] = {}
    if facts.known(Facts.engine):
        engine = {"version": facts.engine.info.version, "image_store": facts.engine.info.image_store}
    if facts.known(Facts.build) or facts.known(Facts.image):
        with suppress(GraderError, SubmissionFault):
            image = {"id": facts.image.id, "digest": facts.image.digest}
    return engine, image


@contextmanager
def _terminable() -> Iterator[None]:
    """In the block, SIGTERM and SIGQUIT raise SystemExit, so that everything is cleaned up as after Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    # Windows has no SIGQUIT. What the caller handles in a way of its own is left as it is.
    ending = {signal.SIGTERM, getattr(signal, "SIGQUIT", signal.SIGTERM)}
    heard = [number for number in ending if signal.getsignal(number) == signal.SIG_DFL]
    for number in heard:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)
