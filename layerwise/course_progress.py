"""A learner's progress: every lesson and exercise of the course, the best attempts, and what comes next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise, load, names
from layerwise import workspace
from layerwise.progress import Attempt, Progress, ProgressError, best_of
from layerwise.stack.paths import ROOT

COURSE = ROOT / "course"
LESSONS = "[0-9][0-9]-*.ipynb"

_MINUTES = re.compile(r"\babout (\d+) minutes\b", re.IGNORECASE)
_CHECK = re.compile(r"""\blw\.check\(["']([^"']+)["']\)""")
_QUESTION = re.compile(r"""\blw\.ask\(["']([^"'/]+)/([^"']+)["']""")


@dataclass(frozen=True)
class ExerciseProgress:
    """The learner's progress with one exercise.

    `best` is the attempt with the largest share of its points, `begun` whether the work folder has work on it.
    """

    exercise: Exercise
    best: Attempt | None
    attempts: int
    begun: bool

    @property
    def done(self) -> bool:
        return self.best is not None and self.best.full_marks

    @property
    def is_of_other_checks(self) -> bool:
        """Whether the best attempt was judged by other checks, or other points, than the exercise has today."""
        return self.best is not None and was_judged_otherwise(self.best, self.exercise)

    @property
    def state(self) -> str:
        """ "done", "begun" (there is work, or there was an attempt) or "not begun"."""
        return "done" if self.done else "begun" if self.begun or self.attempts else "not begun"

    @property
    def score(self) -> float:
        return self.best.score if self.best else 0.0

    @property
    def max_score(self) -> float:
        """The points to be had at the time of the best attempt, or today if there is none."""
        return self.best.max_score if self.best else self.exercise.points

    def to_dict(self) -> dict[str, Any]:
        exercise = self.exercise
        return {
            "name": exercise.name,
            "title": exercise.title,
            "lesson": exercise.lesson,
            "level": exercise.level,
            "minutes": exercise.minutes,
            "skills": list(exercise.skills),
            "points": exercise.points,
            "best": self.best.score if self.best else None,
            "attempts": self.attempts,
            "begun": self.begun,
            "done": self.done,
        }


@dataclass(frozen=True)
class Notebook:
    """What a lesson's notebook says of itself: `minutes` (None if it does not say), the names of its `questions`, and
    `places`, the cell in which each exercise is shown."""

    file: str
    title: str
    minutes: int | None
    questions: frozenset[str]
    places: Mapping[str, str]


@dataclass(frozen=True)
class Lesson:
    """One lesson. `notebook` is None if it has not been written; `answered` counts the questions with an answer."""

    name: str
    notebook: Notebook | None
    answered: int
    exercises: Sequence[ExerciseProgress]

    @property
    def title(self) -> str:
        return self.notebook.title if self.notebook else self.name

    @property
    def questions(self) -> int:
        return len(self.notebook.questions) if self.notebook else 0

    @property
    def begun(self) -> bool:
        return self.answered > 0 or any(one.state != "not begun" for one in self.exercises)

    @property
    def done(self) -> bool:
        """Whether its exercises are done, without those of level stretch. Without exercises: whether its questions are
        answered."""
        needed = [one for one in self.exercises if one.exercise.level != "stretch"] or self.exercises
        return all(one.done for one in needed) if needed else 0 < self.questions == self.answered

    def link(self, exercise: Exercise | None = None) -> str:
        """The link to its notebook, or to the cell that shows an exercise, from the course's folder; empty if the
        notebook has not been written."""
        if self.notebook is None:
            return ""
        cell = self.notebook.places.get(exercise.name) if exercise else None
        return f"{self.notebook.file}#cell-id={cell}" if cell else self.notebook.file

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "written": self.notebook is not None,
            "minutes": self.notebook.minutes if self.notebook else None,
            "questions": self.questions,
            "answered": self.answered,
            "exercises": [one.exercise.name for one in self.exercises],
            "done": self.done,
        }


@dataclass(frozen=True)
class Course:
    """All lessons in order. `problems`: one line for each exercise that cannot be read; `warnings`: the rest."""

    lessons: Sequence[Lesson]
    problems: Sequence[str] = field(default=())
    warnings: Sequence[str] = field(default=())

    @cached_property
    def exercises(self) -> Sequence[ExerciseProgress]:
        """The exercises, by lesson and name."""
        return [one for lesson in self.lessons for one in lesson.exercises]

    @property
    def score(self) -> float:
        return round(sum(one.score for one in self.exercises), 2)

    @property
    def max_score(self) -> float:
        return round(sum(one.max_score for one in self.exercises), 2)

    @property
    def next(self) -> ExerciseProgress | None:
        """The first exercise that is not done; those that are a stretch come after all others."""
        left = [one for one in self.exercises if not one.done]
        return min(left, key=lambda one: one.exercise.level == "stretch", default=None)

    def next_after(self, name: str) -> ExerciseProgress | None:
        """The first exercise after that one which is neither done nor a stretch; if there is none, `next`."""
        names = [one.exercise.name for one in self.exercises]
        later = self.exercises[names.index(name) + 1 :] if name in names else ()
        return next((one for one in later if not one.done and one.exercise.level != "stretch"), self.next)

    def lesson(self, exercise: ExerciseProgress) -> Lesson:
        """The lesson of an exercise."""
        return next(lesson for lesson in self.lessons if exercise in lesson.exercises)


def was_judged_otherwise(attempt: Attempt, exercise: Exercise) -> bool:
    """Whether an attempt was judged by other checks, or other points, than the exercise has today."""
    return attempt.judged_by != {check.id: check.points for check in exercise.checks}


def course() -> Course:
    """All lessons and exercises, with the learner's progress."""
    problems: list[str] = []
    warnings: list[str] = []
    notebooks = {path.stem: read(path) for path in sorted(COURSE.glob(LESSONS))}
    warnings += [f"{COURSE / name}.ipynb: not a notebook" for name, found in notebooks.items() if found is None]
    exercises = _exercises(problems)
    tries: dict[str, list[Attempt]] = {}
    answered: dict[str, set[str]] = {}
    progress = Progress()
    try:
        for attempt in progress.attempts():
            tries.setdefault(attempt.exercise, []).append(attempt)
        answered = {name: {answer.cell for answer in progress.answers(name)} for name in notebooks}
    except ProgressError as problem:
        warnings.append(str(problem))
    by_lesson: dict[str, list[ExerciseProgress]] = {}
    for exercise in exercises:
        done = tries.get(exercise.name, [])
        one = ExerciseProgress(exercise, best_of(done), len(done), workspace.begun(exercise))
        by_lesson.setdefault(exercise.lesson, []).append(one)
    lessons = []
    for name in sorted({*notebooks, *by_lesson}):
        notebook = notebooks.get(name)
        known = len(notebook.questions & answered.get(name, set())) if notebook else 0
        lessons.append(Lesson(name, notebook, known, by_lesson.get(name, [])))
    return Course(lessons, problems, warnings)


def read(path: Path) -> Notebook | None:
    """What the notebook at `path` says of itself; None if it cannot be read as a notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = [(str(cell.get("id", "")), cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    first = next((source for _, kind, source in sources if kind == "markdown"), "")
    title = next((line[2:].strip() for line in first.splitlines() if line.startswith("# ")), path.stem)
    minutes = _MINUTES.search(first)
    code = [(cell, source) for cell, kind, source in sources if kind == "code"]
    asked = (_QUESTION.findall(source) for _, source in code)
    return Notebook(
        file=path.name,
        title=title,
        minutes=int(minutes[1]) if minutes else None,
        questions=frozenset(name for found in asked for lesson, name in found if lesson == path.stem),
        places={name: cell for cell, source in code for name in _CHECK.findall(source)},
    )


def _exercises(problems: list[str]) -> Iterable[Exercise]:
    """The exercises, ordered by name. Each that cannot be read adds a line to `problems`."""
    folder = workspace.exercises_dir()
    for name in names(folder):
        try:
            yield load(name, folder)
        except ExerciseInvalid as problem:
            problems.append(str(problem))
