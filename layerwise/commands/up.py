"""`lab up`: bring up the lab."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--engine",
    type=click.Choice(["auto", "host", "embedded"]),
    default="auto",
    show_default=True,
    help="The Docker engine. host: this machine's; embedded: the lab's own; auto: this machine's, if it has one.",
)
@click.option("--port", type=int, default=8888, show_default=True, help="JupyterLab's port.")
@click.option(
    "--images", metavar="A,B|all|none", help="The base images to prepare (default: those of the first lessons)."
)
@click.option("--no-jupyter", is_flag=True, help="Bring up only the engine, the registries and the images.")
@click.option("--offline", is_flag=True, help="Use only what is already on this machine.")
def command(engine: str, port: int, images: str | None, no_jupyter: bool, offline: bool) -> None:
    """Bring up the lab: engine, registry, base images, tools, JupyterLab. A second run changes nothing.

    \b
    lab up
    lab up --images all --port 8899    every base image, JupyterLab at another port
    lab up --offline                   without asking anything outside this machine
    """
    from layerwise.stack import bringup, paths
    from layerwise.stack.catalogue import catalogue
    from layerwise.stack.installation import require_checkout, require_notebook

    require_checkout("up")
    if not no_jupyter:
        require_notebook()

    names: tuple[str, ...] | None = None
    if images is not None:
        listed = tuple(name.strip() for name in images.split(",") if name.strip())
        names = tuple(catalogue()) if listed == ("all",) else () if listed == ("none",) else listed
    options = bringup.Options(engine, port, names, not no_jupyter, offline)
    result = bringup.up(paths.home(), options)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    whose = "the lab's own" if result.engine.kind == "embedded" else result.engine.docker_host
    click.echo(f"The lab is up. Engine: Docker {result.info.version} ({whose}). Registry: localhost:5000")
    if result.url:
        click.echo(f"\n    {result.url}\n")
        click.echo("Open this address in a browser. Exercises: ./lab exercises. To stop: ./lab down")
    else:
        click.echo("Next: ./lab exercises, or ./lab up for JupyterLab too. To stop: ./lab down")
