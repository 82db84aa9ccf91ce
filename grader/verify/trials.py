"""Lay out known submissions for grading, and compare their reports with the expected verdicts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise
from grader.facts.registry.names import DEFAULT_LEARNER, PLACEHOLDER
from grader.lib.text import clean
from grader.verdict import CheckResult, Report, Status
from grader.verify import cleanup
from grader.verify.variants import load_all, solution_script


@dataclass(frozen=True)
class Trial:
    """A submission with known verdicts: `checks` by id, and `score` if the points are fixed too.

    A `script` runs in the folder first. `learner` is the name that it pushes under.
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
        """Whether nothing else may be graded at the same time."""
        return must_be_alone(self.exercise, self.checks)

    @property
    def deadline(self) -> bool:
        """Whether a check has a deadline.

        If so, an unexpected outcome counts only if nothing else was graded at the same time: other gradings may cause
        a missed deadline, but never a met one.
        """
        return any(check.params.deadline for check in self.exercise.checks)


def must_be_alone(exercise: Exercise, expected: Mapping[str, str]) -> bool:
    """Whether a submission with these verdicts must be graded alone.

    That is so if a check measures time, if the submission must miss a deadline (any submission may miss it on a busy
    machine), or if all learners share its repository.
    """
    return any(
        check.params.timed
        or (check.params.deadline and expected.get(check.id) not in (Status.PASSED, Status.SKIPPED))
        or PLACEHOLDER not in getattr(check.params, "repository", PLACEHOLDER)
        for check in exercise.checks
    )


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial. `problems` are unexpected verdicts; `error` is why there is no grade."""

    exercise: str
    submission: str
    kind: str
    why: str
    problems: Sequence[str] = ()
    error: str = ""
    seconds: float = 0.0
    remembered: bool = False
    """Whether it was proved earlier, so that it was not graded now."""

    @classmethod
    def of(cls, trial: Trial, **became: Any) -> Outcome:
        return cls(trial.exercise.label, trial.submission, trial.kind, trial.why, **became)

    @property
    def proved(self) -> bool:
        return not self.problems and not self.error


def trials(exercise: Exercise, scratch: Path) -> list[Trial]:
    """Return the exercise's solution and variants, laid out as submissions in a new folder under `scratch`.

    Raises ExerciseInvalid if the exercise or a variant is not complete.
    """
    if not exercise.solution.is_dir():
        raise ExerciseInvalid(f"{exercise.folder}: expected a folder solution/ that gets full marks, found none")
    # A folder of its own: another exercise may have the same name, or one that begins with it.
    top = Path(tempfile.mkdtemp(dir=scratch))
    full = {check.id: str(Status.PASSED) for check in exercise.checks}
    solution, script = exercise.solution, solution_script(exercise)
    if script:
        # A copy, because scripts write files of the submission.
        solution = top / f"{exercise.name}.solution"
        shutil.copytree(exercise.solution, solution, symlinks=True)
    found = [
        Trial(
            exercise=exercise,
            submission="solution",
            kind="solution",
            why="the solution gets full marks",
            folder=solution,
            checks=full,
            script=script,
            learner=cleanup.new_learner(),
        )
    ]
    for variant in load_all(exercise):
        target = top / f"{exercise.name}-{variant.name}"
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
                learner=cleanup.new_learner(),
            )
        )
    return found


def differences(trial: Trial, report: Report) -> list[str]:
    """Return the differences between the report and the trial's expected verdicts, one line each."""
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
    """The check's message with what it found, on one line."""
    found = check.evidence.get("found")
    return _one_line(check.message) + (f" (found: {_one_line(clean(str(found), 200))})" if found else "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
