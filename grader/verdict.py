"""The vocabulary of grading: Status, Place, Verdict (one check's judgement), CheckResult, Report.

A check returns a Verdict. grade.py turns it into a CheckResult by adding title and points, and collects a Report.
Text that comes from a submission is untrusted: every string is cleaned here, once, on its way into a CheckResult
(control codes removed, length bounded), so that a report format has only its own escaping to do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

SCHEMA = 1
MAX_TEXT = 2_000
"""Characters kept of any one string in a report."""
IMAGE_ALONE = "an image alone"
"""What stands as `seen` in the evidence of an error, where an image was handed in and the check needs its folder."""
MAX_ITEMS = 200
"""Items kept of any one list or table in a report."""
MAX_DEPTH = 10
"""How deep lists and tables in a report may nest; what is deeper is left out."""


class Status(StrEnum):
    """What became of a check. `error` is the grader's fault and leaves the report without a score."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True)
class Place:
    """Where something was seen. Only what is known is set."""

    file: str | None = None
    line: int | None = None
    step: str | None = None
    layer: int | None = None
    path: str | None = None
    bytes: int | None = None
    text: str | None = None
    """What stands or was found there, in the submission's own words."""

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Verdict:
    """One check's judgement: a status, the fraction of the points earned (0 to 1), a message, and the evidence.

    `message` is one or two sentences a learner can act on, without the answer. `expected` and `found` are short
    phrases; `where` lists the places; `details` holds what only this kind knows, as JSON values (rebuild: the steps).
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
        """Passed, partial or failed, by the fraction earned (cut to 0..1; not a number is a fault)."""
        if math.isnan(fraction):
            raise ValueError("a fraction that is not a number")
        fraction = min(1.0, max(0.0, fraction))
        status = Status.PASSED if fraction == 1.0 else Status.FAILED if fraction == 0.0 else Status.PARTIAL
        return cls(status, fraction, message, **more)

    @property
    def evidence(self) -> dict[str, Any]:
        """expected, found, where and details as one JSON object, leaving out what is empty."""
        shown: dict[str, Any] = {"expected": self.expected, "found": self.found}
        shown["where"] = [place.to_dict() for place in self.where]
        return {key: value for key, value in shown.items() if value} | dict(self.details)


@dataclass(frozen=True)
class CheckResult:
    """A check as it stands in the report. Points are rounded to two decimals."""

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

        A partial verdict never rounds up to full points, nor down to none where points allow it.
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
        """The result that `to_dict` wrote. KeyError, TypeError or ValueError where it is none."""
        evidence = raw["evidence"]
        if not isinstance(evidence, Mapping):
            raise TypeError("evidence is no object")
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
    """All checks of one grading. `seconds` is the wall time; `engine` and `image` are empty where none was used."""

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
        """Points earned, or None where the grader failed: then there is no score."""
        if self.status is Status.ERROR:
            return None
        return round(sum(check.points for check in self.checks), 2)

    @property
    def status(self) -> Status:
        """error if any check is; passed when every check passed; failed when nothing was earned; else partial."""
        if not self.checks or any(check.status is Status.ERROR for check in self.checks):
            return Status.ERROR
        if all(check.status is Status.PASSED for check in self.checks):
            return Status.PASSED
        return Status.PARTIAL if any(check.points > 0 for check in self.checks) else Status.FAILED

    @property
    def exit_code(self) -> int:
        """0 full marks; 1 some points lost; 3 the grader or the engine failed."""
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
        """The report that `to_dict` wrote. ValueError where it is none, is of another schema, or contradicts itself."""
        try:
            if raw["schema"] != SCHEMA:
                raise ValueError(f"schema {raw['schema']!r}, known: {SCHEMA}")
            report = cls(
                exercise=str(raw["exercise"]),
                title=str(raw["title"]),
                checks=[CheckResult.from_dict(check) for check in raw["checks"]],
                engine=dict(raw["engine"]),
                image=dict(raw["image"]),
                seconds=float(raw["seconds"]),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(f"no report: {problem!r}") from None
        if (report.score, str(report.status)) != (raw.get("score"), raw.get("status")):
            raise ValueError("a report whose score or status is not that of its checks")
        return report


# C0 and C1 control characters but newline and tab; overrides and isolates of direction; zero width; lone surrogates.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
# Terminal sequences, removed whole: CSI, OSC (to BEL or ST), and the short ones.
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|[PX^_][^\x1b]{0,4096}(?:\x1b\\)?|[ -/]*[0-~])"
)


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Untrusted text made fit to show: terminal sequences, control codes, direction tricks out, length bounded."""
    text = text[: 4 * limit]
    text = _CONTROL.sub("", _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_value(value: Any, depth: int = MAX_DEPTH) -> Any:
    """`clean` over every string of a JSON value, keys too; what is long or deep is cut, and the cut is said.

    Numbers that JSON has no word for (infinities, not a number) become text.
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
