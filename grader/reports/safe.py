"""Make the values of a report safe to write: cleaned, finite and bounded, wherever the report comes from.

`grader.verdict` cleans what passes through `CheckResult.of`. Every field is cleaned again here, at every depth, since a
report may also have been put together by hand or read from a file. Cleaning twice changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from grader.lib.text import MAX_ITEMS, MAX_TEXT, clean

MAX_DEPTH = 10
"""The most levels of a nested value."""
MAX_KEY = 200
_LARGEST = 2**63
# One more than `clean_value` keeps: the last may be its note on what it cut.
_ITEMS = MAX_ITEMS + 1


def block(text: object, limit: int = MAX_TEXT) -> str:
    """Text in one or more lines: cleaned, trimmed at both ends, at most `limit` characters."""
    shown = clean(text if isinstance(text, str) else str(text), limit).expandtabs(4).strip("\n ")
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def passage(text: object, limit: int, rows: int = 16) -> str:
    """A block of at most `rows` lines, with a note of how many are left out."""
    lines = block(text, limit).split("\n")
    return "\n".join(lines[:rows] + ([f"… and {len(lines) - rows} more lines"] if len(lines) > rows else []))


def line(text: object, limit: int = 200) -> str:
    """Text in one line: cleaned, with single spaces, at most `limit` characters."""
    shown = " ".join(block(text, max(limit, MAX_TEXT)).split())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def number(value: object) -> float:
    """A number within 64 bits, for a field that must hold one. Anything else becomes 0."""
    return float(value) if isinstance(value, int | float) and -_LARGEST < value < _LARGEST else 0.0


def value(item: Any, depth: int = MAX_DEPTH) -> Any:
    """A JSON value: strings cleaned, numbers finite and within 64 bits, lists and objects bounded."""
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, int):
        return max(-_LARGEST, min(int(item), _LARGEST - 1))
    if isinstance(item, float):
        return float(item) if math.isfinite(item) else None
    if isinstance(item, Mapping | list | tuple) and depth <= 0:
        return "…"
    if isinstance(item, Mapping):
        kept = list(islice(item.items(), _ITEMS))
        return {clean(str(key), MAX_KEY): value(inner, depth - 1) for key, inner in kept}
    if isinstance(item, Sequence) and not isinstance(item, str | bytes | bytearray):
        return [value(inner, depth - 1) for inner in item[:_ITEMS]]
    return clean(item if isinstance(item, str) else str(item))
