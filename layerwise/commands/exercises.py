"""`lab exercises`: the list with your points; `lab exercises verify`: the proof that each exercise judges rightly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from layerwise.errors import InputError

if TYPE_CHECKING:
    from layerwise.standing import Course, Standing


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """List lessons and exercises, with your best score for each and what comes next.

    \b
    lab exercises
    lab exercises verify 05-drop-root
    """
    if context.invoked_subcommand:
        return 0
    from layerwise.standing import course

    found = course()
    for warning in found.warnings:
        click.echo(f"lab: warning: {warning}", err=True)
    if as_json:
        following = found.next.exercise.name if found.next else None
        listing = {
            "schema": 1,
            "lessons": [lesson.to_dict() for lesson in found.lessons],
            "exercises": [standing.to_dict() for standing in found.standings],
            "score": found.score,
            "max_score": found.max_score,
            "next": following,
        }
        click.echo(json.dumps(listing, indent=2))
    else:
        _print(found)
    for problem in found.problems:
        click.echo(f"lab: {problem}", err=True)
    return InputError.exit_code if found.problems else 0


@command.command()
@click.argument("names", metavar="[EXERCISE]...", nargs=-1)
@click.option("--jobs", type=click.IntRange(1, 16), default=2, show_default=True, help="How many to grade at a time.")
def verify(names: tuple[str, ...], jobs: int) -> int:
    """Prove that exercises judge rightly: the solution gets full marks, the starter does not pass, and each known
    wrong or odd submission under variants/ gets exactly the verdicts it is known to deserve.

    Exit status: 0 all proved; 1 a verdict other than expected; 2 an exercise that is not complete; 3 no grade was had.
    """
    from contextlib import closing

    from grader.exercise import names as all_names
    from grader.verify import verify as prove
    from layerwise import workbench
    from layerwise.commands._proving import Tally
    from layerwise.commands._watching import stoppable, watching

    wanted = names or all_names(workbench.exercises_dir())
    if not wanted:
        raise InputError(f"no exercises in {workbench.exercises_dir()}")
    found = [workbench.find(name) for name in dict.fromkeys(wanted)]
    tally = Tally()
    with stoppable(), watching() as watch:
        ready = tally.ready(found, watch.seeding)
        with closing(prove(ready, jobs=jobs)) as outcomes:
            for outcome in outcomes:
                watch.show(f"{tally.count + 1} submissions graded")
                tally.add(outcome)
    return tally.close()


def _print(found: Course) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("")
    table.add_column("exercise", no_wrap=True)
    table.add_column("title")
    table.add_column("level")
    table.add_column("min", justify="right")
    table.add_column("best", justify="right", no_wrap=True)
    for lesson in found.lessons:
        if not lesson.standings:
            continue
        notebook = lesson.notebook
        table.add_row(
            "✓" if lesson.done else "",
            Text(f"lesson {lesson.name}", style="bold"),
            Text(notebook.title if notebook else ""),
            "",
            str(notebook.minutes or "") if notebook else "",
        )
        for standing in lesson.standings:
            exercise = standing.exercise
            table.add_row(
                {"done": "✓", "begun": "…"}.get(standing.state, ""),
                Text(exercise.name),
                Text(exercise.title),
                Text(exercise.level),
                str(exercise.minutes),
                _best(standing),
            )
    if found.standings:
        console.print(table)
    points = f", {found.score:g} of {found.max_score:g} points" if found.standings else ""
    done = sum(standing.done for standing in found.standings)
    click.echo(f"{done} of {len(found.standings)} done{points}." + _advice(found.next))


def _best(standing: Standing) -> str:
    return f"{standing.score:g} of {standing.max_score:g}" if standing.best else f"of {standing.max_score:g}"


def _advice(following: Standing | None) -> str:
    if following is None:
        return ""
    verb = "grade" if following.begun else "start"
    return f" Next: ./lab {verb} {following.exercise.name}"
