"""`lab images export`: base images for docker compose, where no hub can be reached."""

from __future__ import annotations

import click


@click.group()
def command() -> None:
    """Base images: `export` gives them to docker compose, for machines that reach no Docker Hub."""


@command.command()
def export() -> None:
    """Let `docker compose up` build on the lab's own base images, and not on Docker Hub's.

    The lab must be up, on the engine that docker compose will use. Writes .env and images/exported.tar; remove both to
    go back.
    """
    from layerwise.commands._watching import stoppable, watching
    from layerwise.stack import environment, exported
    from layerwise.stack.installation import require_checkout

    require_checkout("images export")
    env = environment.lab_env()
    with stoppable(), watching() as watch:
        exported.export(env, watch.seeding)
    click.echo(f"Wrote {exported.SETTINGS} and {exported.ARCHIVE}.")
    click.echo(f"Next, on the engine at {env['DOCKER_HOST']}: docker compose up --build")
