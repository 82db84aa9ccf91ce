"""`lab start`: begin an exercise."""

from __future__ import annotations

import click

from layerwise.errors import LabError


@click.command()
@click.argument("exercise")
@click.option("--force", is_flag=True, help="Begin again even if there is work already; the old work is kept.")
def command(exercise: str, force: bool) -> None:
    """Copy the starter of an exercise into your work folder, and say what it is about.

    \b
    lab start 05-drop-root
    """
    from layerwise import prerequisites, workspace
    from layerwise.commands._telling import tell_begun
    from layerwise.commands._watching import stoppable, watching

    found = workspace.find(exercise)
    tell_begun(found, workspace.reset(found) if force else workspace.start(found))
    # The base images are fetched now, so that the first grading does not wait for them; the work can begin before.
    try:
        with stoppable(), watching() as watch:
            prerequisites.prepare([found], watch.seeding)
    except LabError as problem:
        click.echo(f"lab: not ready to build yet: {problem}", err=True)
