"""Software bills of materials: those that are attached to an image, what they list, and what the image holds.

An SBOM may be attached as a Cosign attestation (signed), as a document that names the image as its subject (ORAS,
`cosign attach sbom`), or as the attestation that BuildKit puts into an index next to the image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from grader.errors import SubmissionFault
from grader.facts.registry import referrers, served_image
from grader.facts.registry.documents import Manifest, NotAManifest, Platform
from grader.facts.registry.referrers import Form, Referrer
from grader.facts.registry.repository import Repository
from grader.facts.supply import purl
from grader.facts.supply.cosign import Cosign, KeyUnreadable, Subject
from grader.facts.supply.purl import Package
from grader.facts.supply.scan import scan_image
from grader.facts.supply.signature import named, statement, submitted_key, unreadable_key
from grader.lib.scratch import private_folder
from grader.lib.text import clean

if TYPE_CHECKING:
    from grader.facts.facts import Facts

MAX_LOOKED = 20
"""SBOMs that are read, and other digests of the repository that are looked at."""
MAX_PACKAGES = 200_000
MAX_NESTED = 20
"""How deep components inside components are read."""
_USUAL = Platform("linux", "amd64")


class Format(StrEnum):
    """The standards that are read, both as JSON."""

    CYCLONEDX = "cyclonedx"
    SPDX = "spdx"

    @property
    def label(self) -> str:
        return {"cyclonedx": "CycloneDX", "spdx": "SPDX"}[self]


_PREDICATES = {Format.CYCLONEDX: "https://cyclonedx.org/bom", Format.SPDX: "https://spdx.dev/Document"}


@dataclass(frozen=True)
class Bom:
    """The packages that an SBOM lists, each once."""

    format: Format
    packages: frozenset[Package]


class NoBom(Exception):
    """A document is not an SBOM that can be read; the message says why."""


@dataclass(frozen=True)
class Attachment:
    """An SBOM that is attached to `subject`. `why` says why it cannot be read (then `bom` is None), or does not count.
    `signed` says whether it is an attestation that verifies with the key, and is None without a key."""

    place: str
    form: Form
    subject: str
    names: str
    """The digest that it says it is about; empty if it does not say."""
    bom: Bom | None
    signed: bool | None = None
    why: str = ""


@dataclass(frozen=True)
class Compared:
    """An SBOM compared with what the image holds: `missing` are held and not listed, `strange` listed and not held."""

    held: int
    missing: Sequence[Package]
    strange: Sequence[Package]


@dataclass(frozen=True)
class Sboms:
    """The SBOMs of what was pushed. `image` is the image that they should be about: the one pushed, or one in an index.
    `is_all` says whether all that is attached was looked at. `elsewhere` is another digest of the repository that has
    SBOMs, if this one has none."""

    digest: str
    image: str
    found: Sequence[Attachment]
    is_all: bool
    elsewhere: str | None = None


def sboms_of(facts: Facts, repository: str, tag: str, key: str | None) -> Sboms | None:
    """Return the SBOMs attached to what a tag of a repository names, and None if there is no such tag.

    With `key`, attestations are verified with the public key in that file of the submission. Raises what
    `signatures_of` raises.
    """
    return facts.once(_sboms, repository, tag, key)


def _sboms(facts: Facts, repository: str, tag: str, key: str | None) -> Sboms | None:
    public = submitted_key(facts, key) if key else None
    manifest = facts.manifest(repository, tag)
    return attached_sboms(facts.served(repository), manifest, public, facts.cosign) if manifest else None


def packages_of(facts: Facts, repository: str, digest: str) -> frozenset[Package]:
    """Return the packages that an image of a repository holds, by the scanner's list. Raises as `inventory` does."""
    return facts.once(_packages, repository, digest)


def _packages(facts: Facts, repository: str, digest: str) -> frozenset[Package]:
    return inventory(facts.served(repository), digest)


def attached_sboms(repository: Repository, manifest: Manifest, key: bytes | None, cosign: Cosign) -> Sboms:
    """Return the SBOMs attached to a manifest or, for an index, also to the image in it.

    With a key, each attestation is verified. Raises NoPublicKey if Cosign cannot read the key, NotAManifest if an index
    names no image, GraderError, and RegistryUnavailable.
    """
    image = _image(repository, manifest)
    manifests = list({each.digest: each for each in (manifest, image)}.values())
    things = [(thing, each) for each in manifests for thing in _things(repository, each)]
    read = [(thing, each) for thing, each in things if not thing.unread]
    attachments = filter(None, (_attachment(thing, each, manifests, key, cosign) for thing, each in read))
    found = list(islice(attachments, MAX_LOOKED))
    is_all = len(read) == len(things) and next(attachments, None) is None
    elsewhere = None if found else _elsewhere(repository, [each.digest for each in manifests])
    return Sboms(manifest.digest, image.digest, found, is_all, elsewhere)


def inventory(repository: Repository, digest: str) -> frozenset[Package]:
    """Return the packages that an image holds, by the scanner's list.

    Raises GraderError if the scanner could not look, and what `served_image.image_of` raises if the image is damaged.
    """
    manifest = repository.manifest(digest)
    if manifest is None:
        raise NotAManifest(f"{repository} has no {digest} any more")
    with private_folder() as folder:
        scan = scan_image(served_image.image_of(repository, manifest, folder), "now")
    return frozenset(
        purl.parse(package.purl) or purl.of("", package.name, package.version)
        for package in scan.packages
        if package.version
    )


def compare(bom: Bom, held: frozenset[Package]) -> Compared:
    """Compare package by package. A package that is listed without a type matches any of its name and version."""
    untyped = {package[1:] for package in bom.packages if not package.type}
    loose = {package[1:] for package in bom.packages}
    known = {package[1:] for package in held}
    missing = [
        package
        for package in held
        if package not in bom.packages
        and package[1:] not in untyped
        and not (not package.type and package[1:] in loose)
    ]
    strange = [package for package in bom.packages if package.type and package[1:] not in known]
    return Compared(len(held), sorted(missing), sorted(strange))


def read(data: bytes) -> Bom:
    """Read an SBOM from its JSON. Raises NoBom if it is not one."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise NoBom("it is not JSON") from None
    return of_document(document)


def of_document(document: object) -> Bom:
    """Read an SBOM from its parsed JSON. Raises NoBom if it is neither CycloneDX nor SPDX 2 in JSON."""
    table = _table(document)
    if table.get("bomFormat") == "CycloneDX":
        return Bom(Format.CYCLONEDX, frozenset(islice(_components(table, 0), MAX_PACKAGES)))
    if str(table.get("spdxVersion") or "").startswith("SPDX-2."):
        return Bom(Format.SPDX, frozenset(islice(_spdx(table), MAX_PACKAGES)))
    if isinstance(document, str) or "@context" in table:
        raise NoBom("it is SPDX, but not the JSON of version 2")
    raise NoBom("it is neither CycloneDX nor SPDX")


def _image(repository: Repository, manifest: Manifest) -> Manifest:
    """Return the image of a manifest: from an index the one for linux/amd64, or else the first.

    It is the same on every machine. Raises NotAManifest if an index has no image.
    """
    if not manifest.is_index:
        return manifest
    images = [entry for entry in manifest.manifests if not entry.platform or entry.platform.os != "unknown"]
    entry = manifest.of_platform(_USUAL) or next(iter(images), None)
    if entry is None:
        raise NotAManifest(f"the index {manifest.digest} in {repository} has no image")
    return served_image.fetched(repository, entry)


def _things(repository: Repository, manifest: Manifest) -> Iterator[Referrer]:
    """Return all that is attached to a manifest and may be an SBOM."""
    things = list(referrers.attached_to(repository, manifest.digest))
    if manifest.is_index:
        things += referrers.inside_index(repository, manifest)
    return (thing for thing in things if thing.form is not Form.SIMPLE)


def _elsewhere(repository: Repository, digests: Sequence[str]) -> str | None:
    """Return another digest of the repository that an SBOM is attached to, among the first MAX_LOOKED."""
    others = [digest for digest in referrers.marked(repository.tags(), ("", ".att", ".sbom")) if digest not in digests]
    for digest in others[:MAX_LOOKED]:
        with suppress(SubmissionFault):
            if any(_document(thing) is not None for thing in referrers.attached_to(repository, digest)):
                return digest
    return None


def _attachment(
    thing: Referrer, manifest: Manifest, manifests: Sequence[Manifest], key: bytes | None, cosign: Cosign
) -> Attachment | None:
    """Return None if it is not an SBOM, nor meant to be one."""
    if thing.damaged:
        return Attachment(thing.place, thing.form, manifest.digest, "", None, why=thing.damaged)
    document = _document(thing)
    if document is None:
        return None
    stated = thing.form is not Form.DOCUMENT
    names = named(thing) if stated else ""
    here = Attachment(thing.place, thing.form, manifest.digest, names, None)
    try:
        bom = of_document(document) if stated else read(thing.data)
    except NoBom as problem:
        return _with(here, why=str(problem))
    if stated and names not in [each.digest for each in manifests]:
        return _with(here, bom=bom, why=f"it is about {clean(names, 80) or 'no digest'}")
    if stated and not _is_of(statement(thing), bom.format):
        kind = clean(str(statement(thing).get("predicateType")), 80)
        return _with(here, why=f"it holds {bom.format.label}, but calls itself {kind}")
    if key is None:
        return _with(here, bom=bom)
    if thing.form not in (Form.ENVELOPE, Form.BUNDLE):
        return _with(here, bom=bom, signed=False, why="nobody signed it")
    subject = Subject(manifest.raw, manifest.media_type, manifest.is_index)
    try:
        result = cosign.verify(thing, key, subject, str(statement(thing).get("predicateType")))
    except KeyUnreadable as problem:
        raise unreadable_key(key, problem) from None
    return _with(here, bom=bom, signed=result.good, why=result.why)


def _with(here: Attachment, *, bom: Bom | None = None, signed: bool | None = None, why: str = "") -> Attachment:
    return Attachment(here.place, here.form, here.subject, here.names, bom, signed, why)


def _document(thing: Referrer) -> object:
    """Return the part that may be an SBOM, parsed or as bytes, and None if it is plainly something else."""
    if thing.damaged or thing.form is Form.SIMPLE:
        return None
    if thing.form is not Form.DOCUMENT:
        stated = statement(thing)
        kind = str(stated.get("predicateType") or "")
        predicate = stated.get("predicate")
        if any(kind.startswith(known) for known in _PREDICATES.values()):
            return predicate if predicate is not None else {}
        return predicate if {"bomFormat", "spdxVersion"} & _table(predicate).keys() else None
    kind = thing.media_type.lower()
    return thing.data if any(word in kind for word in ("cyclonedx", "spdx", "sbom")) else None


def _is_of(stated: Mapping[str, Any], wanted: Format) -> bool:
    """Whether the type of a statement is that format, with a version after it or not."""
    return str(stated.get("predicateType")).startswith(_PREDICATES[wanted])


def _components(table: Mapping[str, Any], depth: int) -> Iterator[Package]:
    for component in _list(table.get("components")):
        entry = _table(component)
        package = _package(entry.get("purl"), entry, "version")
        if package and (package.type or entry.get("type") in ("library", "framework", None)):
            yield package
        if depth < MAX_NESTED:
            yield from _components(entry, depth + 1)


def _spdx(table: Mapping[str, Any]) -> Iterator[Package]:
    for item in _list(table.get("packages")):
        entry = _table(item)
        urls = [_table(ref) for ref in _list(entry.get("externalRefs"))]
        url = next((ref.get("referenceLocator") for ref in urls if ref.get("referenceType") == "purl"), None)
        purpose = entry.get("primaryPackagePurpose")
        if (package := _package(url, entry, "versionInfo")) and (package.type or purpose in ("LIBRARY", None)):
            yield package


def _package(url: object, entry: Mapping[str, Any], version: str) -> Package | None:
    if isinstance(url, str) and url:
        return purl.parse(url)
    name, number = entry.get("name"), entry.get(version)
    return purl.of("", name, number) if isinstance(name, str) and isinstance(number, str) and name and number else None


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
