"""What is late, and what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from grader.reports.reading import amount, points
from layerwise.classroom.store import Policy


@dataclass(frozen=True)
class Lateness:
    """How late something was handed in. `by` is None if it is late and nobody knows how much.

    `share` is the part of the points that is left, 0 to 1.
    """

    is_late: bool = False
    by: timedelta | None = None
    share: float = 1.0


def lateness(when: datetime | None, due: datetime | None, policy: Policy, *, marked_late: bool = False) -> Lateness:
    """How late it is, if it was handed in at `when` and was due at `due`. What has no time, or is not due, is not late.

    `marked_late`: an LMS says so. If nobody knows how late, nothing is taken off.
    """
    if when is None or due is None:
        return Lateness(is_late=marked_late)
    late = (when - due).total_seconds() - policy.grace
    if late <= 0:
        return Lateness()
    share = 1 - math.ceil(late / policy.per) * policy.penalty / 100
    return Lateness(True, when - due, max(0.0, share))


def told(late: Lateness, score: float) -> str:
    """How late something is and what that costs of `score`, in a sentence; "" if it is not late."""
    if not late.is_late:
        return ""
    if late.by is None:
        return "Handed in late, as the LMS says. Nothing is taken off for that."
    lost = score - round(score * late.share, 2)
    how = f"Handed in {span(late.by)} late"
    if not lost:
        return f"{how}. Nothing is taken off for that."
    return f"{how}, which costs {points(lost)} of {amount(score)}: {amount(score - lost)} count."


def span(time: timedelta) -> str:
    """A time as people say it, in its two largest units: ``2 days 3 h``, ``1 h 30 min``, ``20 s``."""
    seconds = round(abs(time.total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [
        f"{count} {unit}"
        for count, unit in ((days, "day" if days == 1 else "days"), (hours, "h"), (minutes, "min"), (seconds % 60, "s"))
        if count
    ]
    return " ".join(parts[:2]) or "0 s"
