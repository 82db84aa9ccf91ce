"""`lab classroom export`, `feedback` and `duplicates`: what goes out of the gradebook, and equal work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerwise.classroom.exports import FOLDERS, FORMATS
from layerwise.commands._class_folder import EXERCISE, FOLDER, count, opened, read, required
from layerwise.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerwise.classroom.duplicates import Found

_SHOWN = 50
"""The most shared files that are listed for one exercise."""


@click.command()
@FOLDER
@click.option("--format", "name", type=click.Choice(FORMATS), required=True, help="The format.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it.")
@EXERCISE
def export(folder: Path, name: str, output: Path | None, exercise: str | None) -> None:
    """Write the grades in a format that others read.

    \b
    csv          a table with a line for each check
    jsonl        a JSON object for each learner and exercise
    junit        JUnit XML
    gradescope   a results.json for each learner and exercise
    classroom50  a result.json for each learner and exercise
    canvas       the file that Canvas imports into its gradebook
    moodle       the worksheet that Moodle imports into one assignment

    Without -o it goes to standard output. The formats gradescope and classroom50 are several files: for them -o names a
    new folder. What has no score is left empty, never 0.

    \b
    lab classroom export class/ --format csv -o grades.csv
    lab classroom export class/ --format moodle --exercise 05-drop-root -o worksheet.csv
    lab classroom export class/ --format gradescope -o results/
    """
    from layerwise import outputs
    from layerwise.classroom import folder as files
    from layerwise.classroom.exports.export import render

    if name in FOLDERS:
        if output is None:
            raise InputError(f"the format {name} is several files: name a new folder for them with -o")
        files.check("-o", output, empty=True)
    target = outputs.check({"-o": output})["-o"] if output and name not in FOLDERS else None
    with opened(folder, exercise) as (layout, exercises, store):
        made = render(name, required(read(layout, exercises, store), folder))
    for note in made.notes:
        click.echo(f"lab: warning: {note}", err=True)
    if name in FOLDERS:
        assert output
        files.write(output, made.files)
        click.echo(f"Wrote {count(len(made.files), 'file')} to {output}.")
    elif target:
        outputs.write(target, made.text)
    else:
        click.echo(made.text.encode(), nl=False)


@click.command()
@FOLDER
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Where to. [default: FOLDER/feedback]"
)
@EXERCISE
def feedback(folder: Path, output: Path | None, exercise: str | None) -> None:
    """Write a web page for each learner, with the reports of all exercises.

    A page says what was expected and found, what to read next, and what being late cost. It needs nothing from
    elsewhere, so it can be mailed. Pages that were written before are replaced.

    \b
    lab classroom feedback class/
    lab classroom feedback class/ --exercise 05-drop-root -o pages/
    """
    from layerwise.classroom import folder as files
    from layerwise.classroom.feedback import pages

    target = output or folder / "feedback"
    with opened(folder, exercise) as (layout, exercises, store):
        files.check("-o", target, empty=False)
        made = pages(required(read(layout, exercises, store), folder))
    files.write(target, made)
    click.echo(f"Wrote {count(len(made), 'page')} to {target}.")


@click.command()
@FOLDER
@EXERCISE
def duplicates(folder: Path, exercise: str | None) -> None:
    """Show files that several learners handed in, byte by byte.

    Files of the starter do not count, nor do empty ones. A file that differs in a space or a comment is another file.
    Equal files are no proof: talk to people before you judge.

    \b
    lab classroom duplicates class/
    lab classroom duplicates downloads/ --exercise 05-drop-root
    """
    from layerwise.classroom.duplicates import find
    from layerwise.classroom.names import labels

    with opened(folder, exercise) as (layout, exercises, _):
        if not layout.hand_ins:
            raise InputError(f"nothing was handed in in {folder}")
        names = labels(layout.learners)
        for found in find(layout, exercises):
            for line in _told(found, names):
                click.echo(line)


def _told(found: Found, names: dict[str, str]) -> Iterator[str]:
    """What is equal in one exercise, in lines. `names` are those to show for the learners."""
    from grader.reports import safe

    def listed(learners: tuple[str, ...]) -> str:
        return ", ".join(names[learner] for learner in learners)

    is_clear = not found.same and not found.shared
    yield f"{found.exercise}: {count(found.read, 'hand-in')} read{', nothing is equal' if is_clear else ''}."
    for group in found.same:
        yield f"  the same work: {listed(group)}"
    for file in found.shared[:_SHOWN]:
        paths = " = ".join(safe.line(path, 100) for path in file.paths[:5])
        yield f"  the same file {paths}: {listed(file.learners)}"
    if len(found.shared) > _SHOWN:
        yield f"  … and {count(len(found.shared) - _SHOWN, 'more file')}"
    for learner, why in found.unreadable:
        yield f"  not read: {names[learner]}: {safe.line(why)}"
