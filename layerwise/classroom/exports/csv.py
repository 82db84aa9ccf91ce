"""A table in the long form: a line for each check of each learner and exercise, with the exercise's columns repeated.

    learner, exercise, state      graded, stale, error, waiting or missing
    score, points, max_score      before and after what being late costs; empty if there is no score
    late, late_by_seconds         yes or no; how late, if that is known
    handed_in, graded             times, in UTC
    engine                        that judged it
    check, title, status          one check
    check_points, check_max_points, message

What has no checks to show has one line, in which the columns from `check` on are empty. To get one line for each
exercise, drop those columns and remove the duplicates. UTF-8, every cell quoted, lines end in CR LF.
"""

from __future__ import annotations

from collections.abc import Iterator

from layerwise.classroom.exports import table
from layerwise.classroom.exports.export import SCORED, Export, points, time
from layerwise.classroom.gradebook import Entry, Gradebook
from layerwise.classroom.names import labels

OF_EXERCISE = (
    *("learner", "exercise", "state", "score", "points", "max_score", "late", "late_by_seconds"),
    *("handed_in", "graded", "engine"),
)
OF_CHECK = ("check", "title", "status", "check_points", "check_max_points", "message")


def render(book: Gradebook) -> Export:
    """The table. A stale score is in it, and `state` says so."""
    names = labels(book.learners)
    rows = (row for entry in book.entries for row in _rows(book, entry, names[entry.learner]))
    return Export(table.render([(*OF_EXERCISE, *OF_CHECK), *rows]))


def _rows(book: Gradebook, entry: Entry, learner: str) -> Iterator[tuple[str | float | None, ...]]:
    has_score = entry.state in SCORED
    kept = entry.kept if entry.hand_in else None
    of_exercise = (
        learner,
        entry.exercise.name,
        str(entry.state),
        entry.score if has_score else None,
        points(entry),
        entry.max_score,
        "yes" if entry.late.is_late else "no",
        entry.late.by.total_seconds() if entry.late.by else None,
        time(entry.hand_in.when if entry.hand_in else None),
        time(kept.time if kept else None),
        kept.key.engine if kept else "",
    )
    report = book.report(entry) if entry.hand_in else None
    for check in report.checks if report else ():
        yield (
            *of_exercise,
            check.id,
            check.title,
            str(check.status),
            check.points if has_score else None,
            check.max_points,
            check.message,
        )
    if not report or not report.checks:
        yield *of_exercise, *("" for _ in OF_CHECK)
