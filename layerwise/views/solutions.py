"""What a learner may see once an exercise is passed: other right ways, and the reasons of written answers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.checks import answers
from grader.exercise import Exercise
from grader.verify import variants
from layerwise.differences import FileDifference, compare, read_bounded


@dataclass(frozen=True)
class Way:
    """Another submission that passes: its sentence, and how it differs from the course's solution."""

    name: str
    why: str
    differences: tuple[FileDifference, ...]


def other_ways(exercise: Exercise) -> list[Way]:
    """The known submissions that pass as the solution does. Raises ExerciseInvalid if one of them is not valid."""
    found = []
    for folder in exercise.variants:
        variant = variants.load(exercise, folder)
        if variant.kind == "odd-but-right":
            with tempfile.TemporaryDirectory(prefix="layerwise-") as scratch:
                variant.lay_out(Path(scratch, "way"))
                different = compare(
                    exercise.solution, Path(scratch, "way"), exercise.build.dockerfile, "not needed here"
                )
            found.append(Way(variant.name, variant.why, tuple(different)))
    return found


@dataclass(frozen=True)
class Written:
    """A written question that was answered right: its name in the file, the learner's answer, and the reason."""

    name: str
    answer: str
    why: str


def written(exercise: Exercise, folder: Path) -> list[Written]:
    """The written answers in the learner's folder, with the reasons of the exercise's key; those without one are left
    out, and so is a file that cannot be read. Raises ExerciseInvalid if a key is not valid."""
    found = []
    for check in exercise.checks:
        if isinstance(check.params, answers.Params):
            given = _given(folder / check.params.file)
            for name, question in answers.read_key(exercise.folder / check.params.key).items():
                if question.why and name in given:
                    found.append(Written(name, _said(given[name]), question.why))
    return found


def _given(file: Path) -> Mapping[str, Any]:
    try:
        return answers.read_answers(read_bounded(file) or b"")
    except (ValueError, RecursionError):
        return {}


def _said(answer: object) -> str:
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)
