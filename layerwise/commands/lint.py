"""`lab lint`: what can be said about a Dockerfile without building it."""

from __future__ import annotations

from pathlib import Path

import click

from layerwise.errors import InputError

_PATH = click.Path(path_type=Path)
LEVELS = ("error", "warning", "info")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH ...]")
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    help="The lowest severity that is shown and counts.",
)
@click.option(
    "--context", type=_PATH, metavar="FOLDER", help="The build context. Default: the folder of each Dockerfile."
)
def command(paths: tuple[str, ...], form: str, level: str, context: Path | None) -> int:
    """Find problems in Dockerfiles without building them.

    PATH is a Dockerfile, or a folder that is searched for Dockerfiles; the default is the current folder. No engine is
    needed, and nothing is run.

    Exit status: 0 nothing found; 1 findings; 2 a file or folder cannot be used.

    \b
    lab lint
    lab lint app/Dockerfile --format sarif
    """
    from grader.lint import output
    from grader.lint.dockerfiles import find_dockerfiles
    from grader.lint.linter import lint
    from grader.lint.model import Linted, Severity

    if "" in paths:  # an unset variable; the current folder is called "."
        raise InputError("the name of a file or folder to lint is empty; leave it out for the current folder")
    if context is not None and not context.is_dir():
        raise InputError(f"--context {context}: there is no such folder")
    least = Severity(level).rank
    files = []
    for path in find_dockerfiles([Path(path) for path in paths] or [Path()]):
        linted = lint(path, context)
        kept = tuple(found for found in linted.findings if found.severity.rank >= least)
        files.append(Linted(linted.path, kept, linted.error))
    render = {"text": output.as_text, "json": output.as_json, "sarif": output.as_sarif}[form]
    click.echo(render(files), nl=False)
    if any(file.error is not None and not file.findings for file in files):
        return 2
    return 1 if any(file.findings for file in files) else 0
