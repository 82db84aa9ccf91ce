"""JUnit XML: a testsuite for each learner and exercise, with state and points as properties.

What has no score yet has one test that was skipped, with the reason. If the grader failed, there are errors.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from grader.reports import junit
from grader.reports.reading import amount
from layerwise.classroom.exports.export import Export, points
from layerwise.classroom.gradebook import Entry, Gradebook, State
from layerwise.classroom.names import labels

_WHY = {State.MISSING: "nothing was handed in", State.WAITING: "not graded yet"}


def render(book: Gradebook) -> Export:
    """The whole class as one document."""
    names = labels(book.learners)
    return Export(junit.document(_suite(book, entry, names[entry.learner]) for entry in book.entries))


def _suite(book: Gradebook, entry: Entry, learner: str) -> Element:
    found = {"state": str(entry.state)}
    if (counted := points(entry)) is not None:
        found["points"] = amount(counted)
    if entry.late.by:
        found["late_by_seconds"] = f"{entry.late.by.total_seconds():.0f}"
    report = book.report(entry) if entry.state not in _WHY else None
    if report is None:
        return junit.without_report(entry.exercise.name, _WHY[entry.state], of=learner, properties=found)
    return junit.suite(report, of=learner, properties=found)
