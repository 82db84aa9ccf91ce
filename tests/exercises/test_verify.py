"""Every exercise of the course judges rightly: starter, solution and each variant get exactly their verdicts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from grader.exercise import load, names
from grader.verdict import Status
from grader.verify.proofs import Proofs
from grader.verify.proving import verify
from grader.verify.trials import must_be_alone
from grader.verify.variants import load_all
from layerwise.stack import images, paths

SOLUTION = "solution"
"""What every run of the tests proves. CI, and --long, prove the variants too; one of them is the starter."""


def cases() -> Iterator[Any]:
    """Each exercise twice: its solution, and its variants; `alone`, if any of these submissions must be."""
    for name in names():
        exercise = load(name)
        full = {check.id: str(Status.PASSED) for check in exercise.checks}
        for part, verdicts in ((SOLUTION, [full]), ("variants", [variant.checks for variant in load_all(exercise)])):
            alone = any(must_be_alone(exercise, checks) for checks in verdicts)
            marks = [pytest.mark.alone] if alone else []
            marks += [] if part == SOLUTION else [pytest.mark.long(always_in_slice=True)]
            yield pytest.param(name, part, marks=marks, id=f"{name}-{part}")


@pytest.fixture
def proofs(request: pytest.FixtureRequest) -> Proofs:
    """What the lab remembers of earlier proofs; with --long it does not count."""
    return Proofs(paths.home().proofs, again=request.config.option.long)


@pytest.mark.lab
@pytest.mark.parametrize(("name", "part"), list(cases()))
def test_every_known_submission_gets_its_verdicts(name: str, part: str, proofs: Proofs) -> None:
    exercise = load(name)
    try:
        images.seed(exercise.images, env=os.environ, report=lambda name, what: print(f"{name}: {what}"))
    except images.NotAvailable as problem:
        pytest.skip(str(problem))
    wanted = {SOLUTION} if part == SOLUTION else {path.name for path in exercise.variants}
    # Among other tests each has one worker's share.
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
    outcomes = list(verify([exercise], jobs=jobs, proofs=proofs, wanted=lambda trial: trial.submission in wanted))
    assert {outcome.submission for outcome in outcomes} == wanted
    wrong = {outcome.submission: outcome.error or outcome.problems for outcome in outcomes if not outcome.proved}
    assert not wrong
