"""Rebuild the notebook to grade: the released one, with the learner's answers in it.

The released notebook tells which cells there are and in which order, because it is what the learners got, and the
gradebook does not keep an order. nbgrader's OverwriteCells runs next and lays the gradebook's points and locked texts
over it. Nothing but the text of answers comes from the learner.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from logging import Logger
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from grader.errors import GraderError
from layerwise.classroom.notebooks.submission import Cell, Submitted, read
from layerwise.errors import InputError, LabError

ALSO_THERE = "## Also in the notebook\n\nThese cells are the learner's own. They are not graded."
_OURS = "layerwise"


class NoScore(LabError):
    """The learner gets no score for now. The message is for the instructor."""


class AnySubmission(NotebookExporter):
    """nbgrader's way from a notebook to a notebook, for notebooks that may be missing, huge or broken."""

    def from_filename(self, filename: str, resources: Any = None, **more: Any) -> Any:
        """Read a learner's notebook into the resources, for Rebuild. Any other notebook is converted as usual."""
        about = resources["nbgrader"]
        course = course_of(self)
        handed_in = course.format_path(course.submitted_directory, about["student"], about["assignment"])
        if os.path.dirname(os.path.abspath(filename)) != os.path.normpath(handed_in):
            return super().from_filename(filename, resources=resources, **more)
        submitted = read(Path(filename))
        if submitted.problem:
            self.log.warning("%s: %s; it is graded without answers", about["student"], submitted.problem)
        resources["metadata"] = {"name": about["notebook"], "path": handed_in}
        resources[_OURS] = submitted
        empty = node({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        return self.from_notebook_node(empty, resources=resources, **more)  # type: ignore[no-untyped-call]


class Rebuild(NbGraderPreprocessor):  # type: ignore[misc]
    """Put the released notebook, with the learner's answers, in the place of what was handed in.

    Before that the learner's earlier points are taken away, so whatever fails from here on leaves no score.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as gradebook:
            take_points_away(gradebook, about["notebook"], about["assignment"], about["student"])
        course = course_of(self)
        folder = course.format_path(course.release_directory, ".", about["assignment"])
        with no_score_if_it_fails(self.log, about):
            if _OURS not in resources:
                raise InputError(
                    "nbgrader_config.py has to set c.Autograde.exporter_class as `lab classroom init` does"
                )
            notebook = released(Path(folder) / f"{about['notebook']}.ipynb")
        return rebuild(notebook, resources[_OURS]), resources


@contextmanager
def no_score_if_it_fails(log: Logger, about: Mapping[str, str]) -> Iterator[None]:
    """Log in one line why a learner gets no score, and raise NoScore, if the block raises an error of ours.

    nbgrader then logs a traceback, and goes on with the next learner.
    """
    try:
        yield
    except (LabError, GraderError) as problem:
        log.error("%s, %s: no score: %s", about["student"], about["assignment"], problem)
        raise NoScore(str(problem)) from None


def node(raw: Mapping[str, Any]) -> Any:
    """Return a notebook, a cell or an output as nbformat has them, from JSON values."""
    return nbformat.from_dict(raw)  # type: ignore[no-untyped-call]


def released(file: Path) -> NotebookNode:
    """Read a released notebook. Raises InputError if there is none."""
    try:
        return nbformat.read(file, as_version=4)  # type: ignore[no-any-return,no-untyped-call]
    except (OSError, ValueError, nbformat.reader.NotJSONError, nbformat.ValidationError):
        raise InputError(
            f"{file} is missing or damaged; make it again: nbgrader generate_assignment {file.stem} --force"
        ) from None


def rebuild(notebook: NotebookNode, submitted: Submitted) -> NotebookNode:
    """Return the released notebook with the learner's answers, and with the learner's own cells at its end."""
    names = {cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in notebook.cells} - {""}
    texts = {cell.source.strip() for cell in notebook.cells} | {""}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if is_solution(cell):
            _answer(cell, submitted, names)
    own = [cell for cell in submitted.cells if not _name(cell, names) and cell.source.strip() not in texts]
    if own:
        notebook.cells.append(node({"id": "also-there", "cell_type": "markdown", "metadata": {}, "source": ALSO_THERE}))
        notebook.cells += [_new_cell(cell, number) for number, cell in enumerate(own, 1)]
    return notebook


def _answer(cell: NotebookNode, submitted: Submitted, names: set[str]) -> None:
    """Put the learner's answer into a cell: if the learner split or copied the cell, all parts that differ."""
    name, asked = cell.metadata.nbgrader.grade_id, cell.source.strip()
    parts = [part for part in submitted.cells if _name(part, names) == name]
    texts = list(dict.fromkeys(part.source for part in parts if part.source.strip() not in ("", asked)))
    if texts:
        cell.source = "\n\n".join(texts)
    pictures = {key: value for part in parts for key, value in (part.attachments or {}).items()}
    if pictures and cell.cell_type == "markdown":
        cell.attachments = node(pictures)


def _name(cell: Cell, names: set[str]) -> str:
    """The grade_id of the released cell that this one was; "" if it is the learner's own. Some editors drop metadata,
    but keep the cell's id, which is the same text in our notebooks."""
    return next((name for name in (cell.grade_id, cell.id) if name in names), "")


def _new_cell(cell: Cell, number: int) -> Any:
    raw: dict[str, Any] = {"id": f"own-{number}", "cell_type": cell.kind, "metadata": {}, "source": cell.source}
    if cell.kind == "code":
        raw |= {"execution_count": None, "outputs": []}
    elif cell.attachments:
        raw["attachments"] = cell.attachments
    return node(raw)


def take_points_away(gradebook: Gradebook, notebook: str, assignment: str, student: str) -> None:
    """Leave the submission without points for its checks until new ones are known. Grades given by hand stay."""
    for grade in gradebook.find_submission_notebook(notebook, assignment, student).grades:
        if grade.cell.cell_type == "code":
            grade.auto_score, grade.needs_manual_grade = None, True
    gradebook.db.commit()


def check_cells(notebook: NotebookNode) -> list[Any]:
    """The cells of a notebook whose points come from the store."""
    return [cell for cell in notebook.cells if is_grade(cell) and not is_solution(cell)]


def course_of(part: Any) -> CourseDirectory:
    """Return the course for which nbgrader made this exporter, preprocessor or plugin."""
    while getattr(part, "coursedir", None) is None:
        part = part.parent
    return part.coursedir
