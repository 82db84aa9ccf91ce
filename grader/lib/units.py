"""Numbers, sizes and durations as people write them: ``"1,234"``, ``"25 MB"``, ``"500 ms"``, ``"2 min"``, ``"1 day"``.

Decimal units are powers of 1000 (MB = 1,000,000 bytes), binary units powers of 1024 (MiB = 1,048,576 bytes).
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

_SIZES = {
    "b": 1,
    "byte": 1,
    "bytes": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "tb": 1000**4,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
}
_TIMES = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86_400.0,
    "day": 86_400.0,
    "days": 86_400.0,
}
_SPACES = " \u00a0\u2009\u202f"
# Thousands are marked in one way throughout, and "0,5" has none.
_PLAIN = rf"(?:[1-9][0-9]{{0,2}}(?:(?P<mark>[,_{_SPACES}])[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*)|[0-9]+)(?:\.[0-9]+)?"
_NUMBER = re.compile(rf"[+-]?{_PLAIN}(?:[eE][+-]?[0-9]+)?")
_QUANTITY = re.compile(rf"(?P<number>{_PLAIN})[{_SPACES}\t\n]*(?P<unit>[a-zA-Z]+)")
_MARKS = re.compile(rf"[,_{_SPACES}]")
_MINUS = "\u2212"


def parse_number(text: str) -> float:
    """The number that a text such as ``"1,234"``, ``"1 234.5"`` or ``"1.2e7"`` says. Raises ValueError if it says none.

    Thousands may be marked by commas, spaces or underscores. Only the digits from 0 to 9 count.
    """
    text = text.strip().replace(_MINUS, "-")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"expected a number, found {text!r}")
    return float(_MARKS.sub("", text))


def parse_size(text: object) -> int:
    """The bytes in a size such as ``"25 MB"``; a whole number is bytes. Raises ValueError, which names the units."""
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    return round(_quantity(text, _SIZES, "a size such as '25 MB' or '64 KiB'"))


def parse_duration(text: object) -> float:
    """The seconds in a duration such as ``"2 min"``; a number is seconds. Raises ValueError, which names the units."""
    if isinstance(text, int | float) and not isinstance(text, bool) and 0 <= text < math.inf:
        return float(text)
    return _quantity(text, _TIMES, "a duration such as '500 ms', '5 s' or '2 min'")


def _quantity(text: object, units: dict[str, float] | dict[str, int], wanted: str) -> float:
    match = _QUANTITY.fullmatch(text.strip()) if isinstance(text, str) else None
    factor = units.get(match["unit"].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"expected {wanted}, found {text!r}; units: {', '.join(units)}")
    return parse_number(match["number"]) * factor


def format_size(count: float) -> str:
    """Bytes as people say them, in decimal units: ``41 MB``, ``1.2 GB``, ``312 kB``, ``17 bytes``."""
    if count < 1000:
        return f"{count:.0f} byte{'' if count == 1 else 's'}"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or unit == "TB":
            break
    return f"{count:.1f} {unit}" if count < 9.95 else f"{count:.0f} {unit}"


def format_duration(seconds: float) -> str:
    """Seconds as people say them: ``80 ms``, ``3.2 s``, ``2 min 5 s``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


Size = Annotated[int, BeforeValidator(parse_size)]
"""Bytes in a pydantic model. Accepts ``"25 MB"``."""

Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds in a pydantic model. Accepts ``"2 min"``."""
