"""What being late costs, by the store.

nbgrader asks its plugin only about submissions that are late by its own gradebook, so the store's due times and
extensions are written there first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor

from layerwise.classroom.lateness import lateness
from layerwise.classroom.notebooks.rebuild import course_of
from layerwise.classroom.store import Store


class DueTimes(NbGraderPreprocessor):  # type: ignore[misc]
    """Write the due time of the assignment, and the learner's extension, into nbgrader's gradebook."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        about = resources["nbgrader"]
        with Store.open(Path(course_of(self).root)) as store, Gradebook(about["db_url"]) as gradebook:
            write_due_times(gradebook, store, about["assignment"], about["student"])
        return nb, resources


def write_due_times(gradebook: Gradebook, store: Store, assignment: str, student: str) -> None:
    """Write what the store has. What it does not have stays as nbgrader's own pages set it.

    An extension of something that is never due is left out: nbgrader counts extensions from the due time.
    """
    if due := store.due().get(assignment):
        gradebook.update_or_create_assignment(assignment, duedate=_plain(due))
    base = gradebook.find_assignment(assignment).duedate
    until = store.extensions().get((student, assignment))
    if base is not None and until is not None:
        minutes = (_plain(until) - base) / timedelta(minutes=1)
        gradebook.grant_extension(assignment, student, minutes=minutes)


def _plain(when: datetime) -> datetime:
    """The time as nbgrader keeps it: in UTC, and without saying so."""
    return when.astimezone(UTC).replace(tzinfo=None)


class StorePolicy(LateSubmissionPlugin):  # type: ignore[misc]
    """The penalty by `lab classroom late`."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Return the points to take off, or None if it costs nothing."""
        with Store.open(Path(course_of(self).root)) as store:
            policy = store.policy()
        due = datetime.now(UTC)
        share = lateness(due + timedelta(seconds=total_seconds_late), due, policy).share
        return round(score * (1 - share), 2) or None
