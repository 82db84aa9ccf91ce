"""Every exercise of the course judges rightly: starter, solution and each variant get exactly their verdicts."""

from __future__ import annotations

import os

import pytest

from grader.exercise import load, names
from grader.verify import verify
from layerwise.stack import images


@pytest.mark.lab
@pytest.mark.parametrize("name", names())
def test_every_known_submission_gets_its_verdicts(name):
    exercise = load(name)
    try:
        images.seed(exercise.images, env=os.environ, report=lambda name, what: print(f"{name}: {what}"))
    except images.NotAvailable as problem:
        pytest.skip(str(problem))
    outcomes = list(verify([exercise]))
    assert {outcome.submission for outcome in outcomes} == {"solution", *(path.name for path in exercise.variants)}
    wrong = {outcome.submission: outcome.error or outcome.problems for outcome in outcomes if not outcome.proved}
    assert not wrong
