"""Every task of the interview judges rightly: of its first seeds the solution, the starter and a near miss get exactly
their verdicts. test_verify_seeds.py has the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from layerwise.interview import tasks
from tests.exercises.proofs import SEEDS, first_three, prove

WAIT = ("unhealthy",)
"""Tasks whose submissions mostly wait, for a health check to turn."""


def cases() -> Iterator[Any]:
    for name in tasks.names():
        for seed in range(1, SEEDS + 1):
            marks = [pytest.mark.waits] if name in WAIT else []
            yield pytest.param(name, seed, marks=marks, id=f"{name}-seed{seed}")


@pytest.mark.lab
@pytest.mark.parametrize(("name", "seed"), list(cases()))
def test_the_first_submissions_get_their_verdicts(name: str, seed: int, request: pytest.FixtureRequest) -> None:
    exercise = tasks.load(name, seed).exercise
    prove(exercise, first_three(exercise), again=request.config.option.long)
