"""Where the learner stands: every exercise of the course with the best attempt at it, and which one comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise, load, names
from layerwise import workbench
from layerwise.progress import Attempt, Progress, ProgressError, best_of


@dataclass(frozen=True)
class Standing:
    """One exercise: `best` is the attempt with the largest share of its points, `begun` whether there is work on it."""

    exercise: Exercise
    best: Attempt | None
    attempts: int
    begun: bool

    @property
    def done(self) -> bool:
        return self.best is not None and self.best.full_marks

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
class Course:
    """All standings in order. `problems`: one line for each exercise that cannot be read; `warnings`: the rest."""

    standings: Sequence[Standing]
    problems: Sequence[str]
    warnings: Sequence[str]

    @property
    def next(self) -> Standing | None:
        """The first exercise that is not done."""
        return next((standing for standing in self.standings if not standing.done), None)


def course() -> Course:
    """Every exercise there is, by lesson and name, with what the learner has reached."""
    progress, exercises = Progress(), workbench.exercises_dir()
    problems, warnings = [], []
    tries: dict[str, list[Attempt]] = {}
    try:
        for attempt in progress.attempts():
            tries.setdefault(attempt.exercise, []).append(attempt)
    except ProgressError as problem:
        warnings.append(str(problem))
    found = []
    for name in names(exercises):
        try:
            exercise = load(name, exercises)
        except ExerciseInvalid as problem:
            problems.append(str(problem))
            continue
        done = tries.get(name, [])
        found.append(Standing(exercise, best_of(done), len(done), workbench.begun(exercise)))
    found.sort(key=lambda standing: (standing.exercise.lesson, standing.exercise.name))
    return Course(found, problems, warnings)
