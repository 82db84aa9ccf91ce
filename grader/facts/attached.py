"""What is attached to an image's digest in its registry: signatures, attestations, SBOMs.

    sha256-HEX.sig      Cosign 2: each layer a payload that names a digest, its annotation the signature over it
    sha256-HEX.att      Cosign 2: each layer a DSSE envelope, a signed statement about the digest
    sha256-HEX.sbom     Cosign 2, and deprecated: the layer is an SBOM, signed by nobody
    referrers           manifests that name the digest as their subject (Cosign 3's bundles, ORAS): the registry's own
                        list or, where it keeps none, the index under the tag sha256-HEX

Anybody who may push may attach anything: what is here says nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from grader.errors import SubmissionFault
from grader.facts.registry import Descriptor, Repository

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


class Form(StrEnum):
    """In what form a thing is attached."""

    SIMPLE = "simple"
    """A payload, with the signature over it beside it."""
    ENVELOPE = "envelope"
    """A DSSE envelope: a signed statement."""
    BUNDLE = "bundle"
    """A Sigstore bundle around such an envelope."""
    DOCUMENT = "document"
    """A file that nobody signed."""


@dataclass(frozen=True)
class Attached:
    """One thing, as it was served. `place` is the tag or digest it stands under; `damaged` says why it cannot be read,
    and then `data` is empty."""

    place: str
    form: Form
    media_type: str
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


def signed_digests(tags: Sequence[str]) -> list[str]:
    """The digests that have something attached under one of Cosign's tags, told from all tags of a repository."""
    found: dict[str, None] = {}
    for tag in tags:
        stem = tag.removesuffix(".sig")
        algorithm, _, value = stem.partition("-")
        if algorithm == "sha256" and len(value) == 64 and not set(value) - set("0123456789abcdef"):
            found[f"{algorithm}:{value}"] = None
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

    def _under_tag(self, place: _Place) -> Iterator[Attached]:
        tag = self._digest.replace(":", "-") + place.suffix
        try:
            manifest = self._repository.manifest(tag)
        except SubmissionFault as fault:
            yield Attached(tag, place.form, "", damaged=str(fault))
            return
        for layer in manifest.layers[:MAX_EACH] if manifest else ():
            yield self._read(tag, layer, place.form)

    def _referring(self) -> Iterator[Attached]:
        try:
            listed = self._repository.referrers(self._digest)
        except SubmissionFault as fault:
            yield Attached(self._digest.replace(":", "-"), Form.BUNDLE, "", damaged=str(fault))
            return
        for entry in listed[:MAX_EACH]:
            try:
                manifest = self._repository.manifest(entry.digest)
            except SubmissionFault as fault:
                yield Attached(entry.digest, Form.BUNDLE, "", damaged=str(fault))
                continue
            # A list under a tag is written by whoever pushes; what counts is what the manifest itself says.
            if manifest and manifest.subject and manifest.subject.digest == self._digest:
                for layer in manifest.layers[:MAX_EACH]:
                    yield self._read(entry.digest, layer, _form(layer.media_type))

    def _read(self, place: str, layer: Descriptor, form: Form) -> Attached:
        try:
            data = self._repository.blob(layer.digest, min(MAX_BYTES, self._left))
        except SubmissionFault as fault:
            return Attached(place, form, layer.media_type, damaged=str(fault))
        self._left -= len(data)
        return Attached(place, form, layer.media_type, data, layer.annotations.get(SIGNATURE, ""))


def _form(media_type: str) -> Form:
    if media_type.startswith(BUNDLES):
        return Form.BUNDLE
    return Form.ENVELOPE if media_type == ENVELOPE else Form.DOCUMENT
