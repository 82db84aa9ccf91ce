"""`scan`: a scanner finds no more in the image than is allowed, and was not blinded.

Trivy looks, with advisories that are frozen at a day: the same image gets the same grade next year. Findings are
counted as it counts them, one for each advisory and installed package. What a submission excepts, with a reason and an
expiry date, does not count; dates are held against the snapshot's day, never against a clock.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from grader.beside import Work
from grader.checks import CheckParams
from grader.verdict import Place, Verdict, clean

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.exceptions import Entry
    from grader.facts.inventory import Blinding
    from grader.facts.scan import Finding, Scan

SHOWN = 20
"""Findings shown."""
REASON = 20
"""Characters that a reason has at least."""
DAYS = 180
"""Days after the snapshot's that an exception may last at most."""

Limit = Annotated[int, Field(strict=True, ge=0)]


class Params(CheckParams):
    """`max`: findings allowed of each severity; one that is not named is not limited.

    With `ignore_unfixed`, what no version mends does not count. With `require_sbom`, the image must list packages at
    all. `exceptions`: a `.trivyignore.yaml` of the submission, `allowed`: the ids that it may name. `snapshot`: the day
    whose advisories count.
    """

    work: ClassVar[Work] = Work.LOOKS
    max: Annotated[dict[Literal["critical", "high", "medium", "low", "unknown"], Limit], Field(min_length=1)]
    ignore_unfixed: Annotated[bool, Field(strict=True)] = False
    require_sbom: Annotated[bool, Field(strict=True)] = False
    exceptions: Annotated[str, Field(min_length=1)] | None = None
    allowed: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    snapshot: Literal["now", "then"] = "now"

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.allowed and self.exceptions is None:
            raise ValueError("allowed needs exceptions: the file that may name these ids")
        return self


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed when every limit is kept; else the share of the limits that are, from the gravest on down to the first
    that is not. Failed, whatever was found, where the scanner could not see what the image holds."""
    scan = facts.scan(params.snapshot)
    blinded = facts.blindings(params.snapshot)
    if blinded:
        return _blinded(facts, blinded)
    if unknown := _unknown(scan):
        return Verdict.failed(unknown, expected="a system that the advisories cover", found=scan.distribution)
    if params.require_sbom and not scan.packages:
        return Verdict.failed(
            "The scanner found no list of packages in the image: what it holds cannot be told, so nobody can say that "
            "it is clean.",
            expected="at least one list of packages",
            found="none",
        )
    applied, refused = _exceptions(facts, params, scan)
    counted, excepted = [], 0
    for finding in scan.findings:
        if params.ignore_unfixed and not finding.fixed:
            continue
        if any(entry.covers(finding) for entry in applied):
            excepted += 1
            continue
        counted.append(finding)
    return _judged(params, scan, counted, excepted, refused)


def _judged(
    params: Params, scan: Scan, counted: Sequence[Finding], excepted: int, refused: Sequence[tuple[str, str]]
) -> Verdict:
    from grader.facts.scan import GRAVEST_FIRST

    found = {name: sum(one.severity == name for one in counted) for name in GRAVEST_FIRST}
    limits = {name: params.max[name.lower()] for name in GRAVEST_FIRST if name.lower() in params.max}  # type: ignore[index]
    over = [name for name, limit in limits.items() if found[name] > limit]
    details: dict[str, Any] = {
        "snapshot": f"{scan.snapshot}, {scan.date}",
        "packages": len(scan.packages),
        "found": {name.lower(): number for name, number in found.items() if number or name in limits},
        **({"excepted": excepted} if excepted else {}),
        **({"refused": [f"{id_}: {why}" for id_, why in refused]} if refused else {}),
    }
    said = _refusals(refused)
    seen = _numbers({name: found[name] for name in limits})
    if not over:
        return Verdict.passed(f"The scanner finds {seen}: within the limits.{said}", found=seen, details=details)
    met = list(limits).index(over[0])
    shown = [one for one in counted if one.severity in over]
    fixed = sum(bool(one.fixed) for one in shown)
    hint = f" For {fixed} of these {len(shown)} there is a version that mends it." if fixed else ""
    return Verdict.share(
        met / len(limits),
        f"The scanner finds {_numbers({name: found[name] for name in over})}, more than is allowed.{hint}{said}",
        expected="at most " + _numbers(limits),
        found=seen,
        where=[_place(one) for one in shown[:SHOWN]],
        details=details,
    )


def _numbers(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name.lower()}" for name, number in numbers.items())


def _place(finding: Finding) -> Place:
    mended = f"mended by {finding.fixed}" if finding.fixed else f"nothing mends it ({finding.status or 'unknown'})"
    about = f"{finding.id} {finding.severity.lower()}: {finding.package} {finding.installed}"
    return Place(
        layer=None if finding.layer is None else finding.layer + 1,
        path=f"/{finding.path}" if finding.path else None,
        text=f"{about}, {mended}. {finding.title}",
    )


def _unknown(scan: Scan) -> str:
    """Why nothing can be said of the system's packages; empty where it can."""
    from grader.facts.advisories import DISTRIBUTIONS

    family, _, release = scan.distribution.partition(" ")
    if not family or f"{family} {release.partition('.')[0]}" in DISTRIBUTIONS:
        return ""
    if not any(package.ecosystem == family for package in scan.packages):
        return ""
    return (
        f"Its system is {clean(scan.distribution, 60)}, and the course's advisories know Debian 12 and 13 only: "
        "nothing found there means nothing known. Build on another base image."
    )


def _blinded(facts: Facts, blinded: Sequence[Blinding]) -> Verdict:
    first, layers = blinded[0], facts.image.layers
    more = f", and for {len(blinded) - 1} more" if len(blinded) > 1 else ""
    return Verdict.failed(
        f"The scanner was blinded: it reads package lists, and for {clean(first.package, 100)}{more} the image has the "
        "files but no list that says so. What it does not see is still there.",
        expected="package lists that name what the image holds",
        found=f"{len(blinded)} that do{'es' if len(blinded) == 1 else ''} not",
        where=[
            Place(
                layer=None if one.layer is None else one.layer + 1,
                path=f"/{one.path}",
                step=clean(layers[one.layer].instruction, 80) or None if one.layer is not None else None,
                text=f"{clean(one.package, 100)}: {clean(one.how, 200)}",
            )
            for one in blinded[:SHOWN]
        ],
    )


def _exceptions(facts: Facts, params: Params, scan: Scan) -> tuple[list[Entry], list[tuple[str, str]]]:
    """The entries that hold, and the ids of the others with what is wrong with each."""
    from grader.facts.exceptions import MAX_FILE, parse

    if params.exceptions is None or scan.date is None:
        return [], []
    text = facts.submitted_file(params.exceptions, MAX_FILE + 1)
    if text is None:
        return [], []
    applied, refused = [], []
    for entry in parse(text, params.exceptions):
        wrong = _wrong(entry, params, scan.date)
        if wrong:
            refused.append((entry.id, wrong))
        else:
            applied.append(entry)
    return applied, refused


def _wrong(entry: Entry, params: Params, day: datetime.date) -> str:
    """What an entry lacks; empty where it holds."""
    if entry.id not in params.allowed:
        return "not one that may be excepted here"
    if len(entry.statement) < REASON or len(entry.statement.split()) < 3:
        return f"it gives no reason: a statement of at least {REASON} characters"
    if entry.expires is None:
        return "it has no expired_at, a date such as 2026-12-31"
    if entry.expires <= day:
        return f"it expired on {entry.expires}: the snapshot is of {day}"
    if entry.expires > day + datetime.timedelta(days=DAYS):
        return f"it lasts to {entry.expires}, more than {DAYS} days after the snapshot, which is of {day}"
    return ""


def _refusals(refused: Sequence[tuple[str, str]]) -> str:
    if not refused:
        return ""
    id_, why = refused[0]
    more = f" So {'is' if len(refused) == 2 else 'are'} {len(refused) - 1} more." if len(refused) > 1 else ""
    return f" The exception for {id_} is not applied: {why}.{more}"
