"""What is attached to an image's digest in its registry: signatures, attestations, SBOMs.

    sha256-HEX.sig      Cosign 2: each layer is a payload that names a digest, with the signature in an annotation
    sha256-HEX.att      Cosign 2: each layer is a DSSE envelope, a signed statement about the digest
    sha256-HEX.sbom     Cosign, deprecated: the layer is an SBOM without a signature
    referrers           manifests that name the digest as their subject (Cosign 3's bundles, Cosign 2's signatures
                        with --registry-referrers-mode=oci-1-1, ORAS): the registry's own list or, if it keeps none,
                        the index under the tag sha256-HEX
    inside an index     BuildKit: manifests next to those of images, each layer a statement without a signature

Whoever may push can attach anything, so none of this proves anything yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from grader.errors import SubmissionFault
from grader.facts.registry.documents import Descriptor, Manifest
from grader.facts.registry.repository import Repository

MAX_EACH = 50
"""Things of each kind that are read. If there are more, the last one says so."""
MAX_BYTES = 64 << 20
"""Bytes read of one: the SBOM of a large image, as an attestation, has several million."""
MAX_TOTAL = 256 << 20
"""Bytes read of all together."""
SIGNATURE = "dev.cosignproject.cosign/signature"
"""The annotation that holds a signature, in base64."""
BUNDLES = "application/vnd.dev.sigstore.bundle"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
STATEMENT = "application/vnd.in-toto+json"
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
"""The media type of the layer that holds the payload of a signature."""
_MARK = re.compile(r"sha256-([0-9a-f]{64})(|\.sig|\.att|\.sbom)")


class Form(StrEnum):
    """In what form a thing is attached."""

    SIMPLE = "simple"
    """A payload, and the signature over it."""
    ENVELOPE = "envelope"
    """A DSSE envelope: a signed statement."""
    BUNDLE = "bundle"
    """A Sigstore bundle around a DSSE envelope."""
    STATEMENT = "statement"
    """A statement without a signature."""
    DOCUMENT = "document"
    """A file without a signature."""


@dataclass(frozen=True)
class Referrer:
    """One attached thing, as it was served. `place` is its tag or digest. `damaged` says why it cannot be read, and
    then `data` is empty. One that is `unread` is there for all that were too many to be read."""

    place: str
    form: Form
    media_type: str
    """The artifact type of its manifest, a space, and the media type of its layer."""
    data: bytes = b""
    signature: str = ""
    damaged: str = ""
    unread: bool = False


class _Place(NamedTuple):
    suffix: str
    form: Form


_TAGS = (_Place(".sig", Form.SIMPLE), _Place(".att", Form.ENVELOPE), _Place(".sbom", Form.DOCUMENT))


def attached_to(repository: Repository, digest: str) -> Sequence[Referrer]:
    """Return everything attached to a digest. What cannot be read is marked as damaged.

    Raises RegistryUnavailable if the registry cannot be asked.
    """
    return list(_Finder(repository, digest).all())


def inside_index(repository: Repository, index: Manifest) -> Sequence[Referrer]:
    """Return the attestations that BuildKit put into an index, next to its images."""
    return list(_Finder(repository, index.digest).inside(index))


def marked(tags: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Return the digests that have something attached, from all tags of a repository: those made of a digest and one
    of the suffixes. The empty suffix is the tag for referrers."""
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

    def all(self) -> Iterator[Referrer]:
        for place in _TAGS:
            yield from self._under_tag(place)
        yield from self._referring()

    def inside(self, index: Manifest) -> Iterator[Referrer]:
        kind = "vnd.docker.reference.type"
        entries = [entry for entry in index.manifests if entry.annotations.get(kind) == "attestation-manifest"]
        for entry in entries[:MAX_EACH]:
            yield from self._layers(entry.digest)
        yield from _rest(index.digest, Form.STATEMENT, len(entries))

    def _under_tag(self, place: _Place) -> Iterator[Referrer]:
        tag = self._digest.replace(":", "-") + place.suffix
        try:
            manifest = self._repository.manifest(tag)
        except SubmissionFault as fault:
            yield Referrer(tag, place.form, "", damaged=str(fault))
            return
        layers = manifest.layers if manifest else ()
        for layer in layers[:MAX_EACH]:
            yield self._read(tag, layer, place.form, "")
        yield from _rest(tag, place.form, len(layers))

    def _referring(self) -> Iterator[Referrer]:
        try:
            listed = self._repository.referrers(self._digest)
        except SubmissionFault as fault:
            yield Referrer(self._digest.replace(":", "-"), Form.BUNDLE, "", damaged=str(fault))
            return
        for entry in listed[:MAX_EACH]:
            yield from self._layers(entry.digest, subject=self._digest)
        yield from _rest(self._digest.replace(":", "-"), Form.BUNDLE, len(listed))

    def _layers(self, digest: str, subject: str | None = None) -> Iterator[Referrer]:
        """Yield what a manifest holds; nothing if it should have that subject and does not."""
        try:
            manifest = self._repository.manifest(digest)
        except SubmissionFault as fault:
            yield Referrer(digest, Form.BUNDLE, "", damaged=str(fault))
            return
        # Whoever pushes writes the list under a tag, so only what the manifest itself says counts.
        if manifest and subject in (None, manifest.subject and manifest.subject.digest):
            for layer in manifest.layers[:MAX_EACH]:
                yield self._read(digest, layer, _form(layer.media_type), manifest.artifact_type)
            yield from _rest(digest, Form.BUNDLE, len(manifest.layers))

    def _read(self, place: str, layer: Descriptor, form: Form, artifact: str) -> Referrer:
        kind = f"{artifact} {layer.media_type}"
        try:
            data = self._repository.blob(layer.digest, min(MAX_BYTES, self._left))
        except SubmissionFault as fault:
            return Referrer(place, form, kind, damaged=str(fault))
        self._left -= len(data)
        return Referrer(place, form, kind, data, layer.annotations.get(SIGNATURE, ""))


def _rest(place: str, form: Form, number: int) -> Iterator[Referrer]:
    """Yield one thing for all that were not read, if there are any."""
    if number > MAX_EACH:
        why = f"{number} things are attached there, and only the first {MAX_EACH} were read"
        yield Referrer(place, form, "", damaged=why, unread=True)


def _form(media_type: str) -> Form:
    if media_type.startswith(BUNDLES):
        return Form.BUNDLE
    known = {ENVELOPE: Form.ENVELOPE, STATEMENT: Form.STATEMENT, PAYLOAD: Form.SIMPLE}
    return known.get(media_type, Form.DOCUMENT)
