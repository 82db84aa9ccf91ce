"""The questions of the lessons: course/questions/LESSON.toml, read and checked.

[[question]]
id      = "readme"
ask     = "You correct a typo in the README. What runs?"
options = ["the `COPY` only", "both"]
answer  = 1
why     = "The README is in the folder, so it is in the key of the `COPY`, and that is in the key of the `RUN`."
wrong   = [{answer = 0, why = "The key of the `RUN` holds the key of the step above."}]
"""

from __future__ import annotations

import difflib
from pathlib import Path

from layerwise.errors import InputError
from layerwise.questions import reader
from layerwise.questions.question import Question
from layerwise.stack.paths import ROOT

FOLDER = ROOT / "course" / "questions"


def find(name: str) -> Question:
    """The question that "LESSON/ID" names. Raises InputError if there is none, or its file is not valid."""
    lesson, slash, identity = name.partition("/")
    if not (lesson and slash and identity):
        raise InputError(f'a question is named "LESSON/ID", as in "00-start-here/prints"; found {name!r}')
    file = FOLDER / f"{lesson}.toml"
    if not file.is_file():
        raise InputError(f"there are no questions for a lesson {lesson!r}{_near(lesson, lessons())}")
    known = read(file)
    if identity not in known:
        raise InputError(f"lesson {lesson} has no question {identity!r}{_near(identity, known)}")
    return known[identity]


def lessons() -> list[str]:
    """The lessons that have questions."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(file: Path) -> dict[str, Question]:
    """The questions of a file by id, in its order. Raises InputError, which names question and field."""
    return reader.read(file, Question)


def _near(name: str, known: list[str] | dict[str, Question]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""
