"""`scan`: a scanner finds no more in the image than is allowed, and nothing is hidden from it.

Trivy scans with advisories that are frozen at a date, so that the same image gets the same grade next year. It counts
one finding for each advisory and installed package. Exceptions of the submission, with a reason and an expiry date, do
not count. Dates are compared with the snapshot's date, never with a clock.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from grader.checks import CheckParams
from grader.facts.inventory.hidden import hidden_packages_of
from grader.facts.supply.scan import scan_of
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.inventory.evidence import HiddenPackage
    from grader.facts.supply.exceptions import Entry
    from grader.facts.supply.scan import Scan, Vulnerability

SHOWN = 20
"""The most findings shown."""
REASON = 20
"""The fewest characters of a reason."""
DAYS = 180
"""The most days after the snapshot's date that an exception may last."""

Limit = Annotated[int, Field(strict=True, ge=0)]


class Params(CheckParams):
    """`max`: findings allowed of each severity. A severity that is not named has no limit.

    With `ignore_unfixed`, findings without a fixed version do not count. With `require_sbom`, the image must have a
    list of packages. `exceptions`: a `.trivyignore.yaml` in the submission. `allowed`: the ids that it may name.
    `snapshot`: which advisories to use.
    """

    work: ClassVar[Workload] = Workload.LOOKS
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
    """Passed if every limit is kept. Else the share of the limits that are kept, counted from the gravest severity down
    to the first that is not. Failed in any case if something in the image is hidden from the scanner."""
    scan = scan_of(facts, params.snapshot)
    if hidden := hidden_packages_of(facts, params.snapshot):
        return _hidden(facts, hidden)
    if unknown := _unknown(scan):
        return Verdict.failed(unknown, expected="a system that the advisories cover", found=scan.distribution)
    if params.require_sbom and not scan.packages:
        return Verdict.failed(
            "The scanner found no list of packages in the image, so nobody can tell whether the image is clean.",
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
    params: Params, scan: Scan, counted: Sequence[Vulnerability], excepted: int, refused: Sequence[tuple[str, str]]
) -> Verdict:
    from grader.facts.supply.scan import GRAVEST_FIRST

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
    hint = f" There is a fixed version for {fixed} of these {len(shown)}." if fixed else ""
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


def _place(finding: Vulnerability) -> Place:
    fix = f"fixed in {finding.fixed}" if finding.fixed else f"no fixed version ({finding.status or 'unknown'})"
    about = f"{finding.id} {finding.severity.lower()}: {finding.package} {finding.installed}"
    return Place(
        layer=None if finding.layer is None else finding.layer + 1,
        path=f"/{finding.path}" if finding.path else None,
        text=f"{about}, {fix}. {finding.title}",
    )


def _unknown(scan: Scan) -> str:
    """Why nothing can be said about the system's packages. Empty if something can."""
    from grader.facts.advisories.frozen import DISTRIBUTIONS

    family, _, release = scan.distribution.partition(" ")
    if not family or f"{family} {release.partition('.')[0]}" in DISTRIBUTIONS:
        return ""
    if not any(package.ecosystem == family for package in scan.packages):
        return ""
    return (
        f"The image's system is {clean(scan.distribution, 60)}, but the course's advisories only cover Debian 12 and "
        "13: finding nothing there proves nothing. Build on another base image."
    )


def _hidden(facts: Facts, hidden: Sequence[HiddenPackage]) -> Verdict:
    first, layers = hidden[0], facts.image.layers
    named = clean(first.package, 100) + (f" and {len(hidden) - 1} more" if len(hidden) > 1 else "")
    return Verdict.failed(
        f"The scanner cannot see everything: it reads package lists, and no list names {named}, "
        f"though {'its' if len(hidden) == 1 else 'their'} files are in the image. What it does not see is still there.",
        expected="package lists that name everything in the image",
        found=f"{len(hidden)} package{'' if len(hidden) == 1 else 's'} in no list",
        where=[
            Place(
                layer=None if one.layer is None else one.layer + 1,
                path=f"/{one.path}",
                step=clean(layers[one.layer].instruction, 80) or None if one.layer is not None else None,
                text=f"{clean(one.package, 100)}: {clean(one.how, 200)}",
            )
            for one in hidden[:SHOWN]
        ],
    )


def _exceptions(facts: Facts, params: Params, scan: Scan) -> tuple[list[Entry], list[tuple[str, str]]]:
    """The entries that apply, and the ids of the others with what is wrong with each."""
    from grader.facts.supply.exceptions import MAX_FILE, parse

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
    """What is wrong with an entry. Empty if it applies."""
    if entry.id not in params.allowed:
        return "this exercise allows no exception for it"
    if len(entry.statement) < REASON or len(entry.statement.split()) < 3:
        return f"it gives no reason, in a statement of at least {REASON} characters"
    if entry.expires is None:
        return "it has no expired_at, with a date such as 2026-12-31"
    if entry.expires <= day:
        return f"it expired on {entry.expires}, and the snapshot is from {day}"
    if entry.expires > day + datetime.timedelta(days=DAYS):
        return f"it lasts until {entry.expires}, more than {DAYS} days after the snapshot's date, {day}"
    return ""


def _refusals(refused: Sequence[tuple[str, str]]) -> str:
    if not refused:
        return ""
    id_, why = refused[0]
    others = len(refused) - 1
    more = f" {others} more {'is' if others == 1 else 'are'} not applied either." if others else ""
    return f" The exception for {id_} is not applied: {why}.{more}"
