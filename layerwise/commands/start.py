"""`lab start`: begin an exercise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from layerwise.commands._seed import MAX_SEED, seed_option
from layerwise.errors import LabError

if TYPE_CHECKING:
    from grader.exercise import Exercise


@click.command()
@click.argument("exercise")
@click.option("--force", is_flag=True, help="Begin again even if there is work already; the old work is kept.")
@seed_option
def command(exercise: str, force: bool, seed: int | None) -> None:
    """Copy the starter of an exercise into your work folder, and say what it is about.

    A task of the interview differs from seed to seed. Without --seed you get one by chance.

    \b
    lab start 05-drop-root
    lab start slow-build --seed 7
    """
    from layerwise import prerequisites, workspace
    from layerwise.commands._telling import tell_begun
    from layerwise.commands._watching import stoppable, watching

    found = _chosen(exercise, seed)
    tell_begun(found, workspace.reset(found) if force else workspace.start(found))
    # The base images are fetched now, so that the first grading does not wait for them; the work can begin before.
    try:
        with stoppable(), watching() as watch:
            prerequisites.prepare([found], watch.seeding)
    except LabError as problem:
        click.echo(f"lab: not ready to build yet: {problem}", err=True)


def _chosen(exercise: str, seed: int | None) -> Exercise:
    """The exercise; of one with instances the one of that seed, else the one that is begun, else one by chance."""
    import secrets

    from layerwise import workspace
    from layerwise.progress import Progress
    from layerwise.stack import paths

    pattern = workspace.pattern(exercise)
    if seed is None and pattern is not None:
        seed = Progress().instance(pattern.name) if (paths.work_dir() / pattern.name).exists() else None
        seed = secrets.randbelow(MAX_SEED) + 1 if seed is None else seed
    return workspace.find(exercise, seed)
