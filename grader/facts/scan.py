"""What a scanner finds in an image: the packages it lists, and the advisories that are about them.

Trivy looks, offline, with the frozen advisories as they were known in one of two snapshots: the same image always gives
the same findings. It is shown the image as we read it, layer by layer, with digests checked, so that it makes no
difference which engine built it or how it was saved.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError, SubmissionFault, SubmissionUnusable
from grader.facts import trivy
from grader.facts.advisories import SEVERITIES, SnapshotName, snapshot, trivydb
from grader.submission import private_folder
from grader.units import format_size
from grader.verdict import clean

if TYPE_CHECKING:
    from grader.facts.image import Image

MAX_IMAGE = 10_000_000_000
"""Bytes of an image's uncompressed layers; a larger one is not written out for the scanner."""
GRAVEST_FIRST: Sequence[str] = tuple(reversed(SEVERITIES))


@dataclass(frozen=True)
class Package:
    """A package that the image lists. `layer` counts from 0, None where it is not known."""

    name: str
    version: str
    ecosystem: str
    """As Trivy names it: "debian", "python-pkg", "node-pkg", "gobinary"."""
    path: str
    """The list that names it, without a leading slash; empty for a distribution's own."""
    layer: int | None
    purl: str


@dataclass(frozen=True)
class Finding:
    """An advisory that is about an installed package. Texts are cleaned."""

    id: str
    package: str
    installed: str
    fixed: str
    """The versions that mend it, as Trivy lists them; empty where none does yet."""
    severity: str
    status: str
    """"fixed", or why it is not: "affected", "will_not_fix"."""
    title: str
    ecosystem: str
    path: str
    layer: int | None
    purl: str
    published: str
    """The day, as YYYY-MM-DD; empty where it is not known."""
    url: str

    @property
    def rank(self) -> int:
        """0 for the gravest severity."""
        return GRAVEST_FIRST.index(self.severity)


@dataclass(frozen=True)
class Scan:
    """What was found. `snapshot` is None, and `date` the database's own, where Trivy's own advisories were used."""

    snapshot: SnapshotName | None
    date: datetime.date | None
    distribution: str
    """The system's family and version, as the scanner understood it: "debian 13.1"; empty for none."""
    layers: Sequence[str]
    """The digests of the image's uncompressed layers, from the bottom."""
    packages: Sequence[Package]
    findings: Sequence[Finding]
    """The gravest first."""

    def count(self, severity: str) -> int:
        return sum(finding.severity == severity for finding in self.findings)


def scan_image(image: Image, name: SnapshotName | None) -> Scan:
    """Scan an image, with the advisories of a snapshot, or (None) with Trivy's own from the network.

    GraderError where nobody could look; SubmissionFault where it is too large, and what the image raises where it
    cannot be read.
    """
    if image.size > MAX_IMAGE:
        raise SubmissionFault(
            f"the image holds {format_size(image.size)}, more than the {format_size(MAX_IMAGE)} that are scanned"
        )
    with private_folder() as folder:
        layout = folder / "image"
        try:
            image.write_layout(layout)
        except OSError as problem:
            raise GraderError(f"the image cannot be written to {folder} ({problem.strerror})") from None
        report = _run(["image", f"--input={layout}"], folder, name)
    return _read(report, name, [layer.diff_id for layer in image.layers])


def scan_archive(path: Path, name: SnapshotName | None) -> Scan:
    """Scan an image archive on disk. SubmissionUnusable where it is none."""
    from grader.facts.archive import open_file
    from grader.facts.image import Image

    return scan_image(Image(lambda: open_file(path), unusable=SubmissionUnusable), name)


def scan_folder(path: Path, name: SnapshotName | None) -> Scan:
    """Scan a folder: what its lock files and requirements name, and what is installed in it."""
    with private_folder() as folder:
        return _read(_run(["filesystem", str(path.absolute())], folder, name), name, ())


def scan_reference(reference: str, name: SnapshotName | None) -> Scan:
    """Scan an image in a registry, asked by the scanner itself with the logins of DOCKER_CONFIG."""
    if reference.startswith("-"):
        raise SubmissionUnusable(f"{reference!r} is no image")
    with private_folder() as folder:
        report = _run(["image", "--image-src=remote", reference], folder, name)
    layers = _table(report.get("Metadata")).get("DiffIDs") or ()
    return _read(report, name, [str(layer) for layer in layers])


def _run(words: Sequence[str], folder: Path, name: SnapshotName | None) -> Mapping[str, Any]:
    if name is None:
        return trivy.run(words, folder=folder, own=trivydb.cache_root() / "own")
    return trivy.run(words, folder=folder, database=trivydb.folder(name))


def _read(report: Mapping[str, Any], name: SnapshotName | None, layers: Sequence[str]) -> Scan:
    """The report in our words. GraderError where it is not shaped like one."""
    places = {digest: place for place, digest in reversed(list(enumerate(layers)))}
    packages: list[Package] = []
    findings: list[Finding] = []
    try:
        for result in report.get("Results") or ():
            kind = clean(str(result.get("Type") or ""), 60)
            where = "" if result.get("Class") == "os-pkgs" else clean(str(result.get("Target") or ""), 300)
            packages += [_package(raw, kind, where, places) for raw in result.get("Packages") or ()]
            findings += [_finding(raw, kind, where, places) for raw in result.get("Vulnerabilities") or ()]
        system = _table(_table(report.get("Metadata")).get("OS"))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise GraderError("the scanner's report cannot be read: is it an up-to-date Trivy?") from None
    family = f"{system.get('Family') or ''} {system.get('Name') or ''}".strip()
    return Scan(
        snapshot=name,
        date=snapshot(name).date if name else None,
        distribution=clean("" if family == "none" else family, 60),
        layers=tuple(layers),
        packages=tuple(sorted(packages, key=lambda one: (one.ecosystem, one.name, one.version, one.path))),
        findings=tuple(sorted(findings, key=lambda one: (one.rank, one.package, one.id, one.installed, one.path))),
    )


def _package(raw: Mapping[str, Any], kind: str, where: str, places: Mapping[str, int]) -> Package:
    return Package(
        name=clean(str(raw["Name"]), 200),
        version=clean(_version(raw), 100),
        ecosystem=kind,
        path=clean(str(raw.get("FilePath") or where), 300),
        layer=_layer(raw, places),
        purl=clean(str(_table(raw.get("Identifier")).get("PURL") or ""), 400),
    )


def _version(raw: Mapping[str, Any]) -> str:
    """Trivy's packages of a distribution have their version in parts."""
    version, release, epoch = raw.get("Version") or "", raw.get("Release") or "", raw.get("Epoch") or 0
    return (f"{epoch}:" if epoch else "") + version + (f"-{release}" if release else "")


def _finding(raw: Mapping[str, Any], kind: str, where: str, places: Mapping[str, int]) -> Finding:
    severity = str(raw.get("Severity") or "UNKNOWN")
    return Finding(
        id=clean(str(raw["VulnerabilityID"]), 100),
        package=clean(str(raw["PkgName"]), 200),
        installed=clean(str(raw.get("InstalledVersion") or ""), 100),
        fixed=clean(str(raw.get("FixedVersion") or ""), 200),
        severity=severity if severity in SEVERITIES else "UNKNOWN",
        status=clean(str(raw.get("Status") or ""), 40),
        title=clean(str(raw.get("Title") or ""), 300),
        ecosystem=kind,
        path=clean(str(raw.get("PkgPath") or where), 300),
        layer=_layer(raw, places),
        purl=clean(str(_table(raw.get("PkgIdentifier")).get("PURL") or ""), 400),
        published=clean(str(raw.get("PublishedDate") or "")[:10]),
        url=clean(str(raw.get("PrimaryURL") or ""), 300),
    )


def _layer(raw: Mapping[str, Any], places: Mapping[str, int]) -> int | None:
    return places.get(str(_table(raw.get("Layer")).get("DiffID") or ""))


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
