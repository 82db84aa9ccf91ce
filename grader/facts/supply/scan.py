"""What a scanner finds in an image: the packages that it lists, and the advisories about them.

Trivy scans offline, with the frozen advisories of one of two snapshots, so that the same image always gives the same
findings. It gets the image as we read it, layer by layer and with verified digests, so that it makes no difference
which engine built it or how it was saved.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError, SubmissionFault, SubmissionUnusable
from grader.facts.advisories import trivydb
from grader.facts.advisories.frozen import SEVERITIES, SnapshotName, snapshot
from grader.facts.supply import trivy
from grader.lib.scratch import private_folder
from grader.lib.text import clean
from grader.lib.units import format_size

if TYPE_CHECKING:
    from grader.facts.facts import Facts
    from grader.facts.image.image import Image

MAX_IMAGE = 10_000_000_000
"""Bytes of the uncompressed layers of the largest image that is scanned."""
GRAVEST_FIRST: Sequence[str] = tuple(reversed(SEVERITIES))


@dataclass(frozen=True)
class ListedPackage:
    """A package that the image lists. `layer` counts from 0, and is None if it is not known."""

    name: str
    version: str
    ecosystem: str
    """As Trivy names it: "debian", "python-pkg", "node-pkg", "gobinary"."""
    path: str
    """The list that names it, without a leading slash; empty for a distribution's own."""
    layer: int | None
    purl: str


@dataclass(frozen=True)
class Vulnerability:
    """An advisory about an installed package. Texts are cleaned."""

    id: str
    package: str
    installed: str
    fixed: str
    """The versions that fix it, as Trivy lists them; empty if none does yet."""
    severity: str
    status: str
    """"fixed", or why it is not: "affected", "will_not_fix"."""
    title: str
    ecosystem: str
    path: str
    layer: int | None
    purl: str
    published: str
    """The day, as YYYY-MM-DD; empty if it is not known."""
    url: str

    @property
    def rank(self) -> int:
        """0 for the gravest severity."""
        return GRAVEST_FIRST.index(self.severity)


@dataclass(frozen=True)
class Scan:
    """What was found. `snapshot` and `date` are None if Trivy's own advisories were used."""

    snapshot: SnapshotName | None
    date: datetime.date | None
    distribution: str
    """The system's family and version, as the scanner sees it: "debian 13.1"; empty for none."""
    layers: Sequence[str]
    """The digests of the image's uncompressed layers, from the bottom."""
    packages: Sequence[ListedPackage]
    findings: Sequence[Vulnerability]
    """The gravest first."""

    def count(self, severity: str) -> int:
        return sum(finding.severity == severity for finding in self.findings)


def scan_of(facts: Facts, name: SnapshotName) -> Scan:
    """Return what the scanner finds in the image that was built, with the advisories of that snapshot."""
    return facts.once(_scan, name)


def _scan(facts: Facts, name: SnapshotName) -> Scan:
    return scan_image(facts.image, name)


def scan_image(image: Image, name: SnapshotName | None) -> Scan:
    """Scan an image with the advisories of a snapshot, or with Trivy's own from the network if `name` is None.

    Raises GraderError if the scanner could not look, SubmissionFault if the image is too large, and what the image
    raises if it cannot be read.
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
    return as_a_container_sees(_read(report, name, [layer.diff_id for layer in image.layers]), image)


def as_a_container_sees(scan: Scan, image: Image) -> Scan:
    """Leave out what is in lists that a later layer took away by putting a link or a file in the place of a folder: the
    scanner knows no other ways than whiteouts, and still reads these."""
    paths = {one.path for one in scan.packages} | {one.path for one in scan.findings}
    paths &= {member.path for layer in image.layers for member in layer.members}
    gone = {path for path in paths if path and image.files.stat(path) is None}
    if not gone:
        return scan
    return replace(
        scan,
        packages=tuple(one for one in scan.packages if one.path not in gone),
        findings=tuple(one for one in scan.findings if one.path not in gone),
    )


def scan_archive(path: Path, name: SnapshotName | None) -> Scan:
    """Scan an image archive on disk. Raises SubmissionUnusable if it is not one."""
    from grader.facts.image.archive import open_file
    from grader.facts.image.image import Image

    return scan_image(Image(lambda: open_file(path), unusable=SubmissionUnusable), name)


def scan_folder(path: Path, name: SnapshotName | None) -> Scan:
    """Scan a folder: what its lock files and requirements name, and what is installed in it."""
    with private_folder() as folder:
        return _read(_run(["filesystem", str(path.absolute())], folder, name), name, ())


def scan_reference(reference: str, name: SnapshotName | None) -> Scan:
    """Scan an image in a registry. The scanner itself fetches it, with the logins of DOCKER_CONFIG."""
    if reference.startswith("-"):
        raise SubmissionUnusable(f"{reference!r} is not the name of an image")
    with private_folder() as folder:
        report = _run(["image", "--image-src=remote", reference], folder, name)
    layers = _table(report.get("Metadata")).get("DiffIDs") or ()
    return _read(report, name, [str(layer) for layer in layers])


def _run(words: Sequence[str], folder: Path, name: SnapshotName | None) -> Mapping[str, Any]:
    if name is None:
        return trivy.run(words, folder=folder, own=trivydb.cache_root() / "own")
    return trivy.run(words, folder=folder, database=trivydb.folder(name))


def _read(report: Mapping[str, Any], name: SnapshotName | None, layers: Sequence[str]) -> Scan:
    """Read Trivy's report. Raises GraderError if it does not have the form of one."""
    places = {digest: place for place, digest in reversed(list(enumerate(layers)))}
    packages: list[ListedPackage] = []
    findings: list[Vulnerability] = []
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


def _package(raw: Mapping[str, Any], kind: str, where: str, places: Mapping[str, int]) -> ListedPackage:
    return ListedPackage(
        name=clean(str(raw["Name"]), 200),
        version=clean(_version(raw), 100),
        ecosystem=kind,
        path=clean(str(raw.get("FilePath") or where), 300),
        layer=_layer(raw, places),
        purl=clean(str(_table(raw.get("Identifier")).get("PURL") or ""), 400),
    )


def _version(raw: Mapping[str, Any]) -> str:
    """Return the version of a package; Trivy gives that of a distribution's package in parts."""
    version, release, epoch = raw.get("Version") or "", raw.get("Release") or "", raw.get("Epoch") or 0
    return (f"{epoch}:" if epoch else "") + version + (f"-{release}" if release else "")


def _finding(raw: Mapping[str, Any], kind: str, where: str, places: Mapping[str, int]) -> Vulnerability:
    severity = str(raw.get("Severity") or "UNKNOWN")
    return Vulnerability(
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
