"""`lab status`: what runs, with versions and addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show what is running, with versions and addresses. Exit status: 0 if the lab is up, 3 if it is not.

    \b
    lab status
    lab status --json
    """
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
    """Print the overview: a label and one thing in each line, never wrapped, so that addresses can be copied."""
    for label, text in rows(told):
        click.echo(click.style(f"{label:<15}", bold=True) + text)


def rows(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The lines of the overview as (label, text)."""
    engine = told["engine"]
    if engine is None:
        yield "engine", "none"
    elif engine["version"] is None:
        yield "engine", f"does not answer at {engine['host']}"
    else:
        whose = "the lab's own" if engine["kind"] == "embedded" else "this machine's"
        yield "engine", f"Docker {engine['version']}, {whose}, {engine['architecture']}"
        yield "", f"image store {engine['image_store']}"
        yield "", str(engine["host"])
    for name, each in told["registry"].items():
        yield name, f"{each['address']:<18} {'answers' if each['answers'] else 'does not answer'}"
    for at, (name, digest) in enumerate(sorted(told["images"].items())):
        yield "" if at else "images", f"{name:<26} {digest[:19]}"
    for at, (name, version) in enumerate(told["tools"].items()):
        yield "" if at else "tools", f"{name:<8} {version}"
    jupyter = told["jupyter"]
    yield "JupyterLab", str(jupyter["url"]) if jupyter else "not running"
