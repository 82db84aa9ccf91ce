"""`lab status`: what runs, with versions and addresses."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """What runs, with versions and addresses. Exit status 0 when the lab is up, 3 when it is not."""
    from layerwise.stack import paths
    from layerwise.stack.overview import overview

    told = overview(paths.home())
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        show(told)
    if not told["up"]:
        if not as_json:
            click.echo("The lab is not up; run: ./lab up", err=True)
        context.exit(3)


def show(told: dict[str, Any]) -> None:
    """Print the overview as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    engine = told["engine"]
    if engine is None:
        table.add_row("engine", "none")
    elif engine["version"] is None:
        table.add_row("engine", f"does not answer at {engine['host']}")
    else:
        whose = "the lab's own" if engine["kind"] == "embedded" else "this machine's"
        table.add_row("engine", f"Docker {engine['version']}, {whose}, {engine['architecture']}")
        table.add_row("", f"image store {engine['image_store']}")
        table.add_row("", engine["host"])
    for name, each in told["registry"].items():
        table.add_row(name, f"{each['address']}  {'answers' if each['answers'] else 'does not answer'}")
    for at, (name, digest) in enumerate(sorted(told["images"].items())):
        table.add_row("images" if at == 0 else "", f"{name}  {digest[:19]}")
    if told["tools"]:
        table.add_row("tools", ", ".join(f"{name} {version}" for name, version in told["tools"].items()))
    jupyter = told["jupyter"]
    table.add_row("JupyterLab", jupyter["url"] if jupyter else "not running")
    Console(highlight=False, soft_wrap=True).print(table)
