"""What to practise today: for `lab interview` and for the home page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from layerwise.interview import memory
from layerwise.interview.memory import Card
from layerwise.interview.store import Sessions
from layerwise.progress import Progress, Review
from layerwise.questions.skills import SKILLS


@dataclass(frozen=True)
class Today:
    """`due`: the cards that are due, the most urgent first. `later`: the others, the next one first. `new`: skills that
    nobody has seen of this learner yet. `open_session`: the number of the session that is not finished, or None."""

    due: tuple[Card, ...]
    later: tuple[Card, ...]
    new: tuple[str, ...]
    open_session: int | None = None

    @property
    def skill(self) -> str:
        """The skill to drill: the most urgent, else a new one, else the next that will be due."""
        if self.due:
            return self.due[0].skill
        return self.new[0] if self.new else self.later[0].skill


def today(progress: Progress, now: datetime | None = None, sessions: Sessions | None = None) -> Today:
    """What is due. Raises ProgressError, and SessionsError if `sessions` are given and cannot be read."""
    found = of(memory.reviews(progress), now or datetime.now(UTC))
    return Today(found.due, found.later, found.new, sessions.unfinished() if sessions else None)


def of(reviews: Iterable[Review], now: datetime) -> Today:
    """What is due after these reviews. A skill that is not in the list of skills any more is left out."""
    cards = [card for card in memory.cards(reviews).values() if card.skill in SKILLS]
    due = memory.due(cards, now)
    later = sorted((card for card in cards if card not in due), key=lambda card: (card.due, card.skill))
    seen = {card.skill for card in cards}
    return Today(tuple(due), tuple(later), tuple(skill for skill in SKILLS if skill not in seen))


def due_skills(found: Today) -> Sequence[str]:
    """The skills that are due, the most urgent first: what a session prefers."""
    return [card.skill for card in found.due]
