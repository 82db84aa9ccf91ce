"""Put a question and read an answer; show a model answer and have the answer rated by its rubric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layerwise.interview import answers
from layerwise.interview.plan import Item
from layerwise.interview.terminal.console import Desk
from layerwise.interview.words import HOW, options
from layerwise.questions.bank import BankQuestion, Point


def put(desk: Desk, question: BankQuestion) -> None:
    """Print a question."""
    desk.say(question.ask)
    for option in options(question):
        desk.quote(option)


def read(desk: Desk, question: BankQuestion) -> Any:
    """The candidate's answer to a question that its own judge judges; None if nothing was typed. Raises Leave."""
    unit = f" (in {question.unit})" if question.unit else ""
    while True:
        text = desk.line(f"{HOW[question.kind]}{unit} >")
        if not text:
            return None
        found = answers.typed(question, text)
        if found is not None:
            return found
        desk.say("That is no answer to this question.")


def read_fields(desk: Desk, item: Item, question: BankQuestion | None) -> dict[str, Any]:
    """The candidate's answer, by field. Raises Leave."""
    found: dict[str, Any] = {}
    for name, label in answers.fields(item, question).items():
        judged = name == "answer" and question is not None and question.kind != "open"
        found[name] = read(desk, question) if judged and question else desk.text(label)
    return found


def say_answer(desk: Desk, item: Item, question: BankQuestion | None, answer: Mapping[str, Any]) -> None:
    """Print an answer that was given."""
    for label, said in answers.in_words(item, question, answer):
        desk.say(f"{label.rstrip('?')}:", "dim")
        desk.quote(said or "-")


def say_model(desk: Desk, question: BankQuestion, answer: Mapping[str, Any]) -> None:
    """Print what the question's own judge says, and a short and a strong answer, and the wrong ones with why."""
    judgement = answers.judge(question, answer)
    if judgement:
        desk.heading("Right." if judgement.right else f"Not right: it is {question.say(question.right)}.")
    desk.heading("Short answer")
    desk.quote(question.short)
    desk.heading("Strong answer")
    desk.quote(question.strong)
    desk.heading("What people also say, and why it is wrong")
    for wrong in question.wrong:
        desk.quote(f"“{question.say(wrong.answer)}”")
        desk.quote(f"    {wrong.why}")


def rate(desk: Desk, rubric: Sequence[Point], which: Sequence[int]) -> list[bool]:
    """Ask for each point of a rubric whether it was shown; those that are not in `which` were not. Raises Leave."""
    desk.heading("Was it in your answer?")
    given = []
    for number, point in enumerate(rubric):
        desk.say(f"{point.evidence} ({point.dimension})")
        if number in which:
            given.append(desk.yes("   "))
        else:
            desk.say("    No: the answer was not right.")
            given.append(False)
    return given
