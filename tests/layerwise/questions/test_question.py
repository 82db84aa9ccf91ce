"""What is right about an answer, by kind of question."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from layerwise.errors import InputError
from layerwise.questions.question import Question

LETTERS = ("a", "b", "c", "d")


def question(answer: Any = None, **more: Any) -> Question:
    """A question with what a file must say, as a file would say it."""
    return Question.model_validate({"id": "one", "ask": "?", "why": "so it is", "answer": answer, **more})


def choice(answer: Any = 1, **more: Any) -> Question:
    return question(answer, options=list(LETTERS), **more)


def order(size: int = 4, **more: Any) -> Question:
    return question(kind="order", options=list("abcdefgh"[:size]), **more)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({}, "needs options"),
        ({"kind": "several", "answer": [0]}, "needs options"),
        ({"kind": "number", "options": LETTERS, "answer": 1}, "has no options"),
        ({"kind": "essay"}, "kind\n  Input should be 'choice', 'several'"),
        ({"options": LETTERS}, "expected an answer, or predict = true"),
        ({"options": LETTERS, "answer": 4}, "4 is not an answer of kind 'choice'"),
        ({"options": LETTERS, "answer": -1}, "is not an answer"),
        ({"options": LETTERS, "answer": True}, "is not an answer"),
        ({"options": LETTERS, "answer": [1]}, "is not an answer"),
        ({"options": LETTERS, "kind": "several", "answer": 1}, "is not an answer"),
        ({"options": LETTERS, "kind": "several", "answer": [0, 0]}, "is not an answer"),
        ({"options": LETTERS, "kind": "several", "answer": []}, "is not an answer"),
        ({"options": LETTERS, "kind": "several", "answer": [0, 9]}, "is not an answer"),
        ({"kind": "number", "answer": float("nan")}, "is not an answer"),
        ({"kind": "text", "answer": ""}, "is a text"),
        ({"kind": "text", "answer": []}, "is a text"),
        ({"kind": "text", "answer": ["layer", 2]}, "is a text"),
        ({"options": ["a", "a"], "answer": 1}, "expected at least two, all different"),
        ({"options": ["a"], "answer": 0}, "expected at least two, all different"),
        ({"options": ["a", "  "], "answer": 0}, "options.1\n  String should have at least 1 character"),
        ({"options": LETTERS, "answer": 1, "unit": "MB"}, "kind 'choice' has no tolerance and no unit"),
        ({"options": LETTERS, "answer": 1, "predict": True}, "a prediction is judged by what happens"),
        ({"options": LETTERS, "predict": True, "wrong": [{"answer": 0, "why": "no"}]}, "judged by what happens"),
        ({"options": LETTERS, "answer": 1, "wrong": [{"answer": 1, "why": "no"}]}, "wrong: 1 is right"),
        ({"options": LETTERS, "answer": 1, "wrong": [{"answer": 7, "why": "no"}]}, "wrong: 7 is not an answer"),
        ({"options": LETTERS, "answer": 1, "why": " "}, "why\n  String should have at least 1 character"),
        ({"options": LETTERS, "answer": 1, "id": "Two Words"}, "id\n  String should match"),
        ({"options": LETTERS, "answer": 1, "level": "core"}, "level\n  Extra inputs are not permitted"),
    ],
)
def test_an_author_is_told_what_does_not_fit(made: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Question.model_validate({"id": "one", "ask": "?", "why": "so it is", **made})


def test_a_text_may_be_wrapped() -> None:
    assert question(1, kind="number", ask="\nHow many\n  layers? ").ask == "How many layers?"


REMARKS = [{"answer": 0, "why": "A!"}, {"answer": 2, "why": "C!"}]


@pytest.mark.parametrize(
    ("asked", "given", "right", "said"),
    [
        (choice(), 1, True, "Yes. so it is"),
        (choice(), 0, False, "Not yet."),
        (choice(wrong=REMARKS), 2, False, "Not yet. C!"),
        (choice(wrong=REMARKS), 3, False, "Not yet."),
        (choice([2, 0], kind="several"), [0, 2], True, "Yes. so it is"),
        (choice([0, 2], kind="several"), [0], False, "Not yet. One missing."),
        (choice([0, 2], kind="several"), [0, 1, 2, 3], False, "Not yet. Two too many."),
        (choice([0, 2], kind="several"), [0, 1], False, "Not yet. One too many, one missing."),
        (choice([0, 2], kind="several", wrong=[{"answer": [1, 0], "why": "B!"}]), [0, 1], False, "Not yet. B!"),
        (order(), [0, 1, 2, 3], True, "Yes. so it is"),
        (order(), [0, 1, 3, 2], False, "Not yet. The first 2 are right."),
        (order(), [0, 3, 1, 2], False, "Not yet. The first one is right."),
        (order(), [3, 1, 0, 2], False, "Not yet. Look at the first one again."),
        (question(12, kind="number", tolerance=2), 14, True, "Yes. so it is"),
        (question(12, kind="number", tolerance=2), 14.1, False, "Not yet. It is less."),
        (question(12, kind="number"), 11, False, "Not yet. It is more."),
        (
            question(12, kind="number", wrong=[{"answer": 11, "why": "Count again."}]),
            11,
            False,
            "Not yet. Count again.",
        ),
        (question(0.1 + 0.2, kind="number"), 0.3, True, "Yes. so it is"),
        (question(["manifest", "index"], kind="text"), "  Manifest. ", True, "Yes. so it is"),
        (question("image index", kind="text"), "image   INDEX", True, "Yes. so it is"),
        (question("manifest", kind="text"), "config", False, "Not yet."),
    ],
)
def test_an_answer_is_judged(asked: Question, given: Any, right: bool, said: str) -> None:
    judgement = asked.judge(asked.read(given))
    assert (judgement.right, judgement.text) == (right, said)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("choice", None),
        ("choice", "1"),
        ("choice", 1.0),
        ("choice", True),
        ("choice", 4),
        ("choice", {}),
        ("several", []),
        ("several", [0, "1"]),
        ("several", [[0]]),
        ("order", [0, 1]),
        ("order", [0, 1, 2, 2]),
        ("number", ""),
        ("number", "many"),
        ("number", float("inf")),
        ("number", None),
        ("number", [1]),
        ("text", "   "),
        ("text", 3),
    ],
)
def test_what_is_no_answer_is_not_read_as_one(kind: str, given: Any) -> None:
    options = LETTERS if kind in ("choice", "several", "order") else ()
    assert question(options=options, kind=kind, predict=True).read(given) is None


@pytest.mark.parametrize(("given", "read"), [("3", 3), ("2,5", 2.5), (" 2.5 ", 2.5), (4.0, 4)])
def test_numbers_are_read_as_people_write_them(given: Any, read: float) -> None:
    assert question(1, kind="number").read(given) == read


@pytest.mark.parametrize(
    ("asked", "given", "words"),
    [
        (choice(), 2, "c"),
        (choice([1], kind="several"), [0, 3], "a; d"),
        (order(), [3, 2, 1, 0], "d → c → b → a"),
        (question(41.5, kind="number", unit="MB"), 41.5, "41.5 MB"),
        (question(41, kind="number", unit="MB"), 41, "41 MB"),
        (question(["layer", "blob"], kind="text"), "layer", "layer"),
        (question(["layer", "blob"], kind="text"), ["layer", "blob"], "layer or blob"),
    ],
)
def test_an_answer_is_said_in_words(asked: Question, given: Any, words: str) -> None:
    assert asked.say(given) == words


class TestAPrediction:
    """It gets its answer later: what was measured."""

    def test_it_cannot_be_judged_before(self) -> None:
        guess = choice(None, predict=True)
        assert guess.right is None
        with pytest.raises(ValueError, match="judged by what happens"):
            guess.judge(1)

    def test_its_reason_names_what_was_measured(self) -> None:
        guess = choice(None, predict=True, why="{size:.1f} MB in `{name}`.")
        happened = guess.with_answer(1, {"size": 2.04, "name": "{x}"})
        assert happened.judge(1).text == "Yes. 2.0 MB in `{x}`."
        assert not happened.judge(0).right

    @pytest.mark.parametrize("measured", [{}, {"other": 1}, {"size": 1, "other": 2}])
    def test_a_name_that_is_missing_or_too_many_is_told(self, measured: dict[str, Any]) -> None:
        with pytest.raises(InputError, match=r"the reason of question 'one' needs \['size'\]; found"):
            choice(None, predict=True, why="{size} MB").with_answer(1, measured)

    @pytest.mark.parametrize("answer", [None, 4, "b", [1]])
    def test_what_is_no_answer_is_told(self, answer: Any) -> None:
        with pytest.raises(InputError, match=r"question 'one': .* is not an answer of kind 'choice'"):
            choice(None, predict=True).with_answer(answer, {})

    def test_the_order_of_the_file_need_not_be_the_right_one(self) -> None:
        happened = order(3, predict=True).with_answer([2, 0, 1], {})
        assert happened.judge([2, 0, 1]).right
        assert not happened.judge([0, 1, 2]).right


def test_an_order_is_never_shown_solved() -> None:
    for size in range(2, 8):
        asked = order(size, ask=f"order {size}")
        assert asked.shuffled() != asked.right
        assert asked.shuffled() == asked.shuffled()
        assert sorted(asked.shuffled()) == asked.right
