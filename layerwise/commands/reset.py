"""`lab reset`: an exercise put back to its starter."""

from __future__ import annotations

import click


@click.command()
@click.argument("exercise")
def command(exercise: str) -> None:
    """Put an exercise back to its starter. Your work on it is kept, in work/.trash.

    \b
    lab reset 05-drop-root
    """
    from layerwise import workbench
    from layerwise.commands._telling import tell_begun

    found = workbench.find(exercise)
    tell_begun(found, workbench.reset(found))
