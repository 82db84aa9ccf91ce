"""Scan whatever a learner names: an image on the engine or in a registry, one in a file, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from grader.errors import EngineUnavailable, GraderError, SubmissionFault, SubmissionUnusable
from grader.facts import inventory, registry
from grader.facts.advisories import SnapshotName
from grader.facts.archive import open_file
from grader.facts.base import LAB
from grader.facts.dockerfile import parse_reference
from grader.facts.engine import Engine
from grader.facts.image import Image
from grader.facts.inventory import Blinding
from grader.facts.kept import Kept
from grader.facts.scan import Finding, Scan, scan_folder, scan_image, scan_reference
from grader.submission import private_folder
from grader.verdict import clean
from layerwise.errors import InputError, LabError
from layerwise.stack import environment
from layerwise.stack.catalogue import catalogue


@dataclass(frozen=True)
class Looked:
    """What was scanned, and what was found. `base` is the lab's base image that the lowest `base_layers` are of."""

    what: str
    """"image", "image in a registry", "image in a file" or "folder"."""
    scan: Scan
    blindings: Sequence[Blinding] = ()
    base: str = ""
    base_layers: int = 0

    def of_base(self, finding: Finding) -> bool:
        """Whether the base image brought it."""
        return finding.layer is not None and finding.layer < self.base_layers


def look(name: str, snapshot: SnapshotName | None) -> Looked:
    """Scan what is called `name`: a file or folder of that name comes first, then an image.

    With no snapshot, Trivy's own advisories are used. InputError where there is no such thing; LabError or a
    GraderError where it could not be scanned.
    """
    path = Path(name)
    try:
        if path.is_dir():
            return Looked("folder", scan_folder(path, snapshot))
        if path.is_file():
            return _image("image in a file", Image(lambda: open_file(path), unusable=SubmissionUnusable), snapshot)
        if name.startswith((".", "/", "~")) or name.endswith((".tar", ".tar.gz", ".tgz")):
            raise InputError(f"there is no file or folder {clean(name, 200)}")
        return _on_engine(name, snapshot) or _in_registry(name, snapshot)
    except SubmissionFault as fault:
        raise InputError(str(fault)) from None


def _image(what: str, image: Image, snapshot: SnapshotName | None) -> Looked:
    scan = scan_image(image, snapshot)
    base = _base(scan.layers, image.config.architecture)
    return Looked(what, scan, inventory.find(image, scan), *base)


def _on_engine(name: str, snapshot: SnapshotName | None) -> Looked | None:
    """The image of that name on the lab's engine; None where it has none, or none answers."""
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
            return _image("image", Image(Kept(lambda: engine.save_image(key), folder), name=key), snapshot)


def _in_registry(name: str, snapshot: SnapshotName | None) -> Looked:
    reference = parse_reference(name)
    if reference is None:
        raise InputError(f"{clean(name, 200)} is no image, and no file or folder")
    if registry.digest(reference) is None:
        raise InputError(f"neither the lab's engine nor {reference.registry} has an image {clean(name, 200)}")
    scan = scan_reference(str(reference), snapshot)
    return Looked("image in a registry", scan, (), *_base(scan.layers, "amd64"))


def _base(layers: Sequence[str], architecture: str) -> tuple[str, int]:
    """The base image of the lab that these layers begin with, and how many are its; ("", 0) where none is known."""
    best = ("", 0)
    for name in catalogue():
        own = _served(LAB + name, architecture)
        if len(own) > best[1] and list(layers[: len(own)]) == list(own):
            best = (LAB + name, len(own))
    return best


def _served(name: str, architecture: str) -> Sequence[str]:
    """The layers of a base image; none where it is not there, or cannot be asked for: then it is not told apart."""
    reference = parse_reference(name)
    try:
        return (registry.layers(reference, architecture) if reference else None) or ()
    except (GraderError, SubmissionFault):
        return ()
