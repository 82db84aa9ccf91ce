"""Scan whatever a learner names: an image on the engine, in a registry or in a file, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from grader.errors import EngineUnavailable, SubmissionFault, SubmissionUnusable
from grader.facts.advisories.frozen import SnapshotName
from grader.facts.build.base import base_among
from grader.facts.dockerfile.reference import parse_reference
from grader.facts.engine.engine import Engine
from grader.facts.image.archive import open_file
from grader.facts.image.cached_archive import CachedArchive
from grader.facts.image.image import Image
from grader.facts.inventory.evidence import HiddenPackage
from grader.facts.inventory.hidden import hidden_packages
from grader.facts.registry import lookup
from grader.facts.supply.scan import Scan, Vulnerability, scan_folder, scan_image, scan_reference
from grader.lib.scratch import private_folder
from grader.lib.text import clean
from layerwise.errors import InputError, LabError
from layerwise.stack import environment
from layerwise.stack.catalogue import catalogue


@dataclass(frozen=True)
class ScanTarget:
    """What was scanned, and what was found. `base` is the lab's base image with the lowest `base_layers` layers."""

    what: str
    """"image", "image in a registry", "image in a file" or "folder"."""
    scan: Scan
    hidden: Sequence[HiddenPackage] = ()
    base: str = ""
    base_layers: int = 0

    def of_base(self, finding: Vulnerability) -> bool:
        """Whether it comes from the base image."""
        return finding.layer is not None and finding.layer < self.base_layers


def scan_target(name: str, snapshot: SnapshotName | None) -> ScanTarget:
    """Scan the file or folder called `name`, or else the image of that name.

    Without a snapshot, Trivy's own advisories are used. Raises InputError if nothing has that name, and LabError or a
    GraderError if it could not be scanned.
    """
    path = Path(name)
    try:
        if path.is_dir():
            return ScanTarget("folder", scan_folder(path, snapshot))
        if path.is_file():
            return _image("image in a file", Image(lambda: open_file(path), unusable=SubmissionUnusable), snapshot)
        if name.startswith((".", "/", "~")) or name.endswith((".tar", ".tar.gz", ".tgz")):
            raise InputError(f"there is no file or folder {clean(name, 200)}")
        return _on_engine(name, snapshot) or _in_registry(name, snapshot)
    except SubmissionFault as fault:
        raise InputError(str(fault)) from None


def _image(what: str, image: Image, snapshot: SnapshotName | None, engine: Engine | None = None) -> ScanTarget:
    scan = scan_image(image, snapshot)
    base = base_among(scan.layers, tuple(catalogue()), architecture=image.config.architecture, engine=engine)
    return ScanTarget(what, scan, hidden_packages(image, scan), base.reference, base.layers)


def _on_engine(name: str, snapshot: SnapshotName | None) -> ScanTarget | None:
    """The image of that name on the lab's engine; None if it has no such image, or does not answer."""
    try:
        environment.activate()
        engine = Engine.connect()
    except (LabError, EngineUnavailable):
        return None
    with closing(engine):
        try:
            key = str(engine.inspect_image(name)["Id"])
        except KeyError:
            return None
        with private_folder() as folder:
            image = Image(CachedArchive(lambda: engine.save_image(key), folder), name=key)
            return _image("image", image, snapshot, engine)


def _in_registry(name: str, snapshot: SnapshotName | None) -> ScanTarget:
    reference = parse_reference(name)
    if reference is None:
        raise InputError(f"{clean(name, 200)} is not the name of an image, and there is no such file or folder")
    if lookup.digest(reference) is None:
        raise InputError(f"neither the lab's engine nor {reference.registry} has an image {clean(name, 200)}")
    scan = scan_reference(str(reference), snapshot)
    base = base_among(scan.layers, tuple(catalogue()))
    return ScanTarget("image in a registry", scan, (), base.reference, base.layers)
