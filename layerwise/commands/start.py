"""`lab start`: begin an exercise."""

from __future__ import annotations

import click

from layerwise.errors import LabError


@click.command()
@click.argument("exercise")
@click.option("--force", is_flag=True, help="Begin again where there is work already; the old work is kept aside.")
def command(exercise: str, force: bool) -> None:
    """Copy an exercise's starter into your work folder, and say what it is about.

    \b
    lab start 05-drop-root
    """
    from layerwise import bench, workbench
    from layerwise.commands._telling import tell_begun
    from layerwise.commands._watching import stoppable, watching

    found = workbench.find(exercise)
    tell_begun(found, workbench.reset(found) if force else workbench.start(found))
    # Its base images are fetched now, so that the first grading need not wait; the work can begin without them.
    try:
        with stoppable(), watching() as watch:
            bench.prepare([found], watch.seeding)
    except LabError as problem:
        click.echo(f"lab: not ready to build yet: {problem}", err=True)
