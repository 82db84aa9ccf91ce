"""Questions as a notebook sees them, without one: traits, messages, the static part, what is remembered."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

import layerwise as lw
from layerwise.errors import LabError
from layerwise.progress import Progress
from layerwise.views.quiz import Quiz

from .conftest import Bench

pytestmark = pytest.mark.usefixtures("bench")


def press(quiz: Quiz, **message: Any) -> dict[str, Any]:
    """What a click in the live part sends, and what is then said."""
    quiz._hear(None, message, [])
    assert quiz.widget.fault == ""
    said: dict[str, Any] = quiz.widget.said
    return said


def two() -> Quiz:
    return lw.quiz("Which `one`?", ["this", "<b>that</b>"], answer=1, why="Since *that* is.", id="01-layers/one")


def test_a_wrong_answer_can_be_followed_by_a_right_one() -> None:
    quiz = two()
    assert press(quiz, do="answer", given=0) == {"state": "wrong", "mark": "✗", "html": "Not yet."}
    said = press(quiz, do="answer", given=1)
    assert said == {"state": "right", "mark": "✓", "html": "Yes. Since <em>that</em> is."}
    answers = Progress().answers("01-layers", "one")
    assert [(answer.answer, answer.correct) for answer in answers] == [(0, False), (1, True)]


def test_the_answer_is_told_to_those_who_ask() -> None:
    said = press(two(), do="show")
    assert said["state"] == "shown"
    assert said["html"] == "&lt;b&gt;that&lt;/b&gt;. Since <em>that</em> is."


def test_nothing_chosen_is_no_wrong_answer() -> None:
    assert press(two(), do="answer", given=None) == {"state": "", "mark": "", "html": "Choose an answer first."}
    assert Progress().answers("01-layers") == []


def test_an_answer_is_there_again_another_day() -> None:
    press(two(), do="answer", given=1)
    again = two()
    assert again.given == 1
    assert again.widget.said["state"] == "right"
    assert len(Progress().answers("01-layers")) == 1, "to be remembered is not to answer again"


def test_an_old_answer_to_a_question_that_changed_is_dropped() -> None:
    Progress().record_answer("01-layers", "one", 7, correct=False)
    assert two().given is None


def test_a_prediction_is_kept_and_judged_by_what_happens() -> None:
    guess = lw.quiz("How many?", ["one", "two"], predict=True, id="01-layers/many")
    said = press(guess, do="answer", given=0)
    assert said["state"] == "kept"
    assert [answer.correct for answer in Progress().answers("01-layers", "many")] == [None]

    shown = guess.reveal(answer=1, why="There are `two`.")._repr_mimebundle_()
    assert "You predicted" in shown["text/html"]
    assert "Not what you predicted. There are <code>two</code>." in shown["text/html"]
    assert shown["text/plain"] == (
        "How many?\nYou predicted: one\nWhat happened: two\nNot what you predicted. There are two."
    )
    assert [answer.correct for answer in Progress().answers("01-layers", "many")] == [None, False]
    assert "As you predicted." in guess.reveal(answer=0)._repr_mimebundle_()["text/html"]


def test_who_predicted_nothing_is_not_told_off() -> None:
    guess = lw.quiz("How many?", ["one", "two"], answer=1, predict=True, id="01-layers/many")
    shown = guess.reveal()._repr_mimebundle_()["text/html"]
    assert "nothing, this time" in shown
    assert "Not what" not in shown
    assert Progress().answers("01-layers") == []


def test_the_static_part_holds_the_question_and_the_last_answer_but_not_the_right_one() -> None:
    quiz = two()
    assert "Which <code>one</code>?" in quiz.html()
    assert "&lt;b&gt;that&lt;/b&gt;" in quiz.html()
    assert "Since" not in quiz.html()
    assert quiz.text() == "Which one?\n- this\n- <b>that</b>"
    press(quiz, do="answer", given=0)
    assert "Your answer: this" in quiz.html()


@pytest.mark.parametrize("message", [{}, {"do": "dance"}, {"do": "answer", "given": {"a": [1]}}, "answer", None])
def test_a_message_that_makes_no_sense_is_said_or_passed_over(message: Any) -> None:
    quiz = two()
    quiz._hear(None, message, [])
    assert quiz.given is None
    assert quiz.widget.heard == 1
    assert quiz.widget.fault or quiz.widget.said["html"] == "Choose an answer first."


def test_a_memory_that_cannot_be_used_does_not_keep_one_from_answering(bench: Bench) -> None:
    bench.home.mkdir()
    (bench.home / "progress.sqlite").write_text("no database")
    said = press(two(), do="answer", given=1)
    assert said["state"] == "right"
    assert "not remembered" in said["html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"id": "no-lesson", "answer": 1}, 'an id is "LESSON/NAME"'),
        ({"id": "a/b"}, "needs an answer"),
        ({"id": "a/b", "answer": 5}, "is no answer"),
    ],
)
def test_an_author_sees_one_line(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(LabError, match=said) as fault:
        lw.quiz("?", ["a", "b"], **arguments)
    assert fault.value._render_traceback_() == [str(fault.value)]  # type: ignore[attr-defined]


def test_memory_is_one_row_for_each_answer(bench: Bench) -> None:
    press(two(), do="answer", given=1)
    with sqlite3.connect(bench.home / "progress.sqlite") as database:
        assert database.execute("SELECT lesson, cell, answer, correct FROM answer").fetchall() == [
            ("01-layers", "one", "1", 1)
        ]
    database.close()
