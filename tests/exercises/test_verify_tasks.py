"""Every task of the interview judges rightly, whatever the seed: starter, solution and each variant get exactly their
verdicts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from grader.verify.proofs import Proofs
from grader.verify.proving import verify
from layerwise.interview import tasks
from layerwise.stack import images, paths
from tests.exercises.proofs import assert_proved

SEEDS, MANY = 3, 20
"""How many seeds of each task are proved in every run, and with --long."""


def cases() -> Iterator[Any]:
    for name in tasks.names():
        for seed in range(1, MANY + 1):
            yield pytest.param(name, seed, marks=[pytest.mark.long] if seed > SEEDS else [], id=f"{name}-{seed}")


@pytest.mark.lab
@pytest.mark.parametrize(("name", "seed"), list(cases()))
def test_every_known_submission_gets_its_verdicts(name: str, seed: int, request: pytest.FixtureRequest) -> None:
    exercise = tasks.load(name, seed).exercise
    images.seed(exercise.images, env=os.environ, report=lambda name, what: print(f"{name}: {what}"))
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
    proofs = Proofs(paths.home().proofs, again=request.config.option.long)
    outcomes = list(verify([exercise], jobs=jobs, proofs=proofs))
    assert_proved(outcomes)
    assert len(outcomes) >= 3
