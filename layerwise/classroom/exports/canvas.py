"""The CSV file that Canvas imports into its gradebook: a line for each learner, a column for each exercise.

Canvas finds a learner by the number in the ID column, which a download's names end with (`leeann_1234`), and an
assignment by its title. Title and exercise have to be equal; if there is no such assignment, Canvas offers to make it.
An empty cell clears a score that Canvas has; it shows all changes before it makes them.

https://community.canvaslms.com/docs/DOC-12733, and lib/gradebook_importer.rb in instructure/canvas-lms
"""

from __future__ import annotations

from layerwise.classroom.exports import table
from layerwise.classroom.exports.export import Export, is_current, left_out
from layerwise.classroom.gradebook import Gradebook
from layerwise.classroom.names import numbered

_HEAD = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_POINTS = "Points Possible"
"""Canvas takes a line whose first cell holds these words for the one with the points."""


def render(book: Gradebook) -> Export:
    """The file. A stale score is left out, with a note."""
    exercises = book.exercises
    rows: list[tuple[str | float | None, ...]] = [
        (*_HEAD, *(exercise.name for exercise in exercises)),
        (_POINTS, "", "", "", "", *(exercise.points for exercise in exercises)),
    ]
    people = numbered(book.learners)
    cells = {(entry.learner, entry.exercise.name): entry.points for entry in book.entries if is_current(entry)}
    for learner, (name, number) in people.items():
        if number:
            shown = name.replace(_POINTS, "Points-Possible")
            rows.append((shown, number, "", "", "", *(cells.get((learner, one.name)) for one in exercises)))
    return Export(table.render(rows), notes=(*left_out(book.entries, stale=True), *without_number(people)))


def without_number(people: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    """A note on learners whose names do not end in a number of their own, as in a download from an LMS."""
    count = sum(not number for _, number in people.values())
    if not count:
        return ()
    who = "1 learner whose name does" if count == 1 else f"{count} learners whose names do"
    return (f"left out: {who} not end in a number of their own, as in a download from the LMS (leeann_1234)",)
