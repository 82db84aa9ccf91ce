"""`lab reset`: go back to an exercise's starter."""

from __future__ import annotations

import click


@click.command()
@click.argument("exercise")
def command(exercise: str) -> None:
    """Go back to the starter of an exercise. Your work on it is kept in work/.trash.

    \b
    lab reset 05-drop-root
    """
    from layerwise import workspace
    from layerwise.commands._telling import tell_begun

    found = workspace.find(exercise)
    tell_begun(found, workspace.reset(found))
