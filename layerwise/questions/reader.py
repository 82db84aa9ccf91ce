"""Read a TOML file of questions, of a lesson or of the interview bank, and tell its author what is not right."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from grader.lib.toml_model import explain
from layerwise.errors import InputError
from layerwise.questions.question import Question

Q = TypeVar("Q", bound=Question)


def read(file: Path, model: type[Q]) -> dict[str, Q]:
    """The questions of a file by id, in its order. Raises InputError, which names file, question and field."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError(f"cannot read {file}: {problem}") from None
    found: dict[str, Q] = {}
    if set(entries) != {"question"} or not isinstance(entries["question"], list):
        raise InputError(f"{file}: expected [[question]] and nothing else; found {', '.join(entries) or 'nothing'}")
    for number, entry in enumerate(entries["question"], 1):
        said = entry.get("id", f"number {number}") if isinstance(entry, dict) else f"number {number}"
        try:
            question = model.model_validate(entry)
        except ValidationError as problem:
            why = explain(problem, list(model.model_fields), model).removeprefix("parameters: ")
            raise InputError(f"{file}: question {said}: {why}") from None
        if question.id in found:
            raise InputError(f"{file}: two questions have the id {question.id!r}; give one of them another")
        found[question.id] = question
    return found
