"""Time limits of our own on a busy machine. A limit that an exercise sets is the exercise's, and stays as it is."""

from __future__ import annotations

import os
from contextlib import suppress

MOST = 8.0
"""How many times longer a limit becomes at most."""


def stretched(seconds: float) -> float:
    """Return a limit that is as many times longer as processes wait for each of the machine's processors."""
    return seconds * min(MOST, max(1.0, _wanted() / (os.cpu_count() or 1)))


def _wanted() -> float:
    """Return how many processes want a processor: now, or over the last minute, whichever is more; 0 if unknown."""
    found = [0.0]
    with suppress(OSError, AttributeError):  # Windows has no such thing
        found.append(os.getloadavg()[0])
    with suppress(OSError, ValueError, IndexError), open("/proc/loadavg", encoding="ascii") as file:
        found.append(float(file.read().split()[3].partition("/")[0]))
    return max(found)
