"""Every task of the interview judges rightly, whatever the seed: starter, solution and each variant get exactly their
verdicts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from grader.exercise import Exercise
from grader.verify.proofs import Proofs
from grader.verify.proving import verify
from grader.verify.variants import load_all
from layerwise.interview import tasks
from layerwise.stack import images, paths
from tests.exercises.proofs import assert_proved

SEEDS, MANY = 3, 20
"""How many seeds of each task are proved in every run, and with --long."""


def cases() -> Iterator[Any]:
    """Of the first seeds every run proves the solution, the starter and a near miss; the rest is for --long."""
    for name in tasks.names():
        for seed in range(1, MANY + 1):
            long = [pytest.mark.long]
            yield pytest.param(name, seed, False, marks=long if seed > SEEDS else [], id=f"{name}-{seed}")
            yield pytest.param(name, seed, True, marks=long, id=f"{name}-{seed}-others")


@pytest.mark.lab
@pytest.mark.parametrize(("name", "seed", "others"), list(cases()))
def test_every_known_submission_gets_its_verdicts(
    name: str, seed: int, others: bool, request: pytest.FixtureRequest
) -> None:
    exercise = tasks.load(name, seed).exercise
    images.seed(exercise.images, env=os.environ, report=lambda name, what: print(f"{name}: {what}"))
    first = first_three(exercise)
    wanted = {variant.name for variant in load_all(exercise)} - first if others else first
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
    proofs = Proofs(paths.home().proofs, again=request.config.option.long)
    outcomes = list(verify([exercise], jobs=jobs, proofs=proofs, wanted=lambda trial: trial.submission in wanted))
    assert {outcome.submission for outcome in outcomes} == wanted
    assert_proved(outcomes)


def first_three(exercise: Exercise) -> set[str]:
    """The solution, the starter, and the first near miss."""
    near = next(variant.name for variant in load_all(exercise) if variant.kind == "near-miss")
    return {"solution", "starter", near}
