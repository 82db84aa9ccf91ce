"""What `lab start` and `lab reset` print when the learner's folder is ready."""

from __future__ import annotations

import click

from grader.exercise import Exercise
from layerwise.workspace import Begun, shown


def tell_begun(exercise: Exercise, begun: Begun) -> None:
    """Print the story, what is judged, where the files are and what to type next."""
    if begun.kept:
        click.echo(f"Your work so far is kept in {shown(begun.kept)}\n")
    minutes = "1 minute" if exercise.minutes == 1 else f"{exercise.minutes} minutes"
    click.secho(f"{exercise.title}  ({exercise.points:g} points, about {minutes})", bold=True)
    if exercise.story:
        click.echo(f"\n{exercise.story}")
    click.echo("\nJudged:")
    for check in exercise.checks:
        click.echo(f"  {check.points:>4g}  {check.title}")
    click.echo(f"\nYour copy: {shown(begun.folder)}")
    if exercise.seed is not None:
        click.echo(
            f"Seed {exercise.seed}: everybody gets the same with  ./lab start {exercise.name} --seed {exercise.seed}"
        )
    click.echo(f"Edit it, then:  ./lab grade {exercise.name}")
