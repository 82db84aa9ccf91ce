"""`lab forget`: delete what the lab remembers of a learner."""

from __future__ import annotations

import sys

import click

from layerwise.errors import InputError


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(yes: bool) -> None:
    """Delete your record: points, answers to questions, hints you looked at, interview sessions. It asks first.

    Your files in work/ stay.

    \b
    lab forget
    lab forget --yes
    """
    from layerwise.interview.store import Sessions
    from layerwise.progress import Progress, ProgressError

    progress, sessions = Progress(), Sessions()
    if not progress.file.exists() and not sessions.exist():
        click.echo("Nothing is remembered.")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(
                "this deletes your points, answers, hints and interview sessions, and nothing brings them back; "
                "if sure: lab forget --yes"
            )
        try:
            kept = progress.summary()
        except ProgressError:
            kept = "your record, which cannot be read"
        if sessions.exist():
            kept += "; also all interview sessions"
        if not click.confirm(f"Delete {kept}? Nothing brings them back.", default=False):
            click.echo("Nothing was deleted.")
            return
    progress.forget()
    sessions.delete()
    click.echo("Deleted. Your files in work/ are as they were.")
