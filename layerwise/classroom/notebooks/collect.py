"""Collect whole folders from the zip archives of a class: `nbgrader zip_collect` itself takes notebooks only."""

from __future__ import annotations

import re
from pathlib import PurePath

from nbgrader.plugins import FileNameCollectorPlugin

from layerwise.classroom.hand_in import NOT_HANDED_IN


class WholeFolder(FileNameCollectorPlugin):  # type: ignore[misc]
    """Take every file of LEARNER.zip, whether or not it has a folder of the exercise's name in it.

    With `named_regexp` the instructor says how the name of an archive tells the learner and the time, by the groups
    student_id and timestamp. Without it, the archive's name is the learner.
    """

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Return whose file it is, and its path in the hand-in; None if it is not a part of the hand-in."""
        app = self.parent
        course = app.coursedir
        places = {
            "downloaded": app.downloaded_directory,
            "assignment_id": course.assignment_id,
            "collect_step": app.extracted_directory,
        }
        top = PurePath(course.root, app.collect_directory_structure.format(**places))
        archive, *inner = PurePath(submitted_file).relative_to(top).parts
        if len(inner) > 1 and inner[0] == course.assignment_id:
            inner = inner[1:]
        if not inner:
            return None
        # A learner's own timestamp.txt would say when it was handed in.
        if inner[0] in NOT_HANDED_IN:
            return None
        found = re.match(self.named_regexp, archive) if self.named_regexp else None
        if self.named_regexp and not found:
            return None
        named = {key: text for key, text in found.groupdict().items() if text} if found else {"student_id": archive}
        # nbgrader takes away what it holds for an ending, and puts back the file's own.
        return {**named, "file_id": "/".join(inner)}
