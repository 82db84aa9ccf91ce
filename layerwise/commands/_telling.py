"""What `lab start` and `lab reset` say once the learner's folder is there."""

from __future__ import annotations

from pathlib import Path

import click

from grader.exercise import Exercise
from layerwise.workbench import Begun, shown


def tell_begun(exercise: Exercise, begun: Begun) -> None:
    """The story in a few lines, what is judged, where the files are and what to type next."""
    if begun.kept:
        click.echo(f"Your work so far is kept in {shown(begun.kept)}\n")
    minutes = "1 minute" if exercise.minutes == 1 else f"{exercise.minutes} minutes"
    click.secho(f"{exercise.title}  ({exercise.points:g} points, about {minutes})", bold=True)
    story = _story(exercise.folder / "README.md")
    if story:
        click.echo(f"\n{story}")
    click.echo("\nJudged:")
    for check in exercise.checks:
        click.echo(f"  {check.points:>4g}  {check.title}")
    click.echo(f"\nYour copy: {shown(begun.folder)}")
    click.echo(f"Edit it, then:  ./lab grade {exercise.name}")


def _story(readme: Path) -> str:
    """The README's text between its title and its first section; empty where there is none."""
    try:
        lines = readme.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    body = lines[1:] if lines and lines[0].startswith("# ") else lines
    end = next((number for number, line in enumerate(body) if line.startswith("## ")), len(body))
    return "\n".join(body[:end]).strip()
