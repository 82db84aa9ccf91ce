"""Every exercise of the course judges rightly: starter, solution and each variant get exactly their verdicts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from grader.exercise import Exercise, load, names
from grader.verdict import Status
from grader.verify.proofs import Proofs
from grader.verify.proving import verify
from grader.verify.trials import must_be_alone
from grader.verify.variants import load_all
from layerwise.stack import images, paths

ENDS = ("solution", "starter")
"""The submissions of an exercise that every run of the tests proves. CI, and --long, prove the variants too."""


def cases() -> Iterator[Any]:
    """Each exercise twice: its ends, and its variants; `alone`, if any of these submissions must be."""
    for name in names():
        exercise = load(name)
        every = load_all(exercise)
        for part, members in (
            ("ends", [variant for variant in every if variant.name in ENDS]),
            ("variants", [variant for variant in every if variant.name not in ENDS]),
        ):
            alone = any(must_be_alone(exercise, variant.checks) for variant in members)
            marks = [pytest.mark.alone] if alone or (part == "ends" and _is_timed(exercise)) else []
            marks += [pytest.mark.long(always_in_slice=True)] if part == "variants" else []
            yield pytest.param(name, part, marks=marks, id=f"{name}-{part}")


def _is_timed(exercise: Exercise) -> bool:
    return must_be_alone(exercise, {check.id: str(Status.PASSED) for check in exercise.checks})


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
    known = {"solution", *(path.name for path in exercise.variants)}
    wanted = {name for name in known if (name in ENDS) == (part == "ends")}
    # Among other tests each has one worker's share.
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
    outcomes = list(verify([exercise], jobs=jobs, proofs=proofs, wanted=lambda trial: trial.submission in wanted))
    assert {outcome.submission for outcome in outcomes} == wanted
    wrong = {outcome.submission: outcome.error or outcome.problems for outcome in outcomes if not outcome.proved}
    assert not wrong
