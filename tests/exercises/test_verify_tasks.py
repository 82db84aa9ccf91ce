"""Every task of the interview judges rightly: of its first seeds the solution, the starter and a near miss get exactly
their verdicts. test_verify_seeds.py has the rest."""

from __future__ import annotations

import pytest

from layerwise.interview import tasks
from tests.exercises.proofs import SEEDS, first_three, prove


@pytest.mark.lab
@pytest.mark.parametrize("seed", range(1, SEEDS + 1), ids="seed{}".format)
@pytest.mark.parametrize("name", tasks.names())
def test_the_first_submissions_get_their_verdicts(name: str, seed: int, request: pytest.FixtureRequest) -> None:
    exercise = tasks.load(name, seed).exercise
    prove(exercise, first_three(exercise), again=request.config.option.long)
