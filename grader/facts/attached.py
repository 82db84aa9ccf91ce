"""What is attached to an image's digest in its registry: signatures, attestations, SBOMs.

    sha256-HEX.sig      Cosign 2: each layer a payload that names a digest, its annotation the signature over it
    sha256-HEX.att      Cosign 2: each layer a DSSE envelope, a signed statement about the digest
    sha256-HEX.sbom     Cosign, and deprecated: the layer is an SBOM, signed by nobody
    referrers           manifests that name the digest as their subject (Cosign 3's bundles, ORAS): the registry's own
                        list or, where it keeps none, the index under the tag sha256-HEX
    inside an index     BuildKit: manifests beside the images, each layer a statement that nobody signed

Anybody who may push may attach anything: what is here says nothing yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from grader.errors import SubmissionFault
from grader.facts.registry import Descriptor, Manifest, Repository

MAX_EACH = 50
"""Things looked at of each kind."""
MAX_BYTES = 64 << 20
"""Bytes read of one: an SBOM of a large image, as an attestation, has some."""
MAX_TOTAL = 256 << 20
"""Bytes read of all."""
SIGNATURE = "dev.cosignproject.cosign/signature"
"""The annotation that holds a signature, in base64."""
BUNDLES = "application/vnd.dev.sigstore.bundle"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
STATEMENT = "application/vnd.in-toto+json"
_MARK = re.compile(r"sha256-([0-9a-f]{64})(|\.sig|\.att|\.sbom)")


class Form(StrEnum):
    """In what form a thing is attached."""

    SIMPLE = "simple"
    """A payload, with the signature over it beside it."""
    ENVELOPE = "envelope"
    """A DSSE envelope: a signed statement."""
    BUNDLE = "bundle"
    """A Sigstore bundle around such an envelope."""
    STATEMENT = "statement"
    """A statement that nobody signed."""
    DOCUMENT = "document"
    """A file that nobody signed."""


@dataclass(frozen=True)
class Attached:
    """One thing, as it was served. `place` is the tag or digest it stands under; `damaged` says why it cannot be read,
    and then `data` is empty."""

    place: str
    form: Form
    media_type: str
    """What its manifest calls it and, behind a space, what its layer is called."""
    data: bytes = b""
    signature: str = ""
    damaged: str = ""


class _Place(NamedTuple):
    suffix: str
    form: Form


_TAGS = (_Place(".sig", Form.SIMPLE), _Place(".att", Form.ENVELOPE), _Place(".sbom", Form.DOCUMENT))


def find(repository: Repository, digest: str) -> Sequence[Attached]:
    """Everything attached to a digest. What cannot be read is there as damaged; RegistryUnavailable where the registry
    cannot be asked."""
    return list(_Finder(repository, digest).all())


def beside(repository: Repository, index: Manifest) -> Sequence[Attached]:
    """What BuildKit put into an index beside its images."""
    return list(_Finder(repository, index.digest).beside(index))


def marked(tags: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """The digests that have something attached, told from all tags of a repository: those that are a digest and one of
    the suffixes, where the empty one stands for what refers to it."""
    found: dict[str, None] = {}
    for tag in tags:
        match = _MARK.fullmatch(tag)
        if match and match[2] in suffixes:
            found[f"sha256:{match[1]}"] = None
    return list(found)


class _Finder:
    def __init__(self, repository: Repository, digest: str) -> None:
        self._repository = repository
        self._digest = digest
        self._left = MAX_TOTAL

    def all(self) -> Iterator[Attached]:
        for place in _TAGS:
            yield from self._under_tag(place)
        yield from self._referring()

    def beside(self, index: Manifest) -> Iterator[Attached]:
        for entry in index.manifests[:MAX_EACH]:
            if entry.annotations.get("vnd.docker.reference.type") == "attestation-manifest":
                yield from self._layers(entry.digest)

    def _under_tag(self, place: _Place) -> Iterator[Attached]:
        tag = self._digest.replace(":", "-") + place.suffix
        try:
            manifest = self._repository.manifest(tag)
        except SubmissionFault as fault:
            yield Attached(tag, place.form, "", damaged=str(fault))
            return
        for layer in manifest.layers[:MAX_EACH] if manifest else ():
            yield self._read(tag, layer, place.form, "")

    def _referring(self) -> Iterator[Attached]:
        try:
            listed = self._repository.referrers(self._digest)
        except SubmissionFault as fault:
            yield Attached(self._digest.replace(":", "-"), Form.BUNDLE, "", damaged=str(fault))
            return
        for entry in listed[:MAX_EACH]:
            yield from self._layers(entry.digest, subject=self._digest)

    def _layers(self, digest: str, subject: str | None = None) -> Iterator[Attached]:
        """What a manifest holds; of one that should have that subject, nothing where it has another."""
        try:
            manifest = self._repository.manifest(digest)
        except SubmissionFault as fault:
            yield Attached(digest, Form.BUNDLE, "", damaged=str(fault))
            return
        # A list under a tag is written by whoever pushes; what counts is what the manifest itself says.
        if manifest and subject in (None, manifest.subject and manifest.subject.digest):
            for layer in manifest.layers[:MAX_EACH]:
                yield self._read(digest, layer, _form(layer.media_type), manifest.artifact_type)

    def _read(self, place: str, layer: Descriptor, form: Form, artifact: str) -> Attached:
        kind = f"{artifact} {layer.media_type}"
        try:
            data = self._repository.blob(layer.digest, min(MAX_BYTES, self._left))
        except SubmissionFault as fault:
            return Attached(place, form, kind, damaged=str(fault))
        self._left -= len(data)
        return Attached(place, form, kind, data, layer.annotations.get(SIGNATURE, ""))


def _form(media_type: str) -> Form:
    if media_type.startswith(BUNDLES):
        return Form.BUNDLE
    return {ENVELOPE: Form.ENVELOPE, STATEMENT: Form.STATEMENT}.get(media_type, Form.DOCUMENT)
