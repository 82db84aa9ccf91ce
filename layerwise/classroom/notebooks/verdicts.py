"""Fill the points of the checks into a learner's notebook, from the store. What has no verdict yet is graded then.

nbgrader takes an odd output for full marks, so every score is checked before it is written: anything but a number from
0 to the check's points leaves the learner without a score.
"""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.exercise import Exercise
from grader.reports import reading
from grader.verdict import CheckResult, Report, Status
from layerwise import prerequisites, workspace
from layerwise.classroom import gradebook, grading
from layerwise.classroom.gradebook import Entry, State
from layerwise.classroom.hand_in import HandIn
from layerwise.classroom.layouts import Layout
from layerwise.classroom.notebooks.generate import check_of
from layerwise.classroom.notebooks.rebuild import NoScore, check_cells, course_of, no_score_if_it_fails, node
from layerwise.classroom.store import Store
from layerwise.classroom.workers import Here

_PLACES = 3
"""The most places shown for a check."""
_WIDTH = 96
"""The most characters of a line."""


class FillVerdicts(NbGraderPreprocessor):  # type: ignore[misc]
    """Set the outputs of each check's cell to what the grader says, and to the points."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        about = resources["nbgrader"]
        course = course_of(self)
        learner, name = about["student"], about["assignment"]
        folder = Path(course.format_path(course.submitted_directory, learner, name))
        with no_score_if_it_fails(self.log, about):
            exercise = workspace.find(name)
            with Store.open(Path(course.root)) as store:
                report = verdict(HandIn(learner, exercise.name, folder, lost_modes=True), exercise, store)
            fill(nb, report)
        return nb, resources


def verdict(hand_in: HandIn, exercise: Exercise, store: Store) -> Report:
    """Return the report on a hand-in that holds now, from the store; if it has none, the hand-in is graded first.

    Raises NoScore if the grader fails, and LabError or GraderError if it cannot begin.
    """
    layout, exercises = Layout("an nbgrader course", (hand_in,)), {exercise.name: exercise}

    def entry() -> Entry:
        book = gradebook.read(layout, exercises, store)
        return next(one for one in book.by_learner[hand_in.learner] if one.exercise.name == exercise.name)

    found = entry()
    if found.state is not State.GRADED:
        prerequisites.prepare([exercise], lambda image, what: None)
        for graded in grading.grade(layout, exercises, store, runner=Here(1), regrade="changed"):
            if graded.error:
                raise NoScore(graded.error)
        found = entry()
    if found.state is not State.GRADED or found.kept is None:
        raise NoScore(found.why or "it was not graded")
    return store.report(found.kept)


def fill(notebook: NotebookNode, report: Report) -> None:
    """Write the report into the notebook's cells. Raises NoScore unless it has clean points for exactly these cells."""
    cells = {check_of(cell.metadata.nbgrader.grade_id): cell for cell in check_cells(notebook)}
    results = {result.id: result for result in report.checks}
    if not results or set(cells) != set(results) or len(results) != len(report.checks):
        raise NoScore("its checks are not those of the released notebook; the exercise has changed since the release")
    said = {check.id: check for check in reading.read(report).checks}
    points = {name: points_of(results[name], cell.metadata.nbgrader.points) for name, cell in cells.items()}
    for name, cell in cells.items():
        cell.execution_count = None
        cell.outputs = [
            node({"output_type": "stream", "name": "stdout", "text": _message(said[name])}),
            node(
                {
                    "output_type": "execute_result",
                    "execution_count": None,
                    "metadata": {},
                    "data": {"text/plain": str(points[name])},
                }
            ),
        ]


def points_of(result: CheckResult, most: float) -> float:
    """Return the points for a check whose cell is worth `most`. Raises NoScore unless they are a clean number."""
    points, name = result.points, f"the check {result.id!r}"
    if result.max_points != most:
        raise NoScore(
            f"{name} is worth {reading.amount(result.max_points)} now, and {reading.amount(most)} in the released "
            "notebook: nbgrader generate_assignment --force takes over the new points"
        )
    if type(points) not in (int, float) or not math.isfinite(points) or not 0 <= points <= most:
        raise NoScore(f"{name} has {points!r} points, and not a number from 0 to {reading.amount(most)}")
    if result.status is Status.ERROR:
        raise NoScore(f"the grader could not judge {name}")
    if {Status.PASSED: points == most, Status.PARTIAL: 0 < points < most}.get(result.status, points == 0) is False:
        raise NoScore(f"{name} is {result.status}, and that does not fit {reading.amount(points)} points")
    return float(points)


def _message(check: reading.Reading) -> str:
    lines = [f"{check.status}, {check.points}: {check.message}"]
    lines += [f"{name}: {text}" for name, text in (("expected", check.expected), ("found", check.found)) if text]
    lines += [f"where: {spot.where} {spot.text}".rstrip() for spot in check.where[:_PLACES]]
    lines += [f"hint: {check.hint}"] if check.hint and check.status is not Status.PASSED else []
    # Formgrader does not fold long lines.
    folded = [part for line in lines for part in textwrap.wrap(line, _WIDTH, subsequent_indent="    ")]
    return "\n".join(folded) + "\n"
