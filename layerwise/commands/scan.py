"""`lab scan`: what a scanner finds in an image, a file or a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from layerwise.errors import InputError, LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

    from grader.facts.advisories.frozen import SnapshotName
    from grader.facts.supply.scan import Vulnerability
    from layerwise.scanning import ScanTarget

LEVELS = ("critical", "high", "medium", "low", "unknown")
SHOWN = 200
"""How many findings are listed."""
GRAVE = ("CRITICAL", "HIGH")
"""Severities for which the exit status is 1."""
_STYLES = {"CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "blue", "UNKNOWN": "dim"}


@click.command()
@click.argument("ref", metavar="REF")
@click.option("--snapshot", type=click.Choice(["now", "then"]), default="now", show_default=True,
              help="Which of the course's two snapshots is used.")  # fmt: skip
@click.option(
    "--live", is_flag=True, help="Use Trivy's own advisories of today, from the network, instead of the course's."
)
@click.option("--severity", type=click.Choice(LEVELS), default="unknown", show_default=True,
              help="The lowest severity that is shown and counts.")  # fmt: skip
@click.option("--ignore-unfixed", is_flag=True, help="Leave out vulnerabilities that no version fixes.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON on standard output, and nothing else.")
def command(ref: str, snapshot: SnapshotName, live: bool, severity: str, ignore_unfixed: bool, as_json: bool) -> int:
    """Scan REF for known vulnerabilities: an image on the lab's engine, in a registry or saved as a file, or a folder.

    The course's advisories are a frozen snapshot for teaching: the same image gives the same findings next year. For
    images that matter, use --live. If a file or folder is called REF, it is scanned instead of an image.

    Exit status: 0 nothing of high severity or above; 1 something is, or is hidden from the scanner; 2 there is nothing
    called REF; 3 it could not be scanned.

    \b
    lab scan localhost:5000/me/tides:1.0
    lab scan tides:1.0 --severity high --ignore-unfixed
    lab scan saved.tar --snapshot then --json
    """
    if not ref.strip():
        raise InputError("the name of the image, file or folder to scan is empty")
    from grader.errors import GraderError, UnusableInput
    from layerwise.scanning import scan_target

    try:
        looked = scan_target(ref, None if live else snapshot)
    except UnusableInput:
        raise
    except GraderError as problem:
        if live:
            raise LabError(f"cannot scan with Trivy's own advisories, which come from the network: {problem}") from None
        raise
    kept = LEVELS[: LEVELS.index(severity) + 1]
    findings = [
        finding
        for finding in looked.scan.findings
        if finding.severity.lower() in kept and (finding.fixed or not ignore_unfixed)
    ]
    if as_json:
        click.echo(json.dumps(_document(ref, looked, findings), indent=2))
    else:
        _print(ref, looked, findings)
    return 1 if looked.hidden or any(finding.severity in GRAVE for finding in findings) else 0


def _document(ref: str, looked: ScanTarget, findings: Sequence[Vulnerability]) -> dict[str, Any]:
    from grader.facts.advisories.frozen import advisories
    from grader.lib.text import clean

    scan = looked.scan
    return {
        "schema": 1,
        "notice": advisories().notice if scan.snapshot else "Trivy's own advisories.",
        "snapshot": {"name": scan.snapshot, "date": str(scan.date)} if scan.snapshot else None,
        "scanned": clean(ref, 400),
        "what": looked.what,
        "distribution": scan.distribution,
        "base": looked.base,
        "packages": len(scan.packages),
        "counts": {level: sum(one.severity.lower() == level for one in findings) for level in LEVELS},
        "findings": [
            {
                **{key: value for key, value in vars(finding).items() if key != "layer"},
                "layer": None if finding.layer is None else finding.layer + 1,
                "of": "base" if looked.of_base(finding) else "app",
            }
            for finding in findings
        ],
        "blinded": [{"package": one.package, "path": f"/{one.path}", "how": one.how} for one in looked.hidden],
    }


def _print(ref: str, looked: ScanTarget, findings: Sequence[Vulnerability]) -> None:
    from rich.console import Console
    from rich.text import Text

    from grader.reports import safe

    console, scan = Console(highlight=False), looked.scan
    if scan.snapshot:
        said = f"The course's advisories, frozen on {scan.date} for teaching ({scan.snapshot}): not for production."
    else:
        said = "Trivy's own advisories, as of today."
    _lines(console, Text(said, style="bold"))
    system = scan.distribution or "no distribution with a package list"
    _lines(console, Text(f"{safe.line(ref)}: {looked.what}, {system}, {len(scan.packages)} packages listed"))
    if looked.base:
        _lines(console, Text(f"base image: {looked.base} (the lowest {looked.base_layers} layers)"))
    for one in looked.hidden[:10]:
        _lines(console, Text(f"Hidden from the scanner: {one.package}: {one.how} (/{one.path})", style="magenta"))
    _lines(console, Text())
    if not findings:
        _lines(console, Text("No findings." if scan.packages else "No findings: no packages are listed at all."))
        return
    _summary(console, looked, findings)
    for finding in findings[:SHOWN]:
        _lines(console, *_finding(looked, finding, console.width))
    if len(findings) > SHOWN:
        _lines(console, Text(f"… and {len(findings) - SHOWN} more: --json lists all of them", style="dim"))


def _summary(console: Console, looked: ScanTarget, findings: Sequence[Vulnerability]) -> None:
    """Print how many findings there are of each severity, in the base image and above it."""
    from rich.text import Text

    columns = ("base image", "app", "of these unfixed") if looked.base else ("found", "of these unfixed")
    _lines(console, Text(f"{'':10}" + "".join(f"{name:>{len(name) + 3}}" for name in columns), style="dim"))
    for severity in (level.upper() for level in LEVELS):
        some = [finding for finding in findings if finding.severity == severity]
        if not some:
            continue
        base = sum(looked.of_base(finding) for finding in some)
        numbers = [base, len(some) - base] if looked.base else [len(some)]
        numbers.append(sum(not finding.fixed for finding in some))
        row = "".join(f"{number:>{len(name) + 3}}" for number, name in zip(numbers, columns, strict=True))
        _lines(console, Text(f"{severity:10}", style=_STYLES[severity]) + Text(row, style="default"))
    _lines(console, Text())


def _finding(looked: ScanTarget, finding: Vulnerability, width: int) -> list[Text]:
    """Two lines about a finding: its severity, id, package and place, and below that its title."""
    from rich.text import Text

    fix = f"fixed in {finding.fixed}" if finding.fixed else "no fixed version"
    whose = ("base" if looked.of_base(finding) else "app") if looked.base else ""
    place = (
        ", ".join(part for part in (whose, "" if finding.layer is None else f"layer {finding.layer + 1}") if part)
        or finding.path
    )
    left = Text(f"{finding.severity:10}", style=_STYLES[finding.severity]) + Text(f"{finding.id:16}  ", style="default")
    left.append(f"{finding.package} {finding.installed}, {fix}")
    room = width - len(place) - 2
    if len(left) > room:
        left.truncate(max(20, room), overflow="ellipsis")
    left.append(" " * max(2, width - len(left) - len(place)))
    left.append(place, style="dim")
    title = Text(f"{'':10}{finding.title}", style="dim")
    title.truncate(width, overflow="ellipsis")
    return [left, title]


def _lines(console: Console, *lines: Text) -> None:
    for line in lines:
        console.print(line, soft_wrap=True)
