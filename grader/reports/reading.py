"""A report as a person reads it: the score, what to do next, then the checks. Every format for people uses these words.

First come the checks that the grader could not judge, then those that cost points, then the skipped ones, then those
that passed. Strings are already safe (see safe.py) and short enough to show. A format adds its own escaping and layout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.lib.units import format_duration
from grader.reports import safe
from grader.reports.evidence import Spot, Table, details, places, spot
from grader.verdict import IMAGE_ALONE, CheckResult, Report, Status

PLACES = 12
"""The most places shown for one check."""
_LOST = (Status.FAILED, Status.PARTIAL)


@dataclass(frozen=True)
class Reading:
    """One check in words. `points` is empty if the report has no score. A format leaves out empty strings."""

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
    """The whole report in words."""

    exercise: str
    title: str
    status: Status
    score: str
    share: float | None
    """The fraction of the points earned, 0 to 1. None if there is no score."""
    next: str
    checks: tuple[Reading, ...]
    """In the order of the exercise."""
    passed_points: str
    footer: tuple[str, ...]

    @property
    def errors(self) -> tuple[Reading, ...]:
        return self._of(Status.ERROR)

    @property
    def lost(self) -> tuple[Reading, ...]:
        """The checks that cost points, without those that were skipped."""
        return self._of(*_LOST)

    @property
    def skipped(self) -> tuple[Reading, ...]:
        return self._of(Status.SKIPPED)

    @property
    def passed(self) -> tuple[Reading, ...]:
        return self._of(Status.PASSED)

    def _of(self, *statuses: Status) -> tuple[Reading, ...]:
        return tuple(check for check in self.checks if check.status in statuses)


def read(report: Report) -> Reader:
    """The report in words."""
    scored = report.score is not None
    earned = sum(safe.number(check.points) for check in report.checks if check.status is Status.PASSED)
    return Reader(
        exercise=safe.line(report.exercise, 120),
        title=safe.line(report.title, 200),
        status=report.status,
        score=score(report),
        share=_share(report),
        next=next_step(report),
        checks=tuple(_reading(check, scored) for check in report.checks),
        passed_points=points(earned) if scored else "",
        footer=_footer(report),
    )


def score(report: Report) -> str:
    """``8.5 of 10 points``, or that there is no score."""
    if report.score is None:
        return "No score: the grader could not judge every check"
    return f"{amount(report.score)} of {points(report.max_score)}"


def next_step(report: Report) -> str:
    """What to do next, in a sentence or two.

    If checks were skipped, it names the first one that failed, since others wait for it; else the one that cost most.
    """
    if report.status is Status.ERROR:
        errors = [check for check in report.checks if check.status is Status.ERROR]
        if errors and all(check.evidence.get("seen") == IMAGE_ALONE for check in errors):
            return (
                f"{_count(len(errors), 'check')} of {len(report.checks)} cannot be judged from {IMAGE_ALONE}. "
                "For a score, grade the folder that it is built from."
            )
        return (
            "This is not the submission's fault, and nothing is recorded. "
            "Run 'lab doctor' to see what is wrong, then grade again."
        )
    lost = [check for check in report.checks if check.status in _LOST]
    waiting = sum(check.status is Status.SKIPPED for check in report.checks)
    if not lost:
        return "Every check passed. Go on when you like." if not waiting else "Some checks were skipped: see why below."
    first = lost[0] if waiting else max(lost, key=lambda check: check.max_points - check.points)
    where = next((words for place in places(first.evidence)[:PLACES] if (words := spot(place).where)), "")
    name = f"“{safe.line(first.title, 120)}”" + (f" ({where.partition(', ')[0]})" if where else "")
    if waiting:
        return f"Start with {name}: {_count(waiting, 'other check')} {'waits' if waiting == 1 else 'wait'} for it."
    worth = points(first.max_points - first.points)
    if len(lost) == 1:
        return f"One thing is left: {name}, for {worth}."
    return f"Start with {name}: it costs the most, {worth}."


def amount(number: float) -> str:
    """Points without trailing zeros: ``8.5``, ``10``, ``0.25``."""
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


def story(check: Reading) -> str:
    """A check as plain text in several lines, for formats that have only one text."""
    places = [f"{spot.where} {spot.text}".strip() for spot in check.where]
    rows = [
        ("", check.message),
        ("points: ", check.points),
        ("expected: ", check.expected),
        ("found: ", check.found),
        *(("where: ", place) for place in places),
        *(("", f"… and {check.more_places} more") for _ in range(bool(check.more_places))),
        ("hint: ", check.hint),
        ("read: ", check.lesson),
    ]
    return "\n".join(name + text for name, text in rows if text)


def _share(report: Report) -> float | None:
    if report.score is None:
        return None
    return min(1.0, max(0.0, safe.number(report.score) / (safe.number(report.max_score) or 1.0)))


def _reading(check: CheckResult, scored: bool) -> Reading:
    evidence = check.evidence
    where = places(evidence)
    facts, tables = details(evidence)
    return Reading(
        id=safe.line(check.id, 80),
        title=safe.line(check.title, 200),
        status=check.status,
        points=f"{amount(check.points)} of {amount(check.max_points)}" if scored else "",
        message=safe.passage(check.message, 1000),
        expected=safe.passage(evidence.get("expected") or "", 600),
        found=safe.passage(evidence.get("found") or "", 1000),
        where=tuple(map(spot, where[:PLACES])),
        more_places=max(0, len(where) - PLACES),
        facts=facts,
        tables=tables,
        hint=safe.line(check.hint or "", 400),
        lesson=lesson(check.lesson),
        anchor=safe.line(check.lesson or "", 120),
    )


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
