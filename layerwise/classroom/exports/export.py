"""What the formats share: what goes out, and which scores there are to give out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module

from layerwise.classroom.gradebook import Entry, Gradebook, State

SCORED = (State.GRADED, State.STALE)


@dataclass(frozen=True)
class Export:
    """One document, or files by their path in a folder. `notes` tell the instructor what is not in it, and why."""

    text: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def render(name: str, book: Gradebook) -> Export:
    """The gradebook in the format of that name. Raises InputError if the format cannot hold it."""
    made: Export = import_module(f"layerwise.classroom.exports.{name}").render(book)
    return made


def points(entry: Entry) -> float | None:
    """The points that count; None if there is no score to give out."""
    return entry.points if entry.state in SCORED else None


def is_current(entry: Entry) -> bool:
    """Whether there is a score, and it still holds."""
    return entry.state is State.GRADED and entry.points is not None


def left_out(entries: Iterable[Entry], *, stale: bool) -> tuple[str, ...]:
    """Notes on what a format leaves out that has no score, or, if `stale`, one that no longer holds."""
    entries = list(entries)
    counts = {
        "has no score because the grader failed": sum(entry.state is State.ERROR for entry in entries),
        "is not graded yet": sum(entry.state is State.WAITING for entry in entries),
        "has a stale score; lab classroom grade --regrade changed renews it": stale
        * sum(entry.state is State.STALE for entry in entries),
    }
    return tuple(f"left out: {_count(count, words)}" for words, count in counts.items() if count)


def time(when: datetime | None) -> str:
    """A time in UTC: ``2026-05-01T21:59:00Z``; "" if there is none."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""


def _count(count: int, words: str) -> str:
    if count == 1:
        return f"1 hand-in {words}"
    return f"{count} hand-ins {words.replace('has ', 'have ', 1).replace('is ', 'are ', 1)}"
