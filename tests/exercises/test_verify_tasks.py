"""Every task of the interview judges rightly: of one seed the solution, the starter and a near miss get exactly their
verdicts. test_verify_seeds.py has the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from layerwise.interview import tasks
from tests.exercises.proofs import SEED, first_three, prove

WAIT = ("unhealthy",)
"""Tasks whose submissions mostly wait, for a health check to turn."""


def cases() -> Iterator[Any]:
    for name in tasks.names():
        marks = [pytest.mark.waits] if name in WAIT else []
        yield pytest.param(name, marks=marks, id=name)


@pytest.mark.lab
@pytest.mark.parametrize("name", list(cases()))
def test_the_first_submissions_get_their_verdicts(name: str, request: pytest.FixtureRequest) -> None:
    exercise = tasks.load(name, SEED).exercise
    prove(exercise, first_three(exercise), again=request.config.option.long)
