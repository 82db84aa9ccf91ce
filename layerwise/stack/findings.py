"""What the doctor finds: one diagnosis for each thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: with `warn` the lessons still work, with `fail` they do not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Diagnosis:
    """What was found about one thing, and the cure if it is not ok."""

    subject: str
    level: Level
    found: str
    cure: str = ""


def ok(subject: str, found: str) -> Diagnosis:
    return Diagnosis(subject, Level.OK, found)


def warn(subject: str, found: str, cure: str) -> Diagnosis:
    return Diagnosis(subject, Level.WARN, found, cure)


def fail(subject: str, found: str, cure: str) -> Diagnosis:
    return Diagnosis(subject, Level.FAIL, found, cure)
