"""Questions as a notebook sees them, without one: traits, messages, the static part, what is remembered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import layerwise as lw
from layerwise.errors import LabError
from layerwise.progress import Progress
from layerwise.questions import lessons
from layerwise.views.ask import Asked

from .conftest import Bench

pytestmark = pytest.mark.usefixtures("bench", "questions")

QUESTIONS = """
[[question]]
id = "one"
ask = "Which `one`?"
options = ["this", "<b>that</b>"]
answer = 1
why = "Since *that* is."

[[question]]
id = "many"
ask = "How many?"
options = ["one", "two"]
predict = true
why = "There are `{number}`."
"""


@pytest.fixture
def questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lesson with two questions."""
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "01-layers.toml").write_text(QUESTIONS, encoding="utf-8")
    monkeypatch.setattr(lessons, "FOLDER", tmp_path / "questions")


def press(asked: Asked, **message: Any) -> dict[str, Any]:
    """What a click in the live part sends, and what is then said."""
    asked._hear(None, message, [])
    assert asked.widget.fault == ""
    said: dict[str, Any] = dict(asked.widget.said)
    assert said.pop("to") == asked.widget.heard
    return said


def one() -> Asked:
    return lw.ask("01-layers/one")


def test_a_wrong_answer_can_be_followed_by_a_right_one() -> None:
    asked = one()
    assert press(asked, do="answer", given=0) == {"state": "wrong", "mark": "✗", "html": "Not yet."}
    said = press(asked, do="answer", given=1)
    assert said == {"state": "right", "mark": "✓", "html": "Yes. Since <em>that</em> is."}
    answers = Progress().answers("01-layers", "one")
    assert [(answer.answer, answer.correct) for answer in answers] == [(0, False), (1, True)]


def test_the_answer_is_told_to_those_who_ask() -> None:
    said = press(one(), do="show")
    assert said["state"] == "shown"
    assert said["html"] == "&lt;b&gt;that&lt;/b&gt;. Since <em>that</em> is."


def test_nothing_chosen_is_no_wrong_answer() -> None:
    assert press(one(), do="answer", given=None) == {"state": "", "mark": "", "html": "Choose an answer first."}
    assert Progress().answers("01-layers") == []


def test_an_answer_is_there_again_another_day() -> None:
    press(one(), do="answer", given=1)
    again = one()
    assert again.given == 1
    assert again.widget.said["state"] == "right"
    assert len(Progress().answers("01-layers")) == 1, "to be remembered is not to answer again"


def test_an_old_answer_to_a_question_that_changed_is_dropped() -> None:
    Progress().record_answer("01-layers", "one", 7, correct=False)
    assert one().given is None


def test_a_prediction_is_kept_and_judged_by_what_happens() -> None:
    guess = lw.ask("01-layers/many")
    said = press(guess, do="answer", given=0)
    assert said["state"] == "kept"
    assert [answer.correct for answer in Progress().answers("01-layers", "many")] == [None]

    shown = guess.reveal(1, number="two")._repr_mimebundle_()
    assert "You predicted" in shown["text/html"]
    assert "Not what you predicted. There are <code>two</code>." in shown["text/html"]
    assert shown["text/plain"] == (
        "How many?\nYou predicted: one\nWhat happened: two\nNot what you predicted. There are two."
    )
    assert [answer.correct for answer in Progress().answers("01-layers", "many")] == [None, False]
    assert "As you predicted." in guess.reveal(0, number="one")._repr_mimebundle_()["text/html"]


def test_who_predicted_nothing_is_not_told_off() -> None:
    guess = lw.ask("01-layers/many")
    shown = guess.reveal(1, number="two")._repr_mimebundle_()["text/html"]
    assert "nothing, this time" in shown
    assert "Not what" not in shown
    assert Progress().answers("01-layers") == []


def test_the_static_part_holds_the_question_and_the_last_answer_but_not_the_right_one() -> None:
    asked = one()
    assert "Which <code>one</code>?" in asked.html()
    assert "&lt;b&gt;that&lt;/b&gt;" in asked.html()
    assert "Since" not in asked.html()
    assert asked.text() == "Which one?\n- this\n- <b>that</b>"
    press(asked, do="answer", given=0)
    assert "Your answer: this" in asked.html()


@pytest.mark.parametrize("message", [{}, {"do": "dance"}, {"do": "answer", "given": {"a": [1]}}, "answer", None])
def test_a_message_that_makes_no_sense_is_said_or_passed_over(message: Any) -> None:
    asked = one()
    asked._hear(None, message, [])
    assert asked.given is None
    assert asked.widget.heard == 1
    assert asked.widget.fault or asked.widget.said["html"] == "Choose an answer first."


def test_a_memory_that_cannot_be_used_does_not_keep_one_from_answering(bench: Bench) -> None:
    bench.home.mkdir()
    (bench.home / "progress.sqlite").write_text("no database")
    said = press(one(), do="answer", given=1)
    assert said["state"] == "right"
    assert "not remembered" in said["html"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: lw.ask("one"), 'a question is named "LESSON/ID"'),
        (lambda: lw.ask("01-layers/ono"), "lesson 01-layers has no question 'ono'; did you mean 'one'?"),
        (lambda: lw.ask("01-layers/one").reveal(1), "'one' is not a prediction: its answer is judged at once"),
        (lambda: lw.ask("01-layers/many").reveal(5, number=5), "5 is not an answer"),
        (lambda: lw.ask("01-layers/many").reveal(1), r"the reason of question 'many' needs \['number'\]"),
    ],
)
def test_an_author_sees_one_line(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(LabError, match=said) as fault:
        call()
    assert fault.value._render_traceback_() == [str(fault.value)]  # type: ignore[attr-defined]


def test_an_old_lesson_is_told_where_the_new_one_is() -> None:
    with pytest.raises(
        AttributeError, match=r"lw.quiz is gone, use lw.ask: .* the new one is next to it, NAME.new.ipynb$"
    ):
        _ = lw.quiz


def test_memory_is_one_row_for_each_answer(bench: Bench) -> None:
    press(one(), do="answer", given=1)
    with sqlite3.connect(bench.home / "progress.sqlite") as database:
        assert database.execute("SELECT lesson, cell, answer, correct FROM answer").fetchall() == [
            ("01-layers", "one", "1", 1)
        ]
    database.close()
