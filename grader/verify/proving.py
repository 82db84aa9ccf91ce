"""Grade every known submission of an exercise, and tell the outcome of each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.exercise import Exercise
from grader.lib import owner
from grader.lib.scratch import PREFIX
from grader.verify import cleanup
from grader.verify.proofs import Proofs
from grader.verify.trials import Outcome, Trial, trials
from grader.verify.workers import graded


def verify(
    exercises: Sequence[Exercise],
    *,
    jobs: int = 2,
    proofs: Proofs | None = None,
    wanted: Callable[[Trial], bool] = lambda trial: True,
) -> Generator[Outcome, None, None]:
    """Grade the known submissions of the exercises that are `wanted`, `jobs` at a time if that is safe. Yields each
    outcome as it comes.

    Submissions whose proof is in `proofs` are not graded, and come first. New proofs are added to `proofs`.

    Raises ExerciseInvalid, before anything is graded, if an exercise or a variant is not complete.
    """
    # Taken before anything is read: a file edited from now on changes the fingerprint.
    before = {exercise.folder: proofs.fingerprint(exercise) if proofs else "" for exercise in exercises}
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{owner.mark()}-", ignore_cleanup_errors=True) as scratch:
        found = [trial for exercise in exercises for trial in trials(exercise, Path(scratch)) if wanted(trial)]
        unproved = []
        for trial in found:
            if proofs and proofs.has(trial, before[trial.exercise.folder]):
                yield Outcome.of(trial, remembered=True)
            else:
                unproved.append(trial)
        with _swept(any(trial.script for trial in unproved)):
            for trial, outcome in _graded(unproved, jobs):
                if proofs:
                    remember = proofs.keep if outcome.proved else proofs.drop
                    remember(trial, before[trial.exercise.folder])
                yield outcome


def _graded(found: Sequence[Trial], jobs: int) -> Iterator[tuple[Trial, Outcome]]:
    """Grade the trials: first those that may be graded at the same time, then the others one by one."""
    alone = [trial for trial in found if trial.alone]
    for trial, outcome in graded([trial for trial in found if not trial.alone], jobs):
        if outcome.proved or not trial.deadline or jobs == 1:
            yield trial, outcome
        else:
            alone.append(trial)
    yield from graded(alone, 1)


@contextmanager
def _swept(is_needed: bool) -> Iterator[None]:
    """Remove what scripts have left: at first that of processes that died, in the end also that of this process."""
    if is_needed:
        cleanup.sweep()
    try:
        yield
    finally:
        if is_needed:
            cleanup.sweep(own=True)
