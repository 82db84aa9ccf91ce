"""The vocabulary of grading: Status, Place, Verdict (the judgement of one check), CheckResult, Report.

A check returns a Verdict. grade.py adds its title and points to make a CheckResult, and collects these in a Report.
Text from a submission is untrusted. Every string is cleaned here, once, on its way into a CheckResult (control codes
removed, length bounded), so a report format only needs to do its own escaping.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from grader.lib.text import clean, clean_value

SCHEMA = 1
IMAGE_ALONE = "an image alone"
"""The value of `seen` in the evidence of an error: an image was handed in, and the check needs its folder."""


class Status(StrEnum):
    """The outcome of a check. `error` is the grader's fault and leaves the report without a score."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True)
class Place:
    """Where something was seen. Only the fields that are known are set."""

    file: str | None = None
    line: int | None = None
    step: str | None = None
    layer: int | None = None
    path: str | None = None
    bytes: int | None = None
    text: str | None = None
    """What was found there, in the submission's own words."""

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Verdict:
    """The judgement of one check: a status, the fraction of the points earned (0 to 1), a message, and the evidence.

    `message` is one or two sentences that a learner can act on, without the answer. `expected` and `found` are short
    phrases, `where` lists places, and `details` holds what only this kind knows, as JSON values (rebuild: the steps).
    """

    status: Status
    fraction: float
    message: str
    expected: str = ""
    found: str = ""
    where: Sequence[Place] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        right = {
            Status.PASSED: self.fraction == 1.0,
            Status.PARTIAL: 0.0 < self.fraction < 1.0,
        }.get(self.status, self.fraction == 0.0)
        if not right:
            raise ValueError(f"a verdict '{self.status}' cannot earn the fraction {self.fraction}")

    @classmethod
    def passed(cls, message: str, **more: Any) -> Verdict:
        return cls(Status.PASSED, 1.0, message, **more)

    @classmethod
    def failed(cls, message: str, **more: Any) -> Verdict:
        return cls(Status.FAILED, 0.0, message, **more)

    @classmethod
    def skipped(cls, message: str, **more: Any) -> Verdict:
        return cls(Status.SKIPPED, 0.0, message, **more)

    @classmethod
    def error(cls, message: str, **more: Any) -> Verdict:
        return cls(Status.ERROR, 0.0, message, **more)

    @classmethod
    def share(cls, fraction: float, message: str, **more: Any) -> Verdict:
        """Passed, partial or failed, by the fraction earned, clamped to 0..1. Raises ValueError for not a number."""
        if math.isnan(fraction):
            raise ValueError("the fraction is not a number")
        fraction = min(1.0, max(0.0, fraction))
        status = Status.PASSED if fraction == 1.0 else Status.FAILED if fraction == 0.0 else Status.PARTIAL
        return cls(status, fraction, message, **more)

    @property
    def evidence(self) -> dict[str, Any]:
        """`expected`, `found`, `where` and `details` as one JSON object, without what is empty."""
        shown: dict[str, Any] = {"expected": self.expected, "found": self.found}
        shown["where"] = [place.to_dict() for place in self.where]
        return {key: value for key, value in shown.items() if value} | dict(self.details)


@dataclass(frozen=True)
class CheckResult:
    """A check in the report. Points are rounded to two decimals."""

    id: str
    kind: str
    title: str
    status: Status
    points: float
    max_points: float
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    hint: str | None = None
    lesson: str | None = None

    @classmethod
    def of(
        cls,
        verdict: Verdict,
        *,
        id: str,  # noqa: A002
        kind: str,
        title: str,
        max_points: float,
        hint: str | None = None,
        lesson: str | None = None,
    ) -> CheckResult:
        """The verdict with its title and points, every string cleaned.

        A partial verdict never rounds up to full points, nor down to none if there are enough points to divide.
        """
        points = round(max_points * verdict.fraction, 2)
        if verdict.status is Status.PARTIAL:
            points = min(max(points, 0.01), round(max_points - 0.01, 2))
        return cls(
            id=id,
            kind=kind,
            title=clean(title),
            status=verdict.status,
            points=max(0.0, points),
            max_points=max_points,
            message=clean(verdict.message),
            evidence=clean_value(verdict.evidence),
            hint=clean(hint) if hint else None,
            lesson=clean(lesson, 200) if lesson else None,
        )

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "status": str(self.status), "evidence": dict(self.evidence)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> CheckResult:
        """The result that `to_dict` wrote. Raises KeyError, TypeError or ValueError if `raw` is not a result."""
        evidence = raw["evidence"]
        if not isinstance(evidence, Mapping):
            raise TypeError("evidence is not an object")
        return cls(
            id=str(raw["id"]),
            kind=str(raw["kind"]),
            title=str(raw["title"]),
            status=Status(raw["status"]),
            points=float(raw["points"]),
            max_points=float(raw["max_points"]),
            message=str(raw["message"]),
            evidence=evidence,
            hint=raw["hint"],
            lesson=raw["lesson"],
        )


@dataclass(frozen=True)
class Report:
    """All checks of one grading. `seconds` is wall time; `engine` and `image` are empty if none was used."""

    exercise: str
    title: str
    checks: Sequence[CheckResult]
    engine: Mapping[str, Any] = field(default_factory=dict)
    image: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def max_score(self) -> float:
        return round(sum(check.max_points for check in self.checks), 2)

    @property
    def score(self) -> float | None:
        """The points earned, or None if the grader failed."""
        if self.status is Status.ERROR:
            return None
        return round(sum(check.points for check in self.checks), 2)

    @property
    def status(self) -> Status:
        """error if any check is; passed if every check passed; failed if nothing was earned; else partial."""
        if not self.checks or any(check.status is Status.ERROR for check in self.checks):
            return Status.ERROR
        if all(check.status is Status.PASSED for check in self.checks):
            return Status.PASSED
        return Status.PARTIAL if any(check.points > 0 for check in self.checks) else Status.FAILED

    @property
    def exit_code(self) -> int:
        """0: full marks; 1: some points lost; 3: the grader or the engine failed."""
        return {Status.PASSED: 0, Status.ERROR: 3}.get(self.status, 1)

    def to_dict(self) -> dict[str, Any]:
        """The report as the published JSON."""
        return {
            "schema": SCHEMA,
            "exercise": self.exercise,
            "title": self.title,
            "score": self.score,
            "max_score": self.max_score,
            "status": str(self.status),
            "checks": [check.to_dict() for check in self.checks],
            "engine": clean_value(dict(self.engine)),
            "image": clean_value(dict(self.image)),
            "seconds": round(self.seconds, 2),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Report:
        """The report that `to_dict` wrote.

        Raises ValueError if `raw` is not a report, has another schema, or contradicts itself.
        """
        try:
            if raw["schema"] != SCHEMA:
                raise ValueError(f"expected schema {SCHEMA}, found {raw['schema']!r}")
            report = cls(
                exercise=str(raw["exercise"]),
                title=str(raw["title"]),
                checks=[CheckResult.from_dict(check) for check in raw["checks"]],
                engine=dict(raw["engine"]),
                image=dict(raw["image"]),
                seconds=float(raw["seconds"]),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(f"not a report: {problem!r}") from None
        if (report.score, str(report.status)) != (raw.get("score"), raw.get("status")):
            raise ValueError("the report's score or status does not follow from its checks")
        return report
