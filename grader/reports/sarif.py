"""SARIF 2.1.0, for code-scanning services and editors. `render` writes a report; lint builds on `document`.

In SARIF's plain text, `[text](target)` is a link and `{0}` a placeholder. Messages escape both, since no text from a
submission may become either. Paths are relative to the submission's folder and percent-encoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from grader.reports import safe
from grader.reports.evidence import places
from grader.reports.reading import lesson
from grader.verdict import CheckResult, Place, Report, Status

SCHEMA = "https://json.schemastore.org/sarif-2.1.0-rtm.5.json"
PLACES = 20
"""The most locations written for one result."""

Level = Literal["error", "warning", "note", "none"]


@dataclass(frozen=True)
class SarifRule:
    """What is checked: an id, one line about it, and the lesson to read (`02-caching#order`)."""

    id: str
    text: str
    lesson: str | None = None


@dataclass(frozen=True)
class SarifResult:
    """One thing found. `open` means that it could not be decided; its level is then none, as SARIF demands."""

    rule: str
    level: Level
    message: str
    where: Sequence[Place] = ()
    open: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Something that kept the tool from looking. With even one of these, the run did not succeed."""

    message: str
    where: Sequence[Place] = ()


def document(
    findings: Sequence[SarifResult],
    rules: Sequence[SarifRule],
    *,
    failures: Sequence[Failure] = (),
    properties: Mapping[str, Any] | None = None,
) -> str:
    """One SARIF run as JSON text. The rule of every finding must be one of the rules."""
    shown = {rule.id: _rule(rule) for rule in rules}
    once = _once(shown.values())
    index = {name: once.index(rule) for name, rule in shown.items()}
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "Layerwise", "rules": once}},
        "invocations": [_invocation(failures)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index[finding.rule]) for finding in findings],
    }
    if properties:
        run["properties"] = safe.value(properties)
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, allow_nan=False) + "\n"


def render(report: Report) -> str:
    """The report as SARIF: a result for each check that lost points, and for each that could not be judged.

    A report without a score is a run that did not succeed, so that nobody takes its silence for a clean result.
    """
    found = [check for check in report.checks if check.status in _LEVELS]
    failures = [_failure(check) for check in report.checks if check.status is Status.ERROR]
    if report.status is Status.ERROR and not failures:
        failures = [Failure("No check was run.")]
    about = {
        "exercise": safe.line(report.exercise),
        "status": report.status,
        "score": report.score,
        "maxScore": report.max_score,
    }
    return document(
        [_finding(check) for check in found],
        list({check.id: SarifRule(check.id, check.title, check.lesson) for check in found}.values()),
        failures=failures,
        properties=about,
    )


_LEVELS: Mapping[Status, Level] = {Status.FAILED: "error", Status.PARTIAL: "warning", Status.ERROR: "none"}


def _finding(check: CheckResult) -> SarifResult:
    about: dict[str, Any] = {"kind": safe.line(check.kind, 80)}
    if check.status is not Status.ERROR:
        about |= {"points": check.points, "maxPoints": check.max_points}
    evidence = check.evidence
    parts = [safe.block(check.message, 1000)]
    parts += [
        f"{name.capitalize()}: {text}"
        for name in ("expected", "found")
        if (text := safe.block(evidence.get(name) or "", 600))
    ]
    return SarifResult(
        rule=check.id,
        level=_LEVELS[check.status],
        message="\n".join(parts),
        where=_places(check),
        open=check.status is Status.ERROR,
        properties=about,
    )


def _failure(check: CheckResult) -> Failure:
    return Failure(f"{safe.line(check.title)}: {safe.block(check.message, 1000)}", _places(check))


def _places(check: CheckResult) -> list[Place]:
    known = set(Place.__dataclass_fields__)
    return [
        Place(**{key: item for key, item in place.items() if key in known})
        for place in places(check.evidence)[:PLACES]
        if isinstance(place, Mapping)
    ]


def _rule(rule: SarifRule) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": safe.line(rule.id), "shortDescription": {"text": _message(safe.line(rule.text))}}
    if read := lesson(rule.lesson):
        shown["help"] = {"text": _message(f"Read {read}.")}
    return shown


def _result(finding: SarifResult, index: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ruleId": safe.line(finding.rule),
        "ruleIndex": index,
        "kind": "open" if finding.open else "fail",
        "level": "none" if finding.open else finding.level,
        "message": {"text": _message(finding.message)},
        "locations": _locations(finding.where),
    }
    if finding.properties:
        shown["properties"] = safe.value(finding.properties)
    return shown


def _invocation(failures: Sequence[Failure]) -> dict[str, Any]:
    if not failures:
        return {"executionSuccessful": True}
    notes = [
        {"level": "error", "message": {"text": _message(failure.message)}, "locations": _locations(failure.where)}
        for failure in failures
    ]
    return {"executionSuccessful": False, "toolExecutionNotifications": notes}


def _locations(where: Sequence[Place]) -> list[dict[str, Any]]:
    return _once(shown for place in where[:PLACES] if (shown := _location(place)))


def _once(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items in order, without repeats: SARIF's rules, and the locations of a notification, must be unique."""
    found: list[dict[str, Any]] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def _location(place: Place) -> dict[str, Any]:
    """A SARIF location: physical for a file of the submission, logical for a step, a layer or a path in the image."""
    shown: dict[str, Any] = {}
    if file := safe.line(place.file or "", 1000):
        physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
        if isinstance(place.line, int) and 0 < place.line < 2**31:
            physical["region"] = {"startLine": int(place.line)}
        shown["physicalLocation"] = physical
    parts = [
        f"step {safe.line(place.step)}" if place.step else "",
        f"layer {safe.value(place.layer)}" if isinstance(place.layer, int) else "",
        safe.line(place.path or "", 1000),
    ]
    if name := ", ".join(part for part in parts if part):
        shown["logicalLocations"] = [{"fullyQualifiedName": name}]
    return shown


def _uri(path: str) -> str:
    """The URI of a path. A relative path stays relative; its colons are encoded, because they would make a scheme."""
    encoded = quote(path.removeprefix("./"), safe="/!$&'()*+,;=@~")
    return f"file://{encoded}" if encoded.startswith("/") else encoded


def _message(text: str) -> str:
    """Plain text without links and placeholders."""
    cleaned = safe.block(text, 3000) or "(no message)"
    return re.sub(r"\{(\d+)\}", r"{{\1}}", cleaned.replace("](", "] ("))
