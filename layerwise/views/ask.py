"""Ask a lesson's question and judge the answers, or keep a prediction until the result is known.

lw.ask("02-caching/readme")
guess = lw.ask("02-caching/again")     # a prediction; in a later cell: guess.reveal([1, 2])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from layerwise.errors import InputError
from layerwise.progress import Progress, ProgressError
from layerwise.questions.lessons import find
from layerwise.questions.question import Question
from layerwise.views.live import LiveWidget, View, plainly, script, static_html
from layerwise.views.markup import inline, plain

MARKS = {"right": "✓", "wrong": "✗", "kept": "•", "shown": "→"}


def ask(name: str) -> Asked:
    """Return a question to show in a notebook. `name` is "LESSON/ID": that of course/questions/LESSON.toml."""
    with plainly():
        return Asked(find(name), name.partition("/")[0])


def form(question: Question) -> dict[str, Any]:
    """A question as the scripts show it: what is asked, as HTML, and what it is answered with."""
    return {
        "kind": question.kind,
        "question": inline(question.ask),
        "options": [inline(option) for option in question.options],
        "first": question.shuffled() if question.kind == "order" else [],
        "unit": question.unit,
    }


class QuestionWidget(LiveWidget):
    """The live part of a question."""

    _esm = script("answering.js", "ask.js")
    about = traitlets.Dict().tag(sync=True)
    """The fixed parts: kind, question and options as HTML, unit, whether it is a prediction."""
    given = traitlets.Any(None, allow_none=True).tag(sync=True)
    """The last answer given, or None."""
    said = traitlets.Dict().tag(sync=True)
    """The remark on the answer: state (empty, right, wrong, kept, shown), mark, HTML, and `to`: which message, by its
    number, it answers."""


class Asked(View):
    """A question in a notebook. `given` is the reader's answer; None before the first one."""

    def __init__(self, question: Question, lesson: str) -> None:
        self.question = question
        self.given: Any = None
        self._said = ""
        self._lesson = lesson
        super().__init__(
            QuestionWidget(about=form(question) | {"predicts": question.predict}),
            {"answer": lambda message: self.answer(message.get("given")), "show": self._show},
        )
        self._recall()

    def answer(self, given: Any) -> None:
        """Give an answer, as a click does. It is remembered, and judged unless it is a prediction."""
        read = self.question.read(given)
        if read is None:
            need = {"number": "Write a number first.", "text": "Write an answer first."}
            self._say("", need.get(self.question.kind, "Choose an answer first."))
            return
        self.given = read
        warning = self._remember()
        self._judge(warning)

    def reveal(self, answer: Any, **measured: Any) -> Outcome:
        """Return the result beside the prediction. `answer` is the result, as this question's answers are written (the
        number of an option, several numbers, a number, words); `measured` are the values that its reason names."""
        with plainly():
            if not self.question.predict:
                raise InputError(f"question {self.question.id!r} is not a prediction: its answer is judged at once")
            happened = self.question.with_answer(answer, measured)
        if self.given is not None:
            self._remember(happened.judge(self.given).right)
        return Outcome(happened, self.given)

    def html(self) -> str:
        question = self.question
        options = "".join(f"<li>{inline(option)}</li>" for option in question.options)
        parts = [
            '<div class="lw-box">',
            f'<p class="lw-kicker">{"Predict first" if self.question.predict else "Question"}</p>',
            f"<p><strong>{inline(question.ask)}</strong></p>",
            f"<ul>{options}</ul>" if options else "",
            f"<p>Your answer: {inline(question.say(self.given))}</p>" if self.given is not None else "",
            f"<p>{self._said}</p>" if self._said else "",
            '<p class="lw-kicker">Run this cell to answer.</p></div>',
        ]
        return "".join(parts)

    def text(self) -> str:
        return "\n".join([plain(self.question.ask), *(f"- {plain(option)}" for option in self.question.options)])

    def _judge(self, warning: str = "") -> None:
        if self.question.predict:
            self._say("kept", f"Your prediction is kept. Run on, and compare it with what happens. {warning}".strip())
            return
        judgement = self.question.judge(self.given)
        self._say("right" if judgement.right else "wrong", f"{inline(judgement.text)} {warning}".strip())

    def _show(self, _message: Mapping[str, Any]) -> None:
        """Show the answer, because the reader asked for it."""
        question = self.question
        if not question.predict:
            self._say("shown", f"{inline(question.say(question.right))}. {inline(question.why)}")

    def _say(self, state: str, html: str) -> None:
        self._said = html
        self.widget.given = self.given
        self.widget.said = {"state": state, "mark": MARKS.get(state, ""), "html": html, "to": self.widget.heard}
        self.refresh()

    def _remember(self, right: bool | None = None) -> str:
        """Store the answer. Returns a warning if that fails."""
        if right is None and not self.question.predict:
            right = self.question.judge(self.given).right
        try:
            Progress().record_answer(self._lesson, self.question.id, self.given, correct=right)
        except ProgressError as problem:
            return inline(f"(This is not remembered: {problem})")
        return ""

    def _recall(self) -> None:
        """Load and judge an earlier answer. One that cannot be read is ignored."""
        try:
            answers = Progress().answers(self._lesson, self.question.id)
        except ProgressError:
            return
        read = self.question.read(answers[-1].answer) if answers else None
        if read is not None:
            self.given = read
            self._judge()


class Outcome:
    """A prediction and the result."""

    def __init__(self, happened: Question, given: Any) -> None:
        self.happened = happened
        self.given = given

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        question = self.happened
        predicted = question.say(self.given) if self.given is not None else "nothing, this time"
        result = question.say(question.right)
        right = self.given is not None and question.judge(self.given).right
        word = "As you predicted." if right else "Not what you predicted." if self.given is not None else ""
        state = "right" if right else "wrong" if self.given is not None else "shown"
        mark = f'<span class="lw-mark" aria-hidden="true">{MARKS[state]}</span>' if word else ""
        said = f'<p class="lw-said lw-is-{state}">{mark}<span>{word} {inline(question.why)}</span></p>'
        html = (
            f'<div class="lw-box"><p class="lw-kicker">{inline(question.ask)}</p>'
            f'<dl class="lw-beside"><dt>You predicted</dt><dd>{inline(predicted)}</dd>'
            f"<dt>What happened</dt><dd>{inline(result)}</dd></dl>{said}</div>"
        )
        text = f"{question.ask}\nYou predicted: {predicted}\nWhat happened: {result}\n{word} {question.why}".strip()
        return {"text/html": static_html(html), "text/plain": plain(text)}
