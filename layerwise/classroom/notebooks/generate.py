"""The notebook of an exercise, as nbgrader wants it: one graded cell for each check, and one answer graded by hand."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from grader.exercise import Check, Exercise
from grader.reports.reading import points

SAY_WHY = "say-why"
"""The grade_id of the answer that an instructor grades by hand."""
SAY_WHY_POINTS = 1.0
_CHECK = "check-"
_WIDTH = 100
_NBFORMAT = (4, 5)
_SCHEMA = 3
"""Of nbgrader's metadata."""


def grade_id(check: str) -> str:
    """Return the grade_id of a check's cell. It depends on the check's id alone, so it outlives every other edit."""
    return f"{_CHECK}{check}"


def check_of(grade_id: str) -> str:
    """Return the id of the check whose cell has this grade_id, or "" if it is no check's."""
    return grade_id[len(_CHECK) :] if grade_id.startswith(_CHECK) else ""


def notebook(exercise: Exercise) -> dict[str, Any]:
    """Return the notebook, as JSON, for the course's source folder. It has no outputs."""
    cells = [
        _text("story", f"# {exercise.title}\n\n{exercise.story}".strip()),
        _text("how-to-work", _how_to_work(exercise)),
        _cell("try-it", "code", _try_it(exercise), locked=True),
        _text("what-is-judged", _WHAT_IS_JUDGED),
        *(_graded(check) for check in exercise.checks),
        _text("say-why-question", _QUESTION),
        _cell(SAY_WHY, "markdown", "Your answer.", points=SAY_WHY_POINTS, solution=True),
    ]
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": _NBFORMAT[0],
        "nbformat_minor": _NBFORMAT[1],
    }


def starter_files(exercise: Exercise) -> list[str]:
    """Return the paths of the starter's files, relative to it, sorted."""
    return sorted(path.relative_to(exercise.starter).as_posix() for path in _files(exercise))


def _files(exercise: Exercise) -> list[Path]:
    return [path for path in exercise.starter.rglob("*") if not path.is_dir()]


_WHAT_IS_JUDGED = """\
## What is judged

One cell for each check. Leave them as they are: they are filled in when your work is graded. What you change in them,
or delete, is ignored."""

_QUESTION = f"""\
## Say why

What did you change, and why does it work? A few sentences are enough. Somebody reads them
({points(SAY_WHY_POINTS)})."""


def _how_to_work(exercise: Exercise) -> str:
    names = starter_files(exercise)
    tops = sorted({f"`{name.split('/')[0]}{'/' if '/' in name else ''}`" for name in names})
    lie = f"Your files lie next to this notebook: {', '.join(tops)}. " if tops else ""
    return (
        f"## How to work\n\n{lie}Change them there. The next cell shows the exercise with its hints, and grades your "
        "work as often as you like. Do not reset the exercise there, since that moves this notebook away too: fetch "
        "the assignment again.\n\nHand in this whole folder. The files are graded, not this notebook; only your answer "
        "at its end is read."
    )


def _try_it(exercise: Exercise) -> str:
    lines = [
        "import os",
        "from pathlib import Path",
        "",
        "import layerwise as lw",
        "",
        'os.environ["LAYERWISE_WORK"] = str(Path.cwd().parent)  # your files are in this folder',
    ]
    scripts = [path for path in _files(exercise) if path.stat().st_mode & 0o111]
    for name in sorted(path.relative_to(exercise.starter).as_posix() for path in scripts):
        lines.append(f"Path({name!r}).chmod(0o755)  # nbgrader hands it out without the permission to run it")
    return "\n".join([*lines, f"lw.check({exercise.name!r})"])


def _graded(check: Check) -> dict[str, Any]:
    """The cell of a check.

    It is never executed here. Should plain nbgrader ever execute it, the last line is a score of 0: a cell without a
    number would get full marks.
    """
    about = [f"{check.title}: {points(check.points)}", *([check.why] if check.why else [])]
    lines = [line for text in about for line in textwrap.wrap(" ".join(text.split()), _WIDTH)]
    source = "\n".join([*(f"# {line}" for line in lines), "0  # the points are put here when your work is graded"])
    return _cell(grade_id(check.id), "code", source, points=check.points, locked=True)


def _text(name: str, source: str) -> dict[str, Any]:
    return _cell(name, "markdown", source, locked=True)


def _cell(
    name: str, kind: str, source: str, *, points: float | None = None, locked: bool = False, solution: bool = False
) -> dict[str, Any]:
    about: dict[str, Any] = {
        "grade": points is not None,
        "grade_id": name,
        "locked": locked,
        "schema_version": _SCHEMA,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        about["points"] = points
    cell = {"id": name[:64], "cell_type": kind, "metadata": {"nbgrader": about}, "source": source}
    return cell if kind != "code" else {**cell, "execution_count": None, "outputs": []}
