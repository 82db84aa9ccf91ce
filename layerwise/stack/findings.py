"""What the doctor says: one finding for each thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`warn` leaves the lessons working; `fail` does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, and for what is not ok, the cure."""

    subject: str
    level: Level
    found: str
    cure: str = ""


def ok(subject: str, found: str) -> Finding:
    return Finding(subject, Level.OK, found)


def warn(subject: str, found: str, cure: str) -> Finding:
    return Finding(subject, Level.WARN, found, cure)


def fail(subject: str, found: str, cure: str) -> Finding:
    return Finding(subject, Level.FAIL, found, cure)
