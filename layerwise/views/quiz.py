"""Questions in a lesson: answered, judged kindly, remembered; and predictions, kept until it is seen what happens.

lw.quiz("How many layers has it?", ["one", "two", "three"], answer=1, why="…", id="01-layers/count")
guess = lw.quiz("What will it print?", ["a", "b"], predict=True, id="00-start-here/prints")
guess.reveal(answer=0)                       # in a later cell: the prediction beside what happened
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from layerwise.errors import InputError
from layerwise.progress import Progress, ProgressError
from layerwise.views.live import LiveWidget, View, plainly, script, static_html
from layerwise.views.markup import inline, plain
from layerwise.views.question import Question

MARKS = {"right": "✓", "wrong": "✗", "other": "≠", "kept": "•", "shown": "→"}


def quiz(
    question: str,
    options: Sequence[str] = (),
    *,
    id: str,  # noqa: A002 (what an author would call it)
    answer: Any = None,
    why: str | Sequence[str] = "",
    kind: str | None = None,
    tolerance: float = 0.0,
    unit: str = "",
    predict: bool = False,
) -> Quiz:
    """A question to show in a notebook; `id` is "LESSON/NAME", under which the answer is remembered.

    What `answer` is says what kind of question it is: the number of an option (from 0), several of them, a number
    (right within `tolerance`), or words (one text, or a list of texts that are all right). With kind="order" the
    options are given in the right order and shown in another. `why` is said of a right answer; one text for each
    option is said of the one chosen, right or wrong. `predict=True` keeps the answer unjudged until `reveal`.
    """
    with plainly():
        lesson, slash, name = id.partition("/")
        if not (lesson and slash and name):
            raise InputError(f'an id is "LESSON/NAME", as in "00-start-here/prints"; found {id!r}')
        made = Question.of(
            question, options, answer, why=why, kind=kind, tolerance=tolerance, unit=unit, predict=predict
        )
        return Quiz(made, lesson, name, later=answer if predict else None)


class QuizWidget(LiveWidget):
    """The live part of a question."""

    _esm = script("quiz.js")
    about = traitlets.Dict().tag(sync=True)
    """What never changes: kind, question and options as HTML, unit, whether it is a prediction."""
    given = traitlets.Any(None, allow_none=True).tag(sync=True)
    """The answer as it was last given, or None."""
    said = traitlets.Dict().tag(sync=True)
    """What is said of it: state (empty, right, wrong, kept, shown) and HTML."""


class Quiz(View):
    """A question in a notebook. `given` is the reader's answer, or None before there is one."""

    def __init__(self, question: Question, lesson: str, name: str, *, later: Any = None) -> None:
        self.question = question
        self.given: Any = None
        self._state = ""
        self._said = ""
        self._lesson, self._name = lesson, name
        self._later = later
        self._predicts = question.answer is None
        about = {
            "kind": question.kind,
            "question": inline(question.text),
            "options": [inline(option) for option in question.options],
            "first": question.shuffled() if question.kind == "order" else [],
            "unit": question.unit,
            "predicts": self._predicts,
        }
        super().__init__(
            QuizWidget(about=about), {"answer": lambda message: self.answer(message.get("given")), "show": self._show}
        )
        self._recall()

    def answer(self, given: Any) -> None:
        """Give an answer, as a click does: it is judged, or kept where it is a prediction, and remembered."""
        read = self.question.read(given)
        if read is None:
            need = {"number": "Write a number first.", "text": "Write an answer first."}
            self._say("", need.get(self.question.kind, "Choose an answer first."))
            return
        self.given = read
        warning = self._remember()
        self._judge(warning)

    def reveal(self, answer: Any = None, why: str | None = None) -> Outcome:
        """What happened, beside the prediction. `answer` is what was measured, else the one the question was given."""
        with plainly():
            happened = self.question.with_answer(self._later if answer is None else answer, why)
        if self._predicts and self.given is not None:
            self._remember(happened.judge(self.given).right)
        return Outcome(happened, self.given)

    def html(self) -> str:
        question = self.question
        options = "".join(f"<li>{inline(option)}</li>" for option in question.options)
        parts = [
            '<div class="lw-box">',
            f'<p class="lw-kicker">{"Predict first" if self._predicts else "Question"}</p>',
            f"<p><strong>{inline(question.text)}</strong></p>",
            f"<ul>{options}</ul>" if options else "",
            f"<p>Your answer: {inline(question.say(self.given))}</p>" if self.given is not None else "",
            f"<p>{self._said}</p>" if self._said else "",
            '<p class="lw-kicker">Run this cell to answer.</p></div>',
        ]
        return "".join(parts)

    def text(self) -> str:
        return "\n".join([plain(self.question.text), *(f"- {plain(option)}" for option in self.question.options)])

    def _judge(self, warning: str = "") -> None:
        if self._predicts:
            self._say("kept", f"Kept. Run on, and see it beside what happens. {warning}".strip())
            return
        judgement = self.question.judge(self.given)
        self._say("right" if judgement.right else "wrong", f"{inline(judgement.text)} {warning}".strip())

    def _show(self, _message: Mapping[str, Any]) -> None:
        """The reader asks to be told."""
        question = self.question
        if question.answer is not None:
            self._say("shown", f"{inline(question.say(question.answer))}. {inline(question.explanation())}".strip())

    def _say(self, state: str, html: str) -> None:
        self._state, self._said = state, html
        self.widget.given = self.given
        self.widget.said = {"state": state, "mark": MARKS.get(state, ""), "html": html}
        self.refresh()

    def _remember(self, right: bool | None = None) -> str:
        """Keep the answer; a warning where that cannot be."""
        if right is None and not self._predicts:
            right = self.question.judge(self.given).right
        try:
            Progress().record_answer(self._lesson, self._name, self.given, correct=right)
        except ProgressError as problem:
            return inline(f"(This is not remembered: {problem})")
        return ""

    def _recall(self) -> None:
        """The answer given on another day. What cannot be read is as if it were not there."""
        try:
            answers = Progress().answers(self._lesson, self._name)
        except ProgressError:
            return
        read = self.question.read(answers[-1].answer) if answers else None
        if read is not None:
            self.given = read
            self._judge()


class Outcome:
    """A prediction beside what happened."""

    def __init__(self, happened: Question, given: Any) -> None:
        self.happened = happened
        self.given = given

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        question = self.happened
        predicted = question.say(self.given) if self.given is not None else "nothing, this time"
        result = question.say(question.answer)
        right = self.given is not None and question.judge(self.given).right
        word = "As you predicted." if right else "Not what you predicted." if self.given is not None else ""
        state = "right" if right else "wrong"
        mark = f'<span class="lw-mark" aria-hidden="true">{MARKS[state]}</span>' if word else ""
        why = question.explanation()
        said = f'<p class="lw-said lw-is-{state}">{mark}<span>{word} {inline(why)}</span></p>' if word or why else ""
        html = (
            f'<div class="lw-box"><p class="lw-kicker">{inline(question.text)}</p>'
            f'<dl class="lw-beside"><dt>You predicted</dt><dd>{inline(predicted)}</dd>'
            f"<dt>What happened</dt><dd>{inline(result)}</dd></dl>{said}</div>"
        )
        text = f"{question.text}\nYou predicted: {predicted}\nWhat happened: {result}\n{word} {why}".strip()
        return {"text/html": static_html(html), "text/plain": plain(text)}
