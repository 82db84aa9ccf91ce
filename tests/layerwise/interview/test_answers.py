"""Typed words become answers, and a question's own judge has a say in its rating."""

from __future__ import annotations

import pytest

from layerwise.interview import answers
from layerwise.interview.plan import Item, Sources
from layerwise.questions.question import Question

CHOICE = Question(id="q", ask="?", options=("a", "b", "c"), answer=1, why=".")
SEVERAL = Question(id="q", ask="?", kind="several", options=("a", "b", "c"), answer=[0, 2], why=".")
ORDER = Question(id="q", ask="?", kind="order", options=("a", "b", "c"), why=".")
NUMBER = Question(id="q", ask="?", kind="number", answer=5, why=".")
TEXT = Question(id="q", ask="?", kind="text", answer="sync", why=".")


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (CHOICE, "2", 1), (CHOICE, " 2. ", 1), (CHOICE, "0", None), (CHOICE, "4", None), (CHOICE, "b", None),
        (CHOICE, "1 2", None), (CHOICE, "", None), (CHOICE, "9" * 5000, None),
        (SEVERAL, "3,1", [0, 2]), (SEVERAL, "1 3", [0, 2]), (SEVERAL, "1 1", None), (SEVERAL, "1 4", None),
        (NUMBER, "5", 5), (NUMBER, "5,5", 5.5), (NUMBER, "five", None),
        (TEXT, " Sync ", "Sync"), (TEXT, "", None),
    ],
)  # fmt: skip
def test_typed(question: Question, text: str, answer: object) -> None:
    assert answers.typed(question, text) == answer


def test_an_order_is_typed_by_the_numbers_that_are_shown() -> None:
    shown = answers.shown_options(ORDER)
    assert shown != [0, 1, 2]
    right = " ".join(str(shown.index(number) + 1) for number in (0, 1, 2))
    assert answers.typed(ORDER, right) == [0, 1, 2]
    assert answers.typed(ORDER, "1 2") is None


@pytest.mark.parametrize(("answer", "open_points"), [(None, 0), ([1, 2], 0), ([0], 2)])
def test_a_wrong_choice_is_not_correct(sources: Sources, answer: object, open_points: int) -> None:
    question = sources.bank["what-invalidates"]
    item = Item.of_question(question)
    closed = set(range(len(item.rubric))) - set(answers.open_points(item, question, {"answer": answer}))
    assert len(closed) == open_points
    assert all(item.rubric[number].dimension == "correct" for number in closed)


def test_the_fields_of_each_kind(sources: Sources) -> None:
    task = Item.of_task(sources.tasks.load("stop-it", 1), "stop-it", 1)
    assert list(answers.fields(task, None)) == ["hypothesis", "command", "evidence", "verification"]
    for name, fields in (("layer-cache", ["answer"]), ("what-invalidates", ["answer", "why"])):
        question = sources.bank[name]
        assert list(answers.fields(Item.of_question(question), question)) == fields
