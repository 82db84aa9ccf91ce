"""The interview bank: exercises/interview/questions/SUBJECT.toml, read and checked.

An entry is a Question, and what an interviewer needs besides. docs/contributing.md has a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from grader.exercise import names
from grader.lib.toml_model import nearest
from layerwise.errors import InputError
from layerwise.questions import reader
from layerwise.questions.question import Question, Words, Wrong
from layerwise.questions.skills import SKILLS
from layerwise.stack.paths import ROOT

FOLDER = ROOT / "exercises" / "interview" / "questions"
COURSE = ROOT / "course"

Dimension = Literal["correct", "small", "fast to build", "safe", "explained", "diagnosed"]
Level = Literal["junior", "mid", "senior"]
"""Of whom an interviewer may expect a good answer."""


def _known_skill(slug: str) -> str:
    if slug not in SKILLS:
        near = nearest(slug, list(SKILLS))
        raise ValueError(f"unknown skill {slug!r}{near}; layerwise/questions/skills.py has the list")
    return slug


Skill = Annotated[str, AfterValidator(_known_skill)]


class Point(BaseModel):
    """A point of a rubric: what an interviewer can hear or see, and which dimension of the report it counts for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dimension: Dimension
    evidence: Words


class Proof(BaseModel):
    """What settles a question: a `cell` whose output `shows` something, or an `exercise`.

    A cell is a Bash program; layerwise/interview/proof.py runs it on the lab. `shows` is a regular expression of
    Python's, which is searched in what the cell prints; `^` and `$` stand for the ends of a line.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell: str = Field(default="", max_length=4000)
    shows: str = ""
    exercise: str = ""

    @field_validator("shows")
    @classmethod
    def _is_expression(cls, shows: str) -> str:
        try:
            re.compile(shows)
        except re.error as problem:
            raise ValueError(f"not a regular expression: {problem}") from None
        return shows

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if bool(self.cell.strip()) == bool(self.exercise):
            raise ValueError("expected either a cell or an exercise")
        if bool(self.cell.strip()) != bool(self.shows):
            raise ValueError("expected `shows` with a cell, and only there: what its output proves it by")
        return self


class BankQuestion(Question):
    """A question of the bank.

    `short` is what to say first, in two or three sentences. It is also the reason that is shown after an answer, so
    there is no `why`. `strong` is a whole answer: mechanism, trade-off, and a number or a command. An open question's
    `wrong` holds what people say, in their words.
    """

    has_rubric: ClassVar[bool] = True

    why: Words = ""
    short: Words
    strong: Words
    rubric: tuple[Point, ...] = Field(min_length=4, max_length=7)
    wrong: tuple[Wrong, ...] = Field(min_length=2, max_length=4)
    follow_up: tuple[Words, ...] = Field(min_length=1, max_length=3)
    level: Level
    skills: tuple[Skill, ...] = Field(min_length=1, max_length=4)
    lesson: str = Field(pattern=r"^[0-9]{2}[a-z0-9-]*(#[a-z0-9-]+)?$")
    prove: Proof | None = None

    @model_validator(mode="before")
    @classmethod
    def _leaves_out(cls, entry: Any) -> Any:
        for key in {"why", "predict"} & set(entry if isinstance(entry, Mapping) else ()):
            raise ValueError(f"{key}: leave it out; in the bank `short` is the reason, and nothing is predicted")
        return entry

    @model_validator(mode="after")
    def _short_is_the_reason(self) -> Self:
        return self.model_copy(update={"why": self.short})


def load(folder: Path = FOLDER) -> dict[str, BankQuestion]:
    """All questions of the bank by id. Raises InputError, which names file, question and field."""
    found: dict[str, BankQuestion] = {}
    lessons, exercises = sorted(path.stem for path in COURSE.glob("[0-9]*.ipynb")), names()
    for file in sorted(folder.glob("*.toml")):
        for question in reader.read(file, BankQuestion).values():
            if question.id in found:
                raise InputError(f"{file}: another file of the bank has a question {question.id!r}; choose another id")
            where = f"{file}: question {question.id}"
            _require(f"{where}: lesson", question.lesson.partition("#")[0], lessons)
            if question.prove and question.prove.exercise:
                _require(f"{where}: prove.exercise", question.prove.exercise, exercises)
            found[question.id] = question
    return found


def _require(where: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise InputError(f"{where}: the course has no {name!r}{nearest(name, known)}")
