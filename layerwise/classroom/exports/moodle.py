"""The worksheet that Moodle imports into one assignment: Identifier, Full name, Grade, Maximum Grade, and the time of
the last change.

Moodle finds a participant by the number in `Participant 1234`, which the names of a download of all submissions carry
(`Ann Lee_1234_assignsubmission_file`). It refuses a file without the column of the last change, which is empty here. So
a grade that Moodle has already is replaced only if you allow that when you upload. An empty grade changes nothing.

mod/assign/feedback/offline/importgradeslib.php in moodle/moodle. The columns' names are those of Moodle in English.
"""

from __future__ import annotations

from layerwise.classroom.exports import table
from layerwise.classroom.exports.canvas import without_number
from layerwise.classroom.exports.export import Export, is_current, left_out
from layerwise.classroom.gradebook import Gradebook
from layerwise.classroom.names import numbered
from layerwise.errors import InputError

_HEAD = ("Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)")


def render(book: Gradebook) -> Export:
    """The worksheet. A stale score is left out, with a note. Raises InputError if there are several exercises."""
    if len(book.exercises) > 1:
        names = ", ".join(exercise.name for exercise in book.exercises)
        raise InputError(f"Moodle's worksheet holds one assignment: choose one of these with --exercise: {names}")
    people = numbered(book.learners)
    rows: list[tuple[str | float | None, ...]] = [_HEAD]
    for entry in book.entries:
        name, number = people[entry.learner]
        if number:
            grade = entry.points if is_current(entry) else None
            rows.append((f"Participant {number}", name, grade, entry.exercise.points, None))
    return Export(table.render(rows), notes=(*left_out(book.entries, stale=True), *without_number(people)))
