"""What tests of known submissions share."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

from grader.exercise import Exercise
from grader.verify.proofs import Proofs
from grader.verify.proving import verify
from grader.verify.trials import Outcome
from grader.verify.variants import load_all
from layerwise.stack import images, paths

SEEDS = 3
"""Of how many seeds of each task every run proves the first submissions."""


def first_three(exercise: Exercise) -> set[str]:
    """The solution, the starter, and the first near miss."""
    near = next(variant.name for variant in load_all(exercise) if variant.kind == "near-miss")
    return {"solution", "starter", near}


def prove(exercise: Exercise, wanted: set[str], *, again: bool) -> None:
    """Fail unless the submissions with these names get exactly their verdicts. With `again`, also if that is proved."""
    images.seed(exercise.images, env=os.environ, report=lambda name, what: print(f"{name}: {what}"))
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
    proofs = Proofs(paths.home().proofs, again=again)
    outcomes = list(verify([exercise], jobs=jobs, proofs=proofs, wanted=lambda trial: trial.submission in wanted))
    assert {outcome.submission for outcome in outcomes} == wanted
    assert_proved(outcomes)


def assert_proved(outcomes: Iterable[Outcome]) -> None:
    """Fail with all that is known of each submission that was not proved: it may never be seen again."""
    said = [
        f"{outcome.exercise}, {outcome.submission}, {outcome.seconds:.0f} s: {line}"
        for outcome in outcomes
        if not outcome.proved
        for line in outcome.problems or [outcome.error]
    ]
    if said:
        pytest.fail("\n".join(said), pytrace=False)
