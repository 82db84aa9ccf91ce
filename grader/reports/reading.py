"""A report as a person reads it: the score, what to do next, then the checks. Every format for people says these words.

Order: what the grader could not look at, then what cost points, then what was skipped, then what passed. Strings are
already safe (see safe.py) and short enough to show; a format adds its own escaping and its layout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.reports import safe
from grader.units import format_duration, format_size
from grader.verdict import CheckResult, Report, Status

PLACES = 12
"""Places shown of one check."""
ROWS = 24
"""Rows shown of a table of details."""
COLUMNS = 6
"""Columns shown of a table of details."""

_OPEN = (Status.FAILED, Status.PARTIAL)


@dataclass(frozen=True)
class Spot:
    """One place: where it is (`Dockerfile:7, layer 3`) and what stands there."""

    where: str
    text: str


@dataclass(frozen=True)
class Table:
    """Details of a check that come in rows, such as the steps of a build."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


@dataclass(frozen=True)
class Reading:
    """One check, in words. `points` is empty where the report has no score. Empty strings are left out."""

    id: str
    title: str
    status: Status
    points: str
    message: str
    expected: str
    found: str
    where: tuple[Spot, ...]
    more_places: int
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    hint: str
    lesson: str
    anchor: str
    """The lesson as the exercise names it: `02-caching#order`."""


@dataclass(frozen=True)
class Reader:
    """The whole report, in words and in order."""

    exercise: str
    title: str
    status: Status
    score: str
    share: float | None
    """The part of the points earned, 0 to 1; None where there is no score."""
    next: str
    errors: tuple[Reading, ...]
    lost: tuple[Reading, ...]
    skipped: tuple[Reading, ...]
    passed: tuple[Reading, ...]
    passed_points: str
    footer: tuple[str, ...]


def read(report: Report) -> Reader:
    """The report in words."""
    scored = report.score is not None
    found = [(check, _reading(check, scored)) for check in report.checks]

    def of(*statuses: Status) -> tuple[Reading, ...]:
        return tuple(reading for check, reading in found if check.status in statuses)

    earned = sum(safe.number(check.points) for check in report.checks if check.status is Status.PASSED)
    return Reader(
        exercise=safe.line(report.exercise, 120),
        title=safe.line(report.title, 200),
        status=report.status,
        score=score(report),
        share=_share(report),
        next=next_step(report),
        errors=of(Status.ERROR),
        lost=of(*_OPEN),
        skipped=of(Status.SKIPPED),
        passed=of(Status.PASSED),
        passed_points=points(earned) if scored else "",
        footer=_footer(report),
    )


def score(report: Report) -> str:
    """``8.5 of 10 points``, or that there is no score."""
    if report.score is None:
        return "No score: the grader could not look"
    return f"{amount(report.score)} of {points(report.max_score)}"


def next_step(report: Report) -> str:
    """What to do next, in one sentence.

    Where checks were skipped, the first one that failed is named, since others wait for it; else the one that
    cost most.
    """
    if report.status is Status.ERROR:
        return (
            "This is not the submission's fault and nothing is recorded; see what 'lab doctor' says, then grade again."
        )
    lost = [check for check in report.checks if check.status in _OPEN]
    waiting = sum(check.status is Status.SKIPPED for check in report.checks)
    if not lost:
        return "Every check passed; go on when you like." if not waiting else "Some checks were skipped; see why below."
    first = lost[0] if waiting else max(lost, key=lambda check: check.max_points - check.points)
    spot = next((spot.where for spot in _spots(safe.value(first.evidence)) if spot.where), "")
    name = f"“{safe.line(first.title, 120)}”" + (f" ({spot.partition(', ')[0]})" if spot else "")
    if waiting:
        return f"Start with {name}: {_count(waiting, 'other check')} {'waits' if waiting == 1 else 'wait'} for it."
    worth = points(first.max_points - first.points)
    if len(lost) == 1:
        return f"One thing is left: {name}, for {worth}."
    return f"Start with {name}: it costs the most, {worth}."


def amount(number: float) -> str:
    """Points without needless zeros: ``8.5``, ``10``, ``0.25``."""
    return f"{safe.number(number):.2f}".rstrip("0").rstrip(".")


def points(number: float) -> str:
    """``1 point``, ``2.5 points``."""
    text = amount(number)
    return f"{text} point{'' if text == '1' else 's'}"


def lesson(anchor: str | None) -> str:
    """``lesson 02-caching, section “order”`` for ``02-caching#order``."""
    name, _, section = safe.line(anchor or "", 120).partition("#")
    if not name:
        return ""
    return f"lesson {name}, section “{section.replace('-', ' ')}”" if section else f"lesson {name}"


def _share(report: Report) -> float | None:
    if report.score is None:
        return None
    return min(1.0, max(0.0, safe.number(report.score) / (safe.number(report.max_score) or 1.0)))


def _reading(check: CheckResult, scored: bool) -> Reading:
    evidence = safe.value(check.evidence)
    spots = _spots(evidence)
    facts, tables = _details(evidence)
    return Reading(
        id=safe.line(check.id, 80),
        title=safe.line(check.title, 200),
        status=check.status,
        points=f"{amount(check.points)} of {amount(check.max_points)}" if scored else "",
        message=safe.block(check.message, 1000),
        expected=safe.block(evidence.get("expected") or "", 600),
        found=safe.block(evidence.get("found") or "", 1000),
        where=tuple(spots[:PLACES]),
        more_places=max(0, len(spots) - PLACES),
        facts=facts,
        tables=tables,
        hint=safe.line(check.hint or "", 400),
        lesson=lesson(check.lesson),
        anchor=safe.line(check.lesson or "", 120),
    )


def _spots(evidence: Mapping[str, Any]) -> list[Spot]:
    places = evidence.get("where")
    if not isinstance(places, list | tuple):
        return []
    # A list that was cut ends with a note in place of a Place.
    return [
        Spot(_whereabouts(place), safe.line(place.get("text") or "", 200))
        if isinstance(place, Mapping)
        else Spot(safe.line(place), "")
        for place in places
    ]


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


def _details(evidence: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[Table, ...]]:
    """What only this kind of check knows: single values, and lists of objects as tables."""
    facts: list[tuple[str, str]] = []
    tables: list[Table] = []
    for key, item in list(evidence.items())[:ROWS]:
        if key in ("expected", "found", "where"):
            continue
        name = _label(key)
        if isinstance(item, list | tuple) and item and isinstance(item[0], Mapping):
            tables.append(_table(name, item))
        elif text := _cell(key, item):
            facts.append((name, text))
    return tuple(facts), tuple(tables)


def _table(title: str, items: Sequence[Any]) -> Table:
    rows = [item for item in items if isinstance(item, Mapping)]
    keys = list(dict.fromkeys(key for row in rows for key in row))[:COLUMNS]
    shown = tuple(tuple(_cell(key, row.get(key)) for key in keys) for row in rows[:ROWS])
    return Table(title, tuple(_label(key) for key in keys), shown, max(0, len(rows) - ROWS))


def _label(key: object) -> str:
    return safe.line(str(key).replace("_", " "), 60)


def _cell(key: object, item: Any) -> str:
    """A value as a reader would say it; seconds and bytes by the name of their key."""
    if item is None or item == "" or item == [] or item == {}:
        return ""
    if isinstance(item, bool):
        # The marks of every picture in the course: hollow is reused, solid is ran.
        yes, no = ("○ reused", "● ran") if key in ("reused", "cached") else ("yes", "no")
        return yes if item else no
    if isinstance(item, int | float):
        if key == "seconds":
            return format_duration(safe.number(item))
        if key in ("bytes", "size"):
            return format_size(safe.number(item))
        return safe.line(safe.value(item))
    if isinstance(item, Mapping):
        return safe.line(", ".join(f"{_label(name)} {_cell(name, inner)}" for name, inner in list(item.items())[:8]))
    if isinstance(item, list | tuple):
        return safe.line(
            ", ".join(_cell(key, inner) for inner in item[:ROWS]) + (" …" if len(item) > ROWS else ""), 400
        )
    return safe.line(item, 400)


def _footer(report: Report) -> tuple[str, ...]:
    parts = [f"graded in {format_duration(max(0.0, safe.number(report.seconds)))}"]
    engine, image = report.engine, report.image
    if version := safe.line(engine.get("version") or "", 40):
        store = safe.line(engine.get("image_store") or "", 40)
        parts.append(f"engine {version}" + (f" ({store})" if store else ""))
    if identity := safe.line(image.get("digest") or image.get("id") or "", 80):
        parts.append("image " + re.sub(r"^(sha256:[0-9a-f]{12})[0-9a-f]+$", r"\1", identity))
    return tuple(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
