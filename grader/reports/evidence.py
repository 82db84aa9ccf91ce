"""The evidence of a check in words: the places where something was seen, and what only this kind of check knows.

Evidence is plain JSON. Every check kind has `expected`, `found` and `where`, and chooses its own keys beyond these.
They are shown as they come: single values under their names, lists of objects as tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from grader.lib.units import format_duration, format_size
from grader.reports import safe

ROWS = 24
"""The most rows shown of a table of details."""
COLUMNS = 6
"""The most columns shown of a table of details."""
_MARKS = {"reused": "○ ", "ran": "● "}
"""The marks in every picture of the course: hollow is reused, solid is ran."""


@dataclass(frozen=True)
class Spot:
    """One place: where it is (`Dockerfile:7, layer 3`) and the text found there."""

    where: str
    text: str


@dataclass(frozen=True)
class Table:
    """Details of a check that come in rows, such as the steps of a build."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


def places(evidence: Mapping[str, Any]) -> Sequence[Any]:
    """The value of `where`, or an empty list if it is not a list."""
    found = evidence.get("where")
    return found if isinstance(found, list | tuple) else ()


def spot(place: Any) -> Spot:
    """A place in words. The last item of a list that was cut is a note, not a place."""
    if not isinstance(place, Mapping):
        return Spot(safe.line(place), "")
    return Spot(_whereabouts(place), safe.line(place.get("text") or "", 200))


def _whereabouts(place: Mapping[str, Any]) -> str:
    parts = []
    file, row = place.get("file"), place.get("line")
    if file:
        parts.append(safe.line(file, 120) + (f":{row}" if isinstance(row, int) and 0 < row < 10**9 else ""))
    if place.get("step"):
        parts.append(f"step {safe.line(place['step'], 120)}")
    if isinstance(place.get("layer"), int):
        parts.append(f"layer {safe.value(place['layer'])}")
    if place.get("path"):
        parts.append(safe.line(place["path"], 160))
    if isinstance(place.get("bytes"), int | float):
        parts.append(format_size(safe.number(place["bytes"])))
    return ", ".join(parts)


def details(evidence: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[Table, ...]]:
    """What only this kind of check knows: single values, and lists of objects as tables."""
    facts: list[tuple[str, str]] = []
    tables: list[Table] = []
    for key, item in islice(evidence.items(), ROWS):
        if key in ("expected", "found", "where"):
            continue
        name = _label(key)
        if isinstance(item, list | tuple) and item and isinstance(item[0], Mapping):
            tables.append(_table(name, item))
        elif text := safe.passage(item, 1000) if isinstance(item, str) else _cell(key, item):
            facts.append((name, text))
    return tuple(facts), tuple(tables)


def _table(title: str, items: Sequence[Any]) -> Table:
    rows = [item for item in items[:ROWS] if isinstance(item, Mapping)]
    keys = list(islice(dict.fromkeys(key for row in rows for key in row), COLUMNS))
    shown = tuple(tuple(_cell(key, row.get(key)) for key in keys) for row in rows)
    return Table(title, tuple(_label(key) for key in keys), shown, len(items) - len(rows))


def _label(key: object) -> str:
    """A key as a name: `seconds_rebuild` is `rebuild`, since the number is shown with its unit."""
    name = safe.line(str(key).replace("_", " "), 60)
    return "time" if name == "seconds" else name.removeprefix("seconds ")


def _cell(key: object, item: Any) -> str:
    """A value as people say it. The name of the key tells whether a number is seconds or bytes."""
    return _words(key, safe.value(item, depth=3))


def _words(key: object, item: Any) -> str:
    if item is None or item == "" or item == [] or item == {}:
        return ""
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, int | float):
        if str(key).startswith("seconds"):
            return format_duration(safe.number(item))
        if key in ("bytes", "size"):
            return format_size(safe.number(item))
        return safe.line(item)
    if isinstance(item, Mapping):
        return safe.line(", ".join(f"{_label(name)} {_words(name, inner)}" for name, inner in list(item.items())[:8]))
    if isinstance(item, list | tuple):
        more = ", …" if len(item) > ROWS else ""
        return safe.line(", ".join(_words(key, inner) for inner in item[:ROWS]) + more, 400)
    return _MARKS.get(item, "") + safe.line(item, 400) if key == "state" else safe.line(item, 400)
