"""Run an exercise's checks over a submission: the one entry to grading.

    report = grade(exercise, folder, on_event=print)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grader.exercise import Exercise
from grader.verdict import CheckResult, Report

if TYPE_CHECKING:
    from grader.facts.engine import Engine


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
    folder: Path,
    *,
    engine: Engine | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Report:
    """Judge the submission in `folder` by the exercise's checks.

    With no `engine` given, one is connected to when a check first needs it. Raises UnusableInput (exit status 2) where
    there is nothing to grade; every other trouble is in the report, as a check whose status is `error`.
    """
    raise NotImplementedError
