"""`lab grade`: judge the work on an exercise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerwise.commands._seed import seed_option
from layerwise.errors import InputError, LabError

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from grader.verdict import Report

FORMATS = ("junit", "sarif", "gradescope", "html")
_FILE = click.Path(path_type=Path, dir_okay=True)


@click.command()
@click.argument("exercise")
@click.argument("folder", required=False)
@seed_option
@click.option("--image", type=_FILE, metavar="FILE", help="Judge the image in this archive; nothing is built or run.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output, and nothing else.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the report as JUnit XML.")
@click.option("--sarif", type=_FILE, metavar="FILE", help="Write the report as SARIF.")
@click.option("--gradescope", type=_FILE, metavar="FILE", help="Write the report as Gradescope's results.json.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write the report as a web page.")
def command(
    exercise: str, folder: str | None, seed: int | None, image: Path | None, as_json: bool, **files: Path | None
) -> int:
    """Grade your work on EXERCISE, or what is in FOLDER.

    With --image, a saved image is judged without an engine, by the checks that need nothing but the image. If you name
    a FOLDER as well, the checks of its files are judged too. A grade with --image is not recorded.

    Exit status: 0 full marks; 1 points were lost; 2 nothing to grade; 3 the grader or the engine failed.

    \b
    lab grade 05-drop-root
    lab grade 05-drop-root ~/try --json
    lab grade 05-drop-root --image saved.tar
    lab grade slow-build ~/candidate --seed 7
    """
    from layerwise import outputs, prerequisites, workspace
    from layerwise.commands._watching import stoppable, watching

    found = workspace.find(exercise, seed)
    own = workspace.folder(found)
    if folder == "":  # an unset variable; the current folder is called "."
        raise InputError("the name of the folder to grade is empty; leave it out to grade your own work")
    submission = Path(folder) if folder is not None else None if image else own
    if submission and not submission.is_dir():
        begin = f"; begin with: ./lab start {exercise}" if folder is None else ""
        raise InputError(f"there is no folder {workspace.shown(submission)} to grade{begin}")
    learner = workspace.learner()
    targets = outputs.check({f"--{name}": path for name, path in files.items() if path})
    from grader.grade import grade

    with stoppable(), watching() as watch:
        if not image:
            prerequisites.prepare([found], watch.seeding)
        report = grade(found, submission, image=image, on_event=watch.event, learner=learner)
    if submission and not image and submission.resolve() == own.resolve():
        _remember(found, report)
    _print(report, as_json)
    for name in FORMATS:
        if f"--{name}" in targets:
            _write(name, report, targets[f"--{name}"])
    return report.exit_code


def _remember(exercise: Exercise, report: Report) -> None:
    """Record the score of the learner's own work. If it cannot be recorded, warn: the grade is shown all the same."""
    from layerwise import workspace
    from layerwise.progress import Progress, ProgressError

    if report.score is None:
        return
    try:
        Progress().record_attempt(workspace.key(exercise), report)
    except ProgressError as problem:
        click.echo(f"lab: warning: this grade is not recorded: {problem}", err=True)


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        from grader.reports import json

        click.echo(json.render(report), nl=False)
        return
    from rich.console import Console

    from grader.reports import terminal

    terminal.render(report, console=Console(highlight=False))


def _write(name: str, report: Report, path: Path) -> None:
    from importlib import import_module

    from layerwise import outputs

    module = import_module(f"grader.reports.{name}")
    if name == "gradescope" and report.score is None:
        raise LabError(f"there is no score, so nothing was written for Gradescope to {path}")
    outputs.write(path, module.page(report) if name == "html" else module.render(report))
