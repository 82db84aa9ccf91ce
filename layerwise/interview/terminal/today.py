"""What is due today, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from layerwise.interview.today import Today
from layerwise.questions.skills import SKILLS

SHOWN = 5
"""The most skills that are named in a line."""


def lines(found: Today, now: datetime) -> Iterator[str]:
    """At most five lines."""
    if found.open_session is not None:
        yield f"Session {found.open_session} is not finished: lab interview resume"
    if found.due:
        names = [card.skill for card in found.due]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"Due today: {', '.join(names[:SHOWN])}{more}."
    elif found.later:
        following = found.later[0]
        days = max(1, round((following.due - now).total_seconds() / 86_400))
        yield f"Nothing is due today. Next: {following.skill}, in {days} day{'' if days == 1 else 's'}."
    else:
        yield "Nothing was practised yet."
    if found.new:
        yield f"Not seen yet: {len(found.new)} of {len(SKILLS)} skills."
    yield f"To drill: {found.skill}, {SKILLS[found.skill]}: lab interview drill"
    yield "A whole session: lab interview mock --minutes 30"
