"""`lab classroom`: grade a class unattended, and give the results out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerwise.commands import _class_late, _class_out
from layerwise.commands._class_folder import EXERCISE, FOLDER, count, opened, read, seconds
from layerwise.errors import InputError

if TYPE_CHECKING:
    from layerwise.classroom.gradebook import Gradebook
    from layerwise.classroom.grading import Graded, Runner


@click.group()
def command() -> None:
    """Grade a class by what its images do.

    FOLDER holds what was handed in: an nbgrader course, a folder for each learner or for each exercise, zip archives,
    clones of repositories, or a download from Moodle, Canvas, Blackboard or Gradescope. Verdicts go to
    FOLDER/layerwise.db, and all scores come from there.

    \b
    lab classroom grade class/
    lab classroom status class/
    lab classroom export class/ --format csv -o grades.csv
    """


@command.command()
@FOLDER
@click.option("--exercises", metavar="A,B", help="Only these exercises.  [default: all]")
@click.option("--course-id", metavar="ID", default="", help="The course's name in nbgrader.  [default: FOLDER's name]")
def init(folder: Path, exercises: str | None, course_id: str) -> None:
    """Make an nbgrader course from the exercises.

    FOLDER has to be new or empty. Then nbgrader's own commands work in it: generate_assignment, release_assignment,
    collect, autograde, formgrader, generate_feedback, export. Points come from the grader, and no notebook is executed.

    \b
    lab classroom init class/
    lab classroom init class/ --exercises 02-cache-order,05-drop-root --course-id containers
    """
    import os

    from grader.exercise import names
    from layerwise import workspace
    from layerwise.classroom.notebooks import course

    wanted = names(workspace.exercises_dir())
    if exercises is not None:
        wanted = list(dict.fromkeys(name.strip() for name in exercises.split(",") if name.strip()))
    elsewhere = workspace.exercises_dir() if os.environ.get("LAYERWISE_EXERCISES") else None
    course.create(folder, [workspace.find(name) for name in wanted], course_id, elsewhere)
    click.echo(
        f"A course with {count(len(wanted), 'exercise')} is in {folder}. Go on in that folder, for each exercise:"
    )
    click.echo(f"  nbgrader generate_assignment {wanted[0]}")
    click.echo(f"  nbgrader release_assignment {wanted[0]}")


@command.command()
@FOLDER
@EXERCISE
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="How many to grade at a time.")
@click.option(
    "--regrade",
    type=click.Choice(["failed", "changed", "all"]),
    default=None,
    help="Grade again: what lost points; what was judged by another exercise, grader or engine; or everything.",
)
@click.option("--timeout", metavar="D", default="30 min", show_default=True, help="The most time for one hand-in.")
@click.option(
    "--cluster", metavar="ADDRESS", help="Grade on the workers of this dask scheduler, such as tcp://HOST:8786."
)
def grade(folder: Path, exercise: str | None, jobs: int, regrade: str | None, timeout: str, cluster: str | None) -> int:
    """Grade what has no score yet, and what was handed in again.

    If it is stopped or killed, the same command goes on where it was. A hand-in that cannot be graded does not hold up
    the others: it gets no points, and the reason is told.

    Exit status: 0 every hand-in has a score; 1 some have none yet; 2 unusable input; 3 the engine or the grader failed.

    \b
    lab classroom grade class/
    lab classroom grade downloads/ --exercise 05-drop-root --jobs 4
    lab classroom grade class/ --regrade failed
    lab classroom grade class/ --cluster tcp://10.0.0.5:8786
    """
    from layerwise import prerequisites
    from layerwise.classroom import grading
    from layerwise.classroom.layouts import shown
    from layerwise.commands._watching import stoppable, watching

    longest = seconds("--timeout", timeout, above_zero=True)
    with opened(folder, exercise) as (layout, exercises, store), stoppable():
        for line in shown(layout):
            click.echo(line)
        if not layout.hand_ins:
            raise InputError(f"nothing was handed in in {folder}")
        failed = tried = 0
        with watching() as watch, _runner(jobs, cluster) as runner:
            names = {hand_in.exercise for hand_in in layout.hand_ins}
            prerequisites.prepare([exercises[name] for name in sorted(names)], watch.seeding)
            watch.show("looking for what has no score yet")
            graded = grading.grade(
                layout,
                exercises,
                store,
                runner=runner,
                timeout=longest,
                regrade=regrade or "",  # type: ignore[arg-type]
                on_start=lambda number: click.echo(f"{count(number, 'hand-in')} to grade."),
            )
            for one in graded:
                tried += 1
                failed += bool(one.error)
                click.echo(_line(one))
                watch.show(f"{count(one.left, 'hand-in')} left")
        return _total(read(layout, exercises, store), all_failed=0 < tried == failed)


@contextmanager
def _runner(jobs: int, cluster: str | None) -> Iterator[Runner]:
    """Where the gradings run: on this machine, or on the workers of a scheduler."""
    if cluster:
        from layerwise.classroom.cluster import connected

        with connected(cluster) as found:
            yield found
    else:
        from layerwise.classroom.workers import Here

        yield Here(jobs)


@command.command()
@FOLDER
@EXERCISE
def status(folder: Path, exercise: str | None) -> None:
    """Show who handed in what, and what is graded, stale, failed or late.

    A score is stale if the hand-in, the exercise, the grader or the engine has changed since. `grade` renews it if the
    hand-in changed, and `grade --regrade changed` in any case.

    \b
    lab classroom status class/
    """
    from layerwise.commands._class_table import render

    with opened(folder, exercise) as (layout, exercises, store):
        render(read(layout, exercises, store), layout)


for _other in (_class_out.export, _class_out.feedback, _class_out.duplicates, _class_late.late, _class_late.extend):
    command.add_command(_other)


def _line(one: Graded) -> str:
    from grader.lib.text import clean
    from grader.lib.units import format_duration
    from grader.reports.reading import amount

    kept = one.entry.kept
    assert kept
    name = f"{clean(one.entry.learner, 60)}  {one.entry.exercise.name}"
    left = f"{one.left} left, about {format_duration(round(one.seconds_left))}" if one.left else "all done"
    if one.error:
        return f"! {name}: no score: {one.error}  ({left})"
    points = f"{amount(kept.score or 0)} of {amount(kept.max_score)}"
    how = one.report.checks[0].message if kept.unusable else f"in {format_duration(kept.seconds)}"
    mark = "✓" if kept.score == kept.max_score else "·"
    return f"{mark} {name}: {points}, {how}  ({left})"


def _total(book: Gradebook, *, all_failed: bool) -> int:
    """Print how many have a score, and return the exit status."""
    from layerwise.classroom.gradebook import State

    handed_in = [entry for entry in book.entries if entry.hand_in]
    scored = [entry for entry in handed_in if entry.state in (State.GRADED, State.STALE)]
    click.echo(f"{len(scored)} of {count(len(handed_in), 'hand-in')} have a score.")
    if len(scored) == len(handed_in):
        return 0
    return 3 if all_failed else 1
