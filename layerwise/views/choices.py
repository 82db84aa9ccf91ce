"""What a candidate chooses before a session begins, as the script of interview practice sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from layerwise.errors import InputError
from layerwise.views.screens import MINUTES


@dataclass(frozen=True)
class Choices:
    """`seed`: if there is none, chance draws one. `assistant`: whether an AI assistant is allowed. `timeline`: whether
    the commands of the session's shell are recorded."""

    minutes: int
    seed: int | None
    assistant: bool
    timeline: bool


def read(message: Mapping[str, Any]) -> Choices:
    """Read a message. Raises InputError, which says what is still to be chosen."""
    assistant, minutes = message.get("assistant"), message.get("minutes")
    if not isinstance(assistant, bool):
        raise InputError("choose whether an AI assistant is allowed: the report says so")
    seed = _seed(message.get("seed"))
    if minutes not in MINUTES:
        raise InputError(f"choose how long it takes: {', '.join(map(str, MINUTES))} minutes")
    return Choices(minutes, seed, assistant, message.get("timeline") is True)


def _seed(text: object) -> int | None:
    """The seed that was typed, if any. Raises InputError."""
    if text in (None, ""):
        return None
    if isinstance(text, str) and text.strip().isdecimal() and len(text.strip()) <= 9:
        return int(text)
    raise InputError("a seed is a whole number of at most nine digits; leave it empty to draw one")
