"""`lab start`: begin an exercise."""

from __future__ import annotations

import click


@click.command()
@click.argument("exercise")
@click.option("--force", is_flag=True, help="Begin again where there is work already; the old work is kept aside.")
def command(exercise: str, force: bool) -> None:
    """Copy an exercise's starter into your work folder, and say what it is about.

    \b
    lab start 05-drop-root
    """
    from layerwise import workbench
    from layerwise.commands._telling import tell_begun

    found = workbench.find(exercise)
    tell_begun(found, workbench.reset(found) if force else workbench.start(found))
