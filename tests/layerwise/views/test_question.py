"""What is right about an answer, by kind of question."""

from __future__ import annotations

from typing import Any

import pytest

from layerwise.errors import InputError
from layerwise.views.question import Question

LETTERS = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("options", "answer", "more", "kind"),
    [
        (LETTERS, 1, {}, "choice"),
        (LETTERS, [1, 2], {}, "several"),
        (LETTERS, {3, 0}, {}, "several"),
        (LETTERS, None, {"kind": "order"}, "order"),
        (LETTERS, None, {"predict": True}, "choice"),
        (LETTERS, None, {"predict": True, "kind": "several"}, "several"),
        ((), 3, {}, "number"),
        ((), 2.5, {}, "number"),
        ((), "layer", {}, "text"),
        ((), ["layer", "layers"], {}, "text"),
    ],
)
def test_the_kind_follows_from_the_answer(
    options: tuple[str, ...], answer: Any, more: dict[str, Any], kind: str
) -> None:
    assert Question.of("?", options, answer, **more).kind == kind


@pytest.mark.parametrize(
    ("options", "answer", "more", "said"),
    [
        (LETTERS, None, {}, "needs an answer"),
        (LETTERS, 4, {}, "is no answer"),
        (LETTERS, -1, {}, "is no answer"),
        (LETTERS, True, {}, "is no answer"),
        (LETTERS, [0, 0], {}, "is no answer"),
        (LETTERS, [], {}, "is no answer"),
        (LETTERS, [0, 9], {}, "is no answer"),
        ((), float("nan"), {}, "is no answer"),
        ((), "", {}, "is words"),
        ((), [], {}, "is words"),
        ((), 1, {"kind": "choice"}, "needs options"),
        (LETTERS, 1, {"kind": "number"}, "has no options"),
        (LETTERS, 1, {"kind": "essay"}, "found kind 'essay'"),
        (LETTERS, 1, {"why": ["only one"]}, "one `why` for each of 4 options"),
    ],
)
def test_an_author_is_told_what_does_not_fit(
    options: tuple[str, ...], answer: Any, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        Question.of("?", options, answer, **more)


@pytest.mark.parametrize(
    ("question", "given", "right", "said"),
    [
        (Question.of("?", LETTERS, 1, why="so it is"), 1, True, "Yes. so it is"),
        (Question.of("?", LETTERS, 1, why="so it is"), 0, False, "Not yet."),
        (Question.of("?", LETTERS, 1, why=["A!", "B!", "C!", "D!"]), 2, False, "Not yet. C!"),
        (Question.of("?", LETTERS, 1, why=["A!", "B!", "C!", "D!"]), 1, True, "Yes. B!"),
        (Question.of("?", LETTERS, [0, 2]), [0, 2], True, "Yes."),
        (Question.of("?", LETTERS, [0, 2]), [0], False, "Not yet. One missing."),
        (Question.of("?", LETTERS, [0, 2]), [0, 1, 2, 3], False, "Not yet. Two too many."),
        (Question.of("?", LETTERS, [0, 2]), [0, 1], False, "Not yet. One too many, one missing."),
        (Question.of("?", LETTERS, None, kind="order"), [0, 1, 2, 3], True, "Yes."),
        (Question.of("?", LETTERS, None, kind="order"), [0, 1, 3, 2], False, "Not yet. The first 2 stand right."),
        (Question.of("?", LETTERS, None, kind="order"), [3, 1, 0, 2], False, "Not yet. Look at the first one again."),
        (Question.of("?", (), 12, tolerance=2), 14, True, "Yes."),
        (Question.of("?", (), 12, tolerance=2), 14.1, False, "Not yet. It is less."),
        (Question.of("?", (), 12), 11, False, "Not yet. It is more."),
        (Question.of("?", (), 0.1 + 0.2), 0.3, True, "Yes."),
        (Question.of("?", (), ["manifest", "index"]), "  Manifest. ", True, "Yes."),
        (Question.of("?", (), "image index"), "image   INDEX", True, "Yes."),
        (Question.of("?", (), "manifest"), "config", False, "Not yet."),
    ],
)
def test_an_answer_is_judged(question: Question, given: Any, right: bool, said: str) -> None:
    judgement = question.judge(question.read(given))
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
    assert Question.of("?", options, None, kind=kind, predict=True).read(given) is None


@pytest.mark.parametrize(("given", "read"), [("3", 3), ("2,5", 2.5), (" 2.5 ", 2.5), (4.0, 4)])
def test_numbers_are_read_as_people_write_them(given: Any, read: float) -> None:
    assert Question.of("?", (), 1).read(given) == read


@pytest.mark.parametrize(
    ("question", "given", "words"),
    [
        (Question.of("?", LETTERS, 1), 2, "c"),
        (Question.of("?", LETTERS, [1]), [0, 3], "a; d"),
        (Question.of("?", LETTERS, None, kind="order"), [3, 2, 1, 0], "d → c → b → a"),
        (Question.of("?", (), 41.5, unit="MB"), 41.5, "41.5 MB"),
        (Question.of("?", (), 41, unit="MB"), 41, "41 MB"),
        (Question.of("?", (), ["layer", "blob"]), "layer", "layer"),
    ],
)
def test_an_answer_is_said_in_words(question: Question, given: Any, words: str) -> None:
    assert question.say(given) == words


def test_a_prediction_gets_its_answer_later() -> None:
    guess = Question.of("?", LETTERS, None, predict=True, why="before")
    with pytest.raises(ValueError, match="judged by what happens"):
        guess.judge(1)
    happened = guess.with_answer(1, "since it is")
    assert happened.judge(1).right
    assert happened.explanation() == "since it is"


def test_an_order_is_never_shown_solved() -> None:
    for size in range(2, 8):
        question = Question.of(f"order {size}", tuple("abcdefgh"[:size]), None, kind="order")
        assert question.shuffled() != question.answer
        assert question.shuffled() == question.shuffled()
        assert sorted(question.shuffled()) == question.answer
