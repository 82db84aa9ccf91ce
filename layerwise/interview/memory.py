"""What a candidate remembers: a card for each skill, and when it is due (FSRS, by the library `fsrs`).

A card is a skill, not a question: any question, task or exercise may show it. Only reviews are kept. A card's state is
what the scheduler makes of them, so that nothing can contradict them, and a better scheduler begins with all of them.
Lessons and exercises are reviews too. They are not recorded again: they follow from the answers and grades.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import fsrs

from layerwise.interview import tasks
from layerwise.progress import Attempt, Progress, Review
from layerwise.questions.skills import EXERCISE_SKILLS, LESSON_SKILLS

SHARES = ((0.5, fsrs.Rating.Again), (0.75, fsrs.Rating.Hard), (0.95, fsrs.Rating.Good))
"""Below which share of the points a review counts as which rating; above all of them it was easy."""
SCHEDULER = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
"""In days, without steps of minutes: after a failure the explanation comes at once, and the next try is another day."""

DAY = 86_400.0


@dataclass(frozen=True)
class Card:
    """A skill, its `reviews`, the `last` of them and when the next one is `due` (UTC). `stability` is in days: after
    that time the skill is remembered with a probability of nine in ten."""

    skill: str
    reviews: int
    last: datetime
    due: datetime
    stability: float


def reviews(progress: Progress) -> list[Review]:
    """All reviews: those that were recorded, and what the answers in lessons and the grades of exercises say, by time.

    The questions of a lesson that were answered on one day (UTC) are one review: the share of the first answers that
    were right. The grades of an exercise on one day are one too: the best of them. Raises ProgressError.
    """
    derived = [*_lessons(progress), *_exercises(progress)]
    found = progress.reviews()
    # Recorded reviews keep their order, whatever the clock said then: one that seems to be earlier than the one before
    # it counts as of the same moment.
    latest, keyed = 0.0, []
    for number, review in enumerate(found):
        latest = max(latest, review.time)
        keyed.append((latest, 0, number, review))
    keyed += [(review.time, 1, number, review) for number, review in enumerate(derived)]
    return [review for *_, review in sorted(keyed, key=lambda each: each[:3])]


def _lessons(progress: Progress) -> Iterator[Review]:
    for lesson, skills in LESSON_SKILLS.items():
        days: dict[int, dict[str, bool]] = {}
        times: dict[int, float] = {}
        for answer in progress.answers(lesson):
            if answer.correct is not None:
                day = int(answer.time // DAY)
                days.setdefault(day, {}).setdefault(answer.cell, answer.correct)
                times[day] = answer.time
        for day, first in days.items():
            for skill in skills:
                yield Review(skill, times[day], sum(first.values()) / len(first), f"lesson {lesson}")


def _exercises(progress: Progress) -> Iterator[Review]:
    best: dict[tuple[str, int], Attempt] = {}
    for attempt in progress.attempts():
        key = (attempt.exercise, int(attempt.time // DAY))
        if key not in best or attempt.share > best[key].share:
            best[key] = attempt
    for (name, _), attempt in best.items():
        task, at, _ = name.partition("@")  # an instance of a task that was practised by itself
        for skill in tasks.skills(task) if at else EXERCISE_SKILLS.get(name, ()):
            yield Review(skill, attempt.time, attempt.share, f"exercise {name}")


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
