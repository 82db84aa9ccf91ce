"""Parse durations as Go writes them (`1m30s`, `500ms`), for the options of HEALTHCHECK."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 9.2e9  # seconds; Go counts nanoseconds in 64 bits


def parse_duration(text: str) -> float:
    """Return the seconds. Raises ValueError if Go's time.ParseDuration refuses the text."""
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0.0
    total = 0.0
    at = 0
    while match := _PART.match(rest, at):
        total += float(match[1]) * _UNITS[match[2]]
        at = match.end()
    if not rest or at != len(rest) or total > _LONGEST:
        raise ValueError(f'invalid duration "{text}"')
    return sign * total
