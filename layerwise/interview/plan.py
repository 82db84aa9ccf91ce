"""What a session consists of: items with minutes, points and what they are rated by. It is written down when it begins.

So a session keeps its points and its report, even if the bank or a task changes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from grader.exercise import Exercise
from layerwise.interview.tasks import Task
from layerwise.questions.bank import BankQuestion, Dimension, Point

Kind = Literal["question", "task"]

DIMENSIONS: tuple[Dimension, ...] = ("correct", "small", "fast to build", "safe", "explained", "diagnosed")
DIMENSION_OF: Mapping[str, Dimension] = {
    "size": "small",
    "layers": "small",
    "rebuild": "fast to build",
    "context": "fast to build",
    "user": "safe",
    "secrets": "safe",
    "scan": "safe",
    "signed": "safe",
    "sbom": "safe",
    "pinning": "safe",
    "answers": "diagnosed",
}
"""Which dimension a check counts for, by its kind. All others count for `correct`."""
QUESTION_MINUTES = {"junior": 3, "mid": 4, "senior": 5}
"""Planned for a question, by its level: to read it, to think, and to answer in a paragraph."""


def dimension_of(kind: str) -> Dimension:
    """The dimension that a check of this kind counts for."""
    return DIMENSION_OF.get(kind, "correct")


class Tasks(Protocol):
    """Where tasks come from."""

    def names(self) -> list[str]: ...
    def skills(self, name: str) -> tuple[str, ...]: ...
    def load(self, name: str, seed: int) -> Task: ...


@dataclass(frozen=True)
class Sources:
    """The questions and tasks that sessions are made of."""

    bank: Mapping[str, BankQuestion]
    tasks: Tasks

    def question(self, item: Item) -> BankQuestion | None:
        """The question of an item; None for a task, and for one that the bank does not have any more."""
        return self.bank.get(item.name) if item.kind == "question" else None

    def task(self, item: Item) -> Task:
        """The task of an item. Raises GraderError or LabError if the course cannot make it any more."""
        return self.tasks.load(item.name, item.seed)

    def exercises(self, plan: Plan) -> list[Exercise]:
        """The exercises of a session's tasks. Raises what `task` does."""
        return [self.task(item).exercise for item in plan.items if item.kind == "task"]


@dataclass(frozen=True)
class Item:
    """A question of the bank, or an instance of a task. `text` is the question, or the task's title.

    The points are those of the `rubric`, one each, and those of a task's `checks`, by kind.
    """

    kind: Kind
    name: str
    seed: int
    minutes: int
    text: str
    skills: tuple[str, ...]
    level: str
    rubric: tuple[Point, ...]
    checks: tuple[tuple[str, float], ...] = ()

    @property
    def points(self) -> float:
        return round(len(self.rubric) + sum(points for _, points in self.checks), 2)

    @classmethod
    def of_question(cls, question: BankQuestion) -> Item:
        return cls(
            "question",
            question.id,
            0,
            QUESTION_MINUTES[question.level],
            question.ask,
            question.skills,
            question.level,
            question.rubric,
        )

    @classmethod
    def of_task(cls, task: Task, name: str, seed: int) -> Item:
        exercise = task.exercise
        checks = tuple((check.kind, check.points) for check in exercise.checks)
        about = task.about
        return cls(
            "task", name, seed, exercise.minutes, exercise.title, about.skills, exercise.level, about.rubric, checks
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **vars(self),
            "skills": list(self.skills),
            "rubric": [point.model_dump() for point in self.rubric],
            "checks": [list(check) for check in self.checks],
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Item:
        """What `to_dict` made. Raises ValueError, TypeError or KeyError for anything else."""
        return cls(
            kind={"question": "question", "task": "task"}[raw["kind"]],  # type: ignore[arg-type]
            name=str(raw["name"]),
            seed=int(raw["seed"]),
            minutes=int(raw["minutes"]),
            text=str(raw["text"]),
            skills=tuple(map(str, raw["skills"])),
            level=str(raw["level"]),
            rubric=tuple(Point.model_validate(point) for point in raw["rubric"]),
            checks=tuple((str(kind), float(points)) for kind, points in raw["checks"]),
        )


@dataclass(frozen=True)
class Plan:
    """The items of a session in their order, for so many minutes. `seed` is what they were chosen by."""

    seed: int
    minutes: int
    items: tuple[Item, ...]

    @property
    def points(self) -> float:
        return round(sum(item.points for item in self.items), 2)
