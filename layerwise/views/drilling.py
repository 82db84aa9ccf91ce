"""One question of a drill after the other: asked, revealed, rated."""

from __future__ import annotations

from typing import Any

from layerwise.errors import InputError
from layerwise.interview import answers
from layerwise.interview.drill import Drill
from layerwise.interview.plan import Item
from layerwise.questions.bank import BankQuestion
from layerwise.questions.skills import SKILLS
from layerwise.views import rating
from layerwise.views.ask import form
from layerwise.views.course_parts import text
from layerwise.views.markup import inline


class Asked:
    """The question that a drill is at."""

    def __init__(self, drill: Drill) -> None:
        self._drill = drill
        self._question: BankQuestion | None = None
        self._given: Any = None
        self._revealed = False

    def next(self) -> bool:
        """Go on to the next question. Returns whether there is one. Raises ProgressError."""
        self._question, self._given, self._revealed = self._drill.next(), None, False
        return self._question is not None

    def reveal(self, given: object) -> None:
        """Take an answer, or none, and show what it can be compared with. Raises InputError if it is too large."""
        answers.check({"answer": given})
        self._given = self._asked().read(given)
        self._revealed = True

    def keep(self, ticked: object) -> None:
        """Record how well it was answered: by the question's own judge, or by the points of its rubric, of which those
        numbers were ticked. Raises InputError before the answer is revealed, and ProgressError."""
        question = self._asked()
        if not self._revealed:
            raise InputError("reveal the answer first, and rate yours")
        share = self._drill.judged(question, self._given)
        if share is None:
            numbers = set(ticked) if isinstance(ticked, list) else set()
            share = len(numbers & set(range(len(question.rubric)))) / len(question.rubric)
        self._drill.record(question, share)

    def screen(self) -> dict[str, Any]:
        """As the script draws it."""
        question = self._asked()
        item = Item.of_question(question)
        given = {"answer": self._given}
        asked = form(question) if question.kind != "open" else None
        shown: dict[str, Any] = {
            "name": "drill",
            "head": f"{text(self._drill.skill)}: {inline(SKILLS[self._drill.skill])} ({question.level})",
            "text": inline(question.ask),
            "asked": asked,
            "revealed": self._revealed,
        }
        if self._revealed:
            shown["own"] = rating.own(item, question, given)
            shown["model"] = rating.model(question, given)
            shown["rubric"] = rating.rubric(question.rubric, range(len(question.rubric)), None) if not asked else []
            lesson, _, cell = question.lesson.partition("#")
            shown["after"] = (
                f"<p>An interviewer would go on with: {inline(question.follow_up[0])}</p>"
                f'<p>The lesson: <a href="{text(lesson)}.ipynb#cell-id={text(cell)}">{text(lesson)}</a>. '
                "What you missed comes back another day.</p>"
            )
        return shown

    def _asked(self) -> BankQuestion:
        if self._question is None:
            raise InputError("no question is open; begin a drill")
        return self._question
