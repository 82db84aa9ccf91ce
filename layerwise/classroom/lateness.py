"""What is late, and what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

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
