"""What a candidate remembers: a card for each skill, and when it is due (FSRS, by the library `fsrs`).

A card is a skill, not a question: any question, task or exercise may show it. Only reviews are kept. A card's state is
what the scheduler makes of them, so that nothing can contradict them, and a better scheduler begins with all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import fsrs

from layerwise.progress import Review

SHARES = ((0.5, fsrs.Rating.Again), (0.75, fsrs.Rating.Hard), (0.95, fsrs.Rating.Good))
"""Below which share of the points a review counts as which rating; above all of them it was easy."""
SCHEDULER = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
"""In days, without steps of minutes: after a failure the explanation comes at once, and the next try is another day."""


@dataclass(frozen=True)
class Card:
    """A skill, its `reviews`, the `last` of them and when the next one is `due` (UTC). `stability` is in days: after
    that time the skill is remembered with a probability of nine in ten."""

    skill: str
    reviews: int
    last: datetime
    due: datetime
    stability: float


def rating(share: float) -> fsrs.Rating:
    """The rating of a review in which this share of the points was reached."""
    return next((rated for below, rated in SHARES if share < below), fsrs.Rating.Easy)


def cards(reviews: Iterable[Review]) -> dict[str, Card]:
    """The card of each skill that was reviewed. `reviews` are in the order in which they were recorded.

    A clock that was moved back does no harm: a review that seems to be earlier than the one before it counts as of the
    same moment.
    """
    states: dict[str, fsrs.Card] = {}
    counts: dict[str, int] = {}
    for review in reviews:
        card = states.get(review.skill) or fsrs.Card(card_id=len(states))
        when = datetime.fromtimestamp(review.time, UTC)
        if card.last_review is not None:
            when = max(when, card.last_review)
        states[review.skill], _ = SCHEDULER.review_card(card, rating(review.share), when)
        counts[review.skill] = counts.get(review.skill, 0) + 1
    return {skill: _card(skill, counts[skill], state) for skill, state in states.items()}


def due(known: Iterable[Card], now: datetime) -> list[Card]:
    """The cards that are due, the one that is most likely forgotten first."""
    waiting = [card for card in known if card.due <= now]
    return sorted(
        waiting, key=lambda card: (-(now - card.last) / max(card.due - card.last, datetime.resolution), card.skill)
    )


def _card(skill: str, reviews: int, state: fsrs.Card) -> Card:
    assert state.last_review is not None
    return Card(skill, reviews, state.last_review, state.due, state.stability or 0.0)
