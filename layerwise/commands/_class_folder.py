"""What the commands of `lab classroom` share: the folder, what was handed in there, and the gradebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerwise.errors import InputError

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from layerwise.classroom.gradebook import Gradebook
    from layerwise.classroom.layouts import Layout
    from layerwise.classroom.store import Store

FOLDER = click.argument("folder", type=click.Path(path_type=Path))
EXERCISE = click.option("--exercise", metavar="EX", help="Only this exercise. Needed if FOLDER does not tell which.")
_LONGEST = 3653 * 86_400.0
"""The most seconds of a duration: 10 years."""


@contextmanager
def opened(folder: Path, only: str | None) -> Iterator[tuple[Layout, dict[str, Exercise], Store]]:
    """What was handed in, the exercises by name, and the store."""
    from grader.exercise import names
    from layerwise import workspace
    from layerwise.classroom.layouts import recognise
    from layerwise.classroom.store import Store

    known = {name: workspace.exercises_dir() / name for name in names(workspace.exercises_dir())}
    if only is not None:
        chosen = workspace.find(only)
        only = chosen.name
        known[only] = chosen.folder
    layout = recognise(folder, known, only)
    exercises = {name: workspace.find(str(known[name])) for name in sorted({one.exercise for one in layout.hand_ins})}
    with Store.open(folder) as store:
        yield layout, exercises, store


def read(layout: Layout, exercises: dict[str, Exercise], store: Store) -> Gradebook:
    """The gradebook. Nothing is graded, and no engine is needed."""
    from layerwise.classroom import gradebook

    return gradebook.read(layout, exercises, store)


def required(book: Gradebook, folder: Path) -> Gradebook:
    """The gradebook, if there is something in it. Raises InputError if not."""
    if not book.entries:
        raise InputError(f"nothing was handed in in {folder}")
    return book


def seconds(option: str, text: str, *, above_zero: bool = False) -> float:
    """The seconds in a duration that an option was given. Raises InputError if it is none, or too long."""
    from grader.lib.units import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as problem:
        raise InputError(f"{option}: {problem}") from None
    if above_zero and not found:
        raise InputError(f"{option}: expected more than no time")
    if found > _LONGEST:
        raise InputError(f"{option}: expected at most 10 years, found {text!r}")
    return found


def count(number: int, word: str) -> str:
    """The number and the word, with an s unless it is one."""
    return f"{number} {word}{'' if number == 1 else 's'}"
