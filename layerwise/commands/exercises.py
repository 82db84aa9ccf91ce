"""`lab exercises`: the list with your points. `lab exercises verify`: the proof that each exercise judges correctly."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from layerwise.errors import InputError

if TYPE_CHECKING:
    from layerwise.course_progress import Course, ExerciseProgress


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
    from layerwise.course_progress import course

    _require_exercises()
    found = course()
    for warning in found.warnings:
        click.echo(f"lab: warning: {warning}", err=True)
    if as_json:
        following = found.next.exercise.name if found.next else None
        listing = {
            "schema": 1,
            "lessons": [lesson.to_dict() for lesson in found.lessons],
            "exercises": [one.to_dict() for one in found.exercises],
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
@click.option("--again", is_flag=True, help="Prove again what has been proved before.")
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=3, show_default=True, help="Of a task, prove the seeds 1 to this."
)
def verify(names: tuple[str, ...], jobs: int, again: bool, seeds: int) -> int:
    """Prove that exercises judge correctly: the solution gets full marks, the starter does not pass, and each wrong or
    unusual submission under variants/ gets exactly the verdicts that are expected for it.

    A proof is remembered as long as the exercise, the grader, the engine, the tools and the base images are the same.

    Exit status: 0 all proved; 1 an unexpected verdict; 2 an incomplete exercise; 3 a submission could not be graded.
    """
    from contextlib import closing

    from grader.exercise import names as all_names
    from grader.verify.proofs import Proofs
    from grader.verify.proving import verify as prove
    from layerwise import workspace
    from layerwise.commands._proving import Tally
    from layerwise.commands._watching import stoppable, watching
    from layerwise.stack import paths

    if not names:
        _require_exercises()
    wanted = names or [*all_names(workspace.exercises_dir()), *all_names(workspace.tasks_dir())]
    if not wanted:
        raise InputError(f"no exercises in {workspace.exercises_dir()}")
    found = [
        workspace.find(name, seed)
        for name in dict.fromkeys(wanted)
        for seed in (range(1, seeds + 1) if workspace.pattern(name) else [None])
    ]
    tally = Tally()
    with stoppable(), watching() as watch:
        ready = tally.ready(found, watch.seeding)
        proofs = Proofs(paths.home().proofs, again=again)
        with closing(prove(ready, jobs=jobs, proofs=proofs)) as outcomes:
            for outcome in outcomes:
                watch.show(f"{tally.count + 1} submissions graded")
                tally.add(outcome)
    return tally.close()


def _require_exercises() -> None:
    """Raise InputError if there are no exercises to choose from: neither the course's nor an instructor's own."""
    from layerwise.stack.installation import require_checkout

    if not os.environ.get("LAYERWISE_EXERCISES"):
        require_checkout("exercises")


def _print(found: Course) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from grader.exercise import EXERCISES
    from grader.exercise import names as all_names
    from layerwise import workspace

    console = Console(highlight=False)
    is_other = workspace.exercises_dir() != EXERCISES
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("")
    table.add_column("exercise", no_wrap=True)
    table.add_column("title")
    table.add_column("level")
    table.add_column("min", justify="right")
    table.add_column("best", justify="right", no_wrap=True)
    for lesson in found.lessons:
        if not lesson.exercises and is_other:  # an instructor's own: with the lessons that they belong to
            continue
        notebook = lesson.notebook
        table.add_row(
            "✓" if lesson.done else "",
            Text(f"lesson {lesson.name}", style="bold"),
            Text(notebook.title if notebook else ""),
            "",
            str(notebook.minutes or "") if notebook else "",
        )
        for progress in lesson.exercises:
            exercise = progress.exercise
            table.add_row(
                {"done": "✓", "begun": "…"}.get(progress.state, ""),
                Text(exercise.name),
                Text(exercise.title),
                Text(exercise.level),
                str(exercise.minutes),
                _best(progress),
            )
    if found.exercises:
        console.print(table)
    if tasks := all_names(workspace.tasks_dir()):
        click.echo(
            click.wrap_text(
                f"Interview tasks, another one for each seed: {', '.join(tasks)}. Begin with: ./lab start {tasks[0]}"
            )
        )
    if any(one.is_of_other_checks for one in found.exercises):
        click.echo("* the checks of this exercise have changed since: grade it again")
    points = f", {found.score:g} of {found.max_score:g} points" if found.exercises else ""
    done = sum(one.done for one in found.exercises)
    click.echo(f"{done} of {len(found.exercises)} done{points}." + _advice(found.next))


def _best(progress: ExerciseProgress) -> str:
    mark = "*" if progress.is_of_other_checks else ""
    return f"{progress.score:g} of {progress.max_score:g}{mark}" if progress.best else f"of {progress.max_score:g}"


def _advice(following: ExerciseProgress | None) -> str:
    if following is None:
        return ""
    verb = "grade" if following.begun else "start"
    return f" Next: ./lab {verb} {following.exercise.name}"
