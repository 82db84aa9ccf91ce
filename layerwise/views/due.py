"""What to practise today, as HTML: for `lw.practice()` and the home page."""

from __future__ import annotations

from datetime import datetime

from layerwise.interview.memory import DAY, Card
from layerwise.interview.today import Today
from layerwise.questions.skills import SKILLS
from layerwise.views.markup import inline
from layerwise.views.words import counted

MOST = 6
"""So many skills that are due are listed; the rest is counted."""


def days(card: Card, now: datetime) -> str:
    """When a card is due: "today", "for 3 days", "in 2 days"."""
    whole = (card.due - now).total_seconds() / DAY
    if whole <= 0:
        late = int(-whole)
        return f"for {counted(late, 'day')}" if late else "today"
    return f"in {counted(int(whole) + 1, 'day')}" if whole > 1 else "within a day"


def today(found: Today, now: datetime) -> str:
    """What to practise today, as HTML."""
    if not found.due and not found.later:
        return "<p>Nothing is known of you yet. A drill, a mock, or the questions of a lesson change that.</p>"
    if not found.due:
        first = found.later[0]
        return f"<p>Nothing is due today. Next: {_skill(first.skill)}, {days(first, now)}.</p>"
    rows = "".join(
        f'<li>{_skill(card.skill)} <span class="lw-soft">{days(card, now)}</span></li>' for card in found.due[:MOST]
    )
    more = len(found.due) - MOST
    rest = f'<p class="lw-soft">And {counted(more, "other skill")}.</p>' if more > 0 else ""
    return f'<p>Due today:</p><ul class="lw-due">{rows}</ul>{rest}'


def _skill(slug: str) -> str:
    return f"<strong>{slug}</strong>: {inline(SKILLS[slug])}"
