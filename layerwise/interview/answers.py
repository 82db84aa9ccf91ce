"""Answers: the fields that an item asks for, how large they may be, and how typed words become an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from grader.lib.units import format_size
from layerwise.errors import InputError
from layerwise.interview.plan import Item
from layerwise.questions.question import Judgement, Question

LARGEST = 64 * 1024
"""Bytes of an answer, all fields together, as JSON."""

OPEN = {"answer": "Your answer"}
JUDGED = {"answer": "Your answer", "why": "Why, in a sentence or two"}
TASK = {
    "hypothesis": "What do you think is wrong?",
    "command": "Which command shows it?",
    "evidence": "What did it show?",
    "verification": "How did you verify your repair?",
}


def fields(item: Item, question: Question | None) -> dict[str, str]:
    """What is asked of the candidate: the fields of an answer, and a label for each."""
    if item.kind == "task":
        return TASK
    return OPEN if question is None or question.kind == "open" else JUDGED


def in_words(item: Item, question: Question | None, answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """For each field its label, and what was answered there in words; an empty text if nothing was."""
    for name, label in fields(item, question).items():
        given = answer.get(name)
        if name == "answer" and question is not None and given is not None:
            given = question.say(given)
        yield label, "" if given is None else str(given)


def check(answer: Mapping[str, Any]) -> None:
    """Raise InputError if an answer is too large to be kept."""
    size = len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > LARGEST:
        raise InputError(
            f"an answer has at most {LARGEST // 1024} KiB, and this one has {format_size(size)}; it was not saved: "
            "shorten it"
        )


def is_empty(answer: Mapping[str, Any]) -> bool:
    """Whether nothing was answered."""
    return not any(value.strip() if isinstance(value, str) else value is not None for value in answer.values())


def typed(question: Question, text: str) -> Any:
    """What was typed, as an answer of the question's kind; None if it is not one.

    Options are typed by their numbers from 1, in the order in which they are shown: those of an `order` question
    shuffled.
    """
    if question.kind not in ("choice", "several", "order"):
        return question.read(text)
    words = re.findall(r"[0-9]+", text)
    shown = shown_options(question)
    numbers = [int(word) - 1 for word in words if len(word) < 4]
    if not words or len(numbers) != len(words) or not all(0 <= number < len(shown) for number in numbers):
        return None
    chosen = [shown[number] for number in numbers]
    return question.read(chosen if question.kind != "choice" else chosen[0] if len(chosen) == 1 else None)


def shown_options(question: Question) -> list[int]:
    """The numbers of the options in the order in which they are shown."""
    return question.shuffled() if question.kind == "order" else list(range(len(question.options)))


def judge(question: Question, answer: Mapping[str, Any]) -> Judgement | None:
    """What the question's own judge says of an answer; None if a rubric judges it, or there is no answer."""
    if question.kind == "open" or (read := question.read(answer.get("answer"))) is None:
        return None
    return question.judge(read)


def open_points(item: Item, question: Question | None, answer: Mapping[str, Any]) -> list[int]:
    """Which points of the rubric the candidate may give, by number: all of them, but none for `correct` if the
    question's own judge found the answer wrong."""
    judgement = judge(question, answer) if question else None
    wrong = judgement is not None and not judgement.right
    return [number for number, point in enumerate(item.rubric) if not (wrong and point.dimension == "correct")]
