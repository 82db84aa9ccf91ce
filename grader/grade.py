"""Run an exercise's checks over a submission: the one entry to grading.

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
from grader.beside import AT_ONCE, Crew, Job, Work
from grader.errors import (
    GraderError,
    NotObservable,
    SubmissionFault,
    SubmissionUnusable,
    UnusableInput,
)
from grader.exercise import Check, Exercise
from grader.facts import Facts
from grader.repository import DEFAULT_LEARNER
from grader.submission import Submission
from grader.verdict import IMAGE_ALONE, CheckResult, Place, Report, Status, Verdict, clean

if TYPE_CHECKING:
    from grader.facts.buildlog import Vertex
    from grader.facts.engine import Engine

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Something worth showing while grading runs.

    `check`: check `number` of `total` begins. `step`: the build it waits for has `steps` steps so far, `done` of them
    ended, and `text` is the one that began or ended. `result`: the check is judged; `result` is how it stands in the
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
) -> Report:
    """Judge the submission in `folder` by the exercise's checks.

    With `image`, an archive (`docker save` output or an OCI layout in a tar), that is judged in place of what the
    folder would build, and `folder` may be None: checks that need more than the image then end as `error`. With no
    `engine` given, one is connected to when a check first needs it. Up to `at_once` checks are judged beside each
    other, where that changes no verdict (see `grader.beside`); `on_event` is called in the thread that called this.
    `learner` is whose repositories are looked at where a check names `{learner}`.

    Raises UnusableInput (exit status 2) where there is nothing to grade; every other trouble is in the report, as a
    check whose status is `error`. Whatever was made, on the engine and on disk, is gone when this returns or raises,
    also at Ctrl-C and SIGTERM.
    """
    began = time.monotonic()
    if image and not image.is_file():
        raise SubmissionUnusable(f"no image archive at {image}: make one with 'docker save'")
    with _terminable(), ExitStack() as stack:
        plants = [plant for check in exercise.checks for plant in check.params.plants]
        anew = any(check.params.anew for check in exercise.checks)
        submission = (
            stack.enter_context(Submission.open(folder, exercise.build, plants=plants, anew=anew)) if folder else None
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
    """The checks of one grading. They may be judged beside each other; what is told of them is told in order."""

    def __init__(self, exercise: Exercise, on_event: Callable[[Event], None] | None) -> None:
        self._checks = exercise.checks
        self._lesson = exercise.lesson
        self._on_event = on_event
        self._crew: Crew[Verdict | SubmissionFault] | None = None
        self._number = 0
        self._titles = {check.id: check.title for check in exercise.checks}
        self._passed: set[str] = set()
        self._unseen: set[str] = set()
        self._met: dict[int, tuple[SubmissionFault, str]] = {}
        """Faults of the submission already charged, by identity, with the title of the check that was charged."""
        self._steps: dict[str, bool] = {}

    def results(self, facts: Facts, at_once: int) -> Iterator[CheckResult]:
        """Judge them all."""
        numbers = {check.id: number for number, check in enumerate(self._checks)}
        jobs = [
            Job(
                partial(self._judge, facts, check),
                Work.ALONE if check.params.timed else check.params.work,
                frozenset(numbers[need] for need in check.needs),
                _is_fair,
            )
            for check in self._checks
        ]
        with Crew(jobs, at_once) as self._crew:
            outcomes = self._crew.results()
            for check in self._checks:
                self._number += 1
                self._tell("check", check.title)
                result = CheckResult.of(
                    self._charged(next(outcomes), check),
                    id=check.id,
                    kind=check.kind,
                    title=check.title,
                    max_points=check.points,
                    hint=check.hint,
                    lesson=check.lesson or self._lesson,
                )
                self._tell("result", check.title, result=result)
                yield result

    def _judge(self, facts: Facts, check: Check) -> Verdict | SubmissionFault:
        """The verdict, or the fault of the submission that makes one impossible."""
        for need in check.needs:
            # What an image alone does not show takes nothing from what it does.
            if need not in self._passed and need not in self._unseen:
                return Verdict.skipped(f"Not looked at: it needs “{self._titles[need]}”, which did not pass.")
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
                f"The grader itself failed here ({type(problem).__name__}): nothing was judged. Please report it."
            )
        if verdict.status is Status.PASSED:
            self._passed.add(check.id)
        return verdict

    def _charged(self, outcome: Verdict | SubmissionFault, check: Check) -> Verdict:
        """The verdict; a fault that several checks met is charged to the first of them."""
        if isinstance(outcome, Verdict):
            return outcome
        if id(outcome) in self._met:
            return Verdict.skipped(f"Not looked at: it needs what failed under “{self._met[id(outcome)][1]}”.")
        self._met[id(outcome)] = (outcome, check.title)
        where = [Place(file=outcome.where[0], line=outcome.where[1] or None)] if outcome.where else []
        return Verdict.failed(_sentence(str(outcome)), where=where, details=outcome.details)

    def tell_step(self, vertex: Vertex) -> None:
        """Progress of a build, from whichever thread waits for it: `vertex` started or ended."""
        if vertex.step and not vertex.step.is_from and self._crew:
            text = clean(" ".join(vertex.step.text.split()), 120)
            self._crew.say(partial(self._tell_step, vertex.digest, vertex.completed is not None, text))

    def _tell_step(self, digest: str, ended: bool, text: str) -> None:
        self._steps[digest] = ended
        self._tell("step", text, text=text, done=sum(self._steps.values()), steps=len(self._steps))

    def _tell(self, kind: Literal["check", "step", "result"], title: str, **more: Any) -> None:
        if self._on_event:
            self._on_event(Event(kind, self._number, len(self._checks), clean(title, 200), **more))


def _is_fair(outcome: Verdict | SubmissionFault) -> bool:
    """Whether it counts from company too: what passed would have passed alone, and a fault is a fact's and kept."""
    return isinstance(outcome, SubmissionFault) or outcome.status in (Status.PASSED, Status.SKIPPED)


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "…")) else ".")


def _about(facts: Facts) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What the report says of the engine and the image; nothing is measured for it that no check asked for."""
    engine: dict[str, Any] = {}
    image: dict[str, Any] = {}
    if facts.known("engine"):
        engine = {"version": facts.engine.info.version, "image_store": facts.engine.info.image_store}
    if facts.known("build") or facts.known("image"):
        with suppress(GraderError, SubmissionFault):
            image = {"id": facts.image.id, "digest": facts.image.digest}
    return engine, image


@contextmanager
def _terminable() -> Iterator[None]:
    """Within the block SIGTERM unwinds like Ctrl-C does, so that everything is cleaned up."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
