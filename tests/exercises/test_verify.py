"""Every exercise of the course judges rightly: starter, solution and each variant get exactly their verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from grader.exercise import load, names
from grader.verdict import Status
from grader.verify.trials import must_be_alone
from grader.verify.variants import load_all
from layerwise.stack import images
from tests.exercises.proofs import first_three, prove

SOLUTION = "solution"


def cases() -> Iterator[Any]:
    """Each exercise in parts: its solution; the starter and the first near miss; the other variants. Submissions that
    must be graded alone are parts of their own. Every run proves the solution of each lesson's first exercise. CI also
    proves the other solutions, the starters and first near misses, and a third of the other variants; --long all."""
    for name in names():
        exercise = load(name)
        full = {check.id: str(Status.PASSED) for check in exercise.checks}
        first = first_three(exercise)
        parts: dict[str, set[str]] = {}
        for submission, checks in [(SOLUTION, full), *((each.name, each.checks) for each in load_all(exercise))]:
            part = SOLUTION if submission == SOLUTION else "first" if submission in first else "variants"
            part += "-alone" if must_be_alone(exercise, checks) else ""
            parts.setdefault(part, set()).add(submission)
        for part, wanted in parts.items():
            marks = [pytest.mark.alone] if part.endswith("-alone") else []
            if not (part.startswith(SOLUTION) and re.match(r"\d\d-", name)):
                marks.append(pytest.mark.long(one_in=3 if part.startswith("variants") else 1))
            yield pytest.param(name, wanted, marks=marks, id=f"{name}-{part}")


@pytest.mark.lab
@pytest.mark.parametrize(("name", "wanted"), list(cases()))
def test_every_known_submission_gets_its_verdicts(name: str, wanted: set[str], request: pytest.FixtureRequest) -> None:
    try:
        prove(load(name), wanted, again=request.config.option.long)
    except images.NotAvailable as problem:
        pytest.skip(str(problem))
