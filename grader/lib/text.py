"""Make untrusted text safe to show."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

MAX_TEXT = 2_000
"""The most characters of a string in a report."""
MAX_ITEMS = 200
"""The most items of a list or table in a report."""
MAX_DEPTH = 10
"""How deep lists and tables in a report may nest. What is deeper is left out."""

# C0 and C1 control characters except newline and tab, direction overrides and isolates, zero width, lone surrogates.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
# Terminal sequences, removed whole: CSI, OSC (to BEL or ST), and the short ones.
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|[PX^_][^\x1b]{0,4096}(?:\x1b\\)?|[ -/]*[0-~])"
)


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """The text without terminal sequences, control codes and direction overrides, in at most `limit` characters."""
    text = text[: 4 * limit]
    text = _CONTROL.sub("", _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_value(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A JSON value with every string and key cleaned. What is too long or too deep is cut, with a note of the cut.

    Numbers that JSON cannot write (infinities, not a number) become text.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (Mapping, Sequence)) and not depth:
        return "…"
    if isinstance(value, Mapping):
        pairs = {clean(str(key), 200): clean_value(item, depth - 1) for key, item in islice(value.items(), MAX_ITEMS)}
        return pairs | {"…": f"and {len(value) - MAX_ITEMS} more"} if len(value) > MAX_ITEMS else pairs
    if isinstance(value, Sequence):
        kept = [clean_value(item, depth - 1) for item in value[:MAX_ITEMS]]
        return [*kept, f"… and {len(value) - MAX_ITEMS} more"] if len(value) > MAX_ITEMS else kept
    return value
