"""`lab doctor`: would a lesson work here?"""

from __future__ import annotations

import click


@click.command()
def command() -> int:
    """Look at the machine, the engine and the registry, then build, push, pull, run and remove a tiny image.
    Each finding that is not ok says what to do about it. Exit status: 0 if a lesson would work, 1 if not.

    \b
    lab doctor
    """
    from rich.console import Console
    from rich.text import Text

    from layerwise.stack.doctor import examine
    from layerwise.stack.findings import Level

    console = Console(highlight=False, soft_wrap=True)
    styles = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
    counts = dict.fromkeys(Level, 0)
    for finding in examine():
        counts[finding.level] += 1
        console.print(Text(f"{finding.level:<5}", styles[finding.level]), Text(f"{finding.subject:<13}{finding.found}"))
        if finding.cure:
            console.print(Text(f"      {'':<13}→ {finding.cure}"))
    if counts[Level.FAIL]:
        console.print(f"\nA lesson would not work yet. To fix: {counts[Level.FAIL]}, marked “fail” above.")
        return 1
    count = counts[Level.WARN]
    warnings = f", with {count} warning{'' if count == 1 else 's'}" if count else ""
    console.print(f"\nA lesson would work here{warnings}.")
    return 0
