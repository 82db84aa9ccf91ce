"""Every task of the interview judges rightly, whatever the seed: of twenty seeds each known submission gets exactly its
verdicts."""

from __future__ import annotations

import pytest

from grader.verify.variants import load_all
from layerwise.interview import tasks
from tests.exercises.proofs import SEEDS, first_three, prove

MANY = 20


@pytest.mark.lab
@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, MANY + 1))
@pytest.mark.parametrize("name", tasks.names())
def test_every_known_submission_gets_its_verdicts(name: str, seed: int, request: pytest.FixtureRequest) -> None:
    exercise = tasks.load(name, seed).exercise
    known = {variant.name for variant in load_all(exercise)}
    prove(exercise, known - first_three(exercise) if seed <= SEEDS else known, again=request.config.option.long)
