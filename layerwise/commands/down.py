"""`lab down`: stop what `lab up` started; `--purge` removes it."""

from __future__ import annotations

import click


@click.command()
@click.option("--purge", is_flag=True, help="Remove everything the lab made on this machine.")
def command(purge: bool) -> None:
    """Stop what `lab up` started, and nothing else. --purge removes it: engine, images, registry, settings.

    \b
    lab down
    lab down --purge
    """
    from layerwise.stack import bringup, paths, removal

    home = paths.home()
    if purge:
        for line in removal.purge(home):
            click.echo(line)
        return
    stopped = bringup.down(home)
    click.echo(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of the lab was running.")
