"""A drill: one question at a time, answered from memory, then compared and rated. The rating is a review of its skills.

What was missed is explained at once, and comes back another day, mostly as another question of the same skill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from grader.lib.toml_model import nearest
from layerwise.errors import InputError
from layerwise.interview import answers, memory
from layerwise.interview import today as today_module
from layerwise.progress import Progress
from layerwise.questions.bank import BankQuestion
from layerwise.questions.skills import SKILLS

MISSED = memory.SHARES[0][0]
"""Below this share of the points a question was missed."""


class Drill:
    """One sitting. It asks no question twice, and after a failure nothing more of the skill that it was asked for."""

    def __init__(
        self, bank: Mapping[str, BankQuestion], progress: Progress, skill: str = "", now: datetime | None = None
    ) -> None:
        """`skill`: only questions of this skill. Raises InputError if there is no such skill."""
        if skill and skill not in SKILLS:
            raise InputError(f"there is no skill {skill!r}{nearest(skill, list(SKILLS))}")
        self._bank = bank
        self._progress = progress
        self._only = skill
        self._now = now
        self._asked: set[str] = set()
        self._over: set[str] = set()
        self.skill = ""
        """The skill that the current question is asked for."""

    def next(self) -> BankQuestion | None:
        """The next question; None if there is none left for today. Raises ProgressError."""
        for skill in self._skills():
            if question := self._question(skill):
                self.skill = skill
                self._asked.add(question.id)
                return question
        return None

    def judged(self, question: BankQuestion, answer: Any) -> float | None:
        """The share that an answer reaches by the question's own judge; None if its rubric judges it."""
        if question.kind == "open":
            return None
        judgement = answers.judge(question, {"answer": answer})
        return float(judgement.right) if judgement else 0.0

    def record(self, question: BankQuestion, share: float) -> bool:
        """Keep how well the question was answered, for each of its skills. Returns whether it was missed.

        Raises ProgressError.
        """
        for skill in question.skills:
            self._progress.record_review(skill, share, question.id)
        missed = share < MISSED
        # A skill that was asked for by name goes on with other questions; else each is asked once in a sitting.
        if not self._only:
            self._over.update(question.skills if missed else (self.skill,))
        return missed

    def _skills(self) -> Sequence[str]:
        if self._only:
            return [self._only]
        found = today_module.of(memory.reviews(self._progress), self._now or datetime.now(UTC))
        order = [*(card.skill for card in found.due), *found.new, *(card.skill for card in found.later)]
        return [skill for skill in order if skill not in self._over]

    def _question(self, skill: str) -> BankQuestion | None:
        """The question of the skill that was not asked for longest."""
        last = {review.source: number for number, review in enumerate(self._progress.reviews())}
        of_skill = [one for one in self._bank.values() if skill in one.skills and one.id not in self._asked]
        return min(of_skill, key=lambda one: (last.get(_seen(one.id, last), -1), one.id), default=None)


def _seen(identity: str, last: Mapping[str, int]) -> str:
    """The latest source that names this question: a drill, or a session."""
    sources = [source for source in last if source.partition(" ")[0] == identity]
    return max(sources, key=last.__getitem__, default="")
