"""Every task of the interview judges rightly, whatever the seed.

Of twenty seeds the solution, the starter and a near miss get exactly their verdicts. The other variants do so once for
each choice of forms, such as the language and the fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from grader.verify.variants import load_all
from layerwise import workspace
from layerwise.instances import drawn
from layerwise.interview import tasks
from tests.exercises.proofs import SEEDS, first_three, prove

MANY = 20


def cases() -> Iterator[Any]:
    """The task, the seed, and whether the first submissions and the other variants are proved here."""
    for name in tasks.names():
        seen: set[tuple[str, ...]] = set()
        for seed in range(1, MANY + 1):
            forms = tuple(drawn(workspace.tasks_dir() / name, seed).forms)
            first, others = seed > SEEDS, forms not in seen
            seen.add(forms)
            if first or others:
                yield pytest.param(name, seed, first, others, id=f"{name}-{seed}")


@pytest.mark.lab
@pytest.mark.long(one_in=60)
@pytest.mark.parametrize(("name", "seed", "first", "others"), list(cases()))
def test_known_submissions_get_their_verdicts(
    name: str, seed: int, first: bool, others: bool, request: pytest.FixtureRequest
) -> None:
    exercise = tasks.load(name, seed).exercise
    known, three = {variant.name for variant in load_all(exercise)}, first_three(exercise)
    prove(
        exercise, (three if first else set()) | (known - three if others else set()), again=request.config.option.long
    )
