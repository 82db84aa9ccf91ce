"""`lab hint`: the next hint for an exercise."""

from __future__ import annotations

import click


@click.command()
@click.argument("exercise")
def command(exercise: str) -> None:
    """Show the next hint for an exercise: first a nudge, at last nearly the answer.

    A notebook remembers the same hints. When all of them have been shown, they are shown again.

    \b
    lab hint 05-drop-root
    """
    from layerwise import workspace
    from layerwise.progress import Progress, ProgressError
    from layerwise.views.markup import plain

    found = workspace.find(exercise)
    count = len(found.hints)
    if not count:
        click.echo(f"{found.name} has no hints.")
        return
    progress, key = Progress(), workspace.key(found)
    try:
        seen = max(progress.hints(key), default=0)
        if seen < count:
            progress.record_hint(key, seen + 1)
    except ProgressError as problem:
        click.echo(f"lab: warning: {problem}", err=True)
        seen = 0
    numbers = [seen + 1] if seen < count else range(1, count + 1)
    for number in numbers:
        click.secho(f"Hint {number} of {count}", bold=True)
        click.echo(click.wrap_text(plain(found.hints[number - 1]), width=80) + "\n")
    if seen >= count:
        click.echo("These are all the hints there are.")
