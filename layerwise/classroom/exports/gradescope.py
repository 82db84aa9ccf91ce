"""Gradescope's results.json: EXERCISE/LEARNER/results.json for everybody who has a score.

The score is what is left after being late, and the output says so. So do not let Gradescope take off for lateness too.
"""

from __future__ import annotations

from grader.reports import gradescope
from layerwise.classroom.exports.export import SCORED, Export, left_out, points
from layerwise.classroom.gradebook import Entry, Gradebook, State
from layerwise.classroom.lateness import told
from layerwise.classroom.names import file_names


def render(book: Gradebook) -> Export:
    """A file for each entry with a score. The output of a stale score says that it is stale."""
    names = file_names(book.learners)
    files = {}
    for entry in book.entries:
        report = book.report(entry) if entry.state in SCORED else None
        if report:
            path = f"{entry.exercise.name}/{names[entry.learner]}/results.json"
            files[path] = gradescope.render(report, score=points(entry), note=_note(entry))
    return Export(files=files, notes=left_out(book.entries, stale=False))


def _note(entry: Entry) -> str:
    parts = [told(entry.late, entry.score or 0)]
    if entry.state is State.STALE:
        parts.append(f"This score may change: {entry.why}.")
    return " ".join(part for part in parts if part)
