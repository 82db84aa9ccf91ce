"""The hands-on tasks of the interview: exercises/interview/tasks/NAME, patterns of which a seed makes an instance.

A task is an exercise of level "interview". Beside its exercise.toml it has a task.toml, filled in like the rest: what
only an interviewer sees, and what the report shows afterwards.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from grader import exercise as exercises
from grader.errors import ExerciseInvalid
from grader.exercise import Exercise
from grader.lib.toml_model import Unreadable, read_table
from layerwise import workspace
from layerwise.questions.bank import Point, Skill
from layerwise.questions.question import Words
from layerwise.questions.skills import SKILLS

ABOUT = "task.toml"


class Why(BaseModel):
    """A question about our solution, to ask beside its differences from the candidate's, with its answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: Words
    answer: Words


class Answers(BaseModel):
    """What a weak, a good and a strong candidate would say when asked what was wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weak: Words
    good: Words
    strong: Words


class About(BaseModel):
    """What the candidate does not see before the end.

    `cause` is the fault, and why it shows as it does. `command` shows it, and in its output the regular expression
    `evidence` finds the first useful evidence. The points of `rubric` are for what the candidate says: the hypothesis,
    the evidence, and how the cure was verified.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    skills: tuple[Skill, ...] = Field(min_length=1, max_length=4)
    cause: Words
    command: str = Field(min_length=1)
    evidence: str = Field(min_length=1)
    rubric: tuple[Point, ...] = Field(min_length=3, max_length=6)
    why: tuple[Why, ...] = Field(min_length=1, max_length=4)
    follow_up: tuple[Words, ...] = Field(min_length=1, max_length=3)
    answers: Answers

    @field_validator("evidence")
    @classmethod
    def _is_expression(cls, evidence: str) -> str:
        try:
            re.compile(evidence)
        except re.error as problem:
            raise ValueError(f"not a regular expression: {problem}") from None
        return evidence


@dataclass(frozen=True)
class Task:
    """An instance of a task."""

    exercise: Exercise
    about: About


def names() -> list[str]:
    """The names of the tasks, sorted."""
    return exercises.names(workspace.tasks_dir())


def load(name: str, seed: int) -> Task:
    """The instance of that task with that seed. Raises what `workspace.find` does, and ExerciseInvalid."""
    found = workspace.find(name, seed)
    return Task(found, _about(found.folder / ABOUT))


def skills(name: str) -> tuple[str, ...]:
    """The skills that a task shows, without making an instance; none if there is no such task any more."""
    try:
        found = tomllib.loads((workspace.tasks_dir() / name / ABOUT).read_text(encoding="utf-8")).get("skills")
    except (OSError, ValueError):
        return ()
    return tuple(skill for skill in found if skill in SKILLS) if isinstance(found, list) else ()


def _about(file: Path) -> About:
    try:
        return read_table(file, About)
    except Unreadable as problem:
        raise ExerciseInvalid(str(problem)) from None
