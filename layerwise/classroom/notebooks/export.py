"""Export nbgrader's gradebook as CSV that a spreadsheet opens without running anything in it.

nbgrader export --exporter=layerwise.classroom.notebooks.export.QuotedCsv --to grades.csv
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

from layerwise.classroom.exports import table

HEAD = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
    "needs_manual_grade",
)
"""The columns of nbgrader's own CSV, and one more."""


class QuotedCsv(ExportPlugin):  # type: ignore[misc]
    """nbgrader's CSV with every cell quoted, no formulas, and an empty cell for a missing score."""

    def export(self, gradebook: Gradebook) -> None:
        students, assignments = (set(map(str, wanted)) for wanted in (self.student, self.assignment))
        text = table.render([HEAD, *rows(gradebook, students, assignments)])
        with open(self.to or "grades.csv", "w", encoding="utf-8", newline="") as file:
            file.write(text)
        self.log.info("Wrote %s", self.to or "grades.csv")


def rows(
    gradebook: Gradebook, students: Collection[str], assignments: Collection[str]
) -> Iterator[list[str | float | None]]:
    """Yield a row for each assignment and student; of all of them, if `students` or `assignments` is empty.

    Who handed in nothing has no points. Whoever waits for the grader has no score, so those cells are empty.
    """
    for assignment in gradebook.assignments:
        for student in gradebook.students:
            if (assignments and assignment.name not in assignments) or (students and student.id not in students):
                continue
            about = [student.id, student.last_name, student.first_name, student.email]
            most = assignment.max_score
            try:
                submission = gradebook.find_submission(assignment.name, student.id)
            except MissingEntry:
                yield [assignment.name, _text(assignment.duedate), None, *about, 0.0, 0.0, 0.0, most, "no"]
                continue
            when, by_hand = _text(submission.timestamp), "yes" if submission.needs_manual_grade else "no"
            if _has_score(submission):
                penalty = submission.late_submission_penalty
                scores = [submission.score, penalty, max(0.0, submission.score - penalty)]
            else:
                scores = [None, None, None]
            yield [assignment.name, _text(assignment.duedate), when, *about, *scores, most, by_hand]


def _text(when: datetime | None) -> str | None:
    return str(when) if when else None


def _has_score(submission: Any) -> bool:
    """Whether every check has points. An answer that nobody has read yet counts as none, and is marked."""
    return all(
        grade.auto_score is not None or grade.manual_score is not None
        for notebook in submission.notebooks
        for grade in notebook.grades
        if grade.cell.cell_type == "code"
    )
