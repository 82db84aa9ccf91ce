"""Read the signatures that Cosign stores with an image: the signed bytes, the signature, and what it vouches for.

Cosign 2 stores them as a manifest under the tag `sha256-HEX.sig`; Cosign 3 by default as bundles among the image's
referrers.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import SubmissionFault
from grader.facts.registry.documents import Descriptor
from grader.facts.registry.referrers import BUNDLES, PAYLOAD, SIGNATURE, marked
from grader.facts.registry.repository import Repository
from grader.facts.supply.cosign import SIGNED

MAX_PAYLOAD = 256 * 1024
MAX_SIGNATURES = 20
"""The most signatures of one image that are read, in each form."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MALFORMED = (SubmissionFault, AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)


@dataclass(frozen=True)
class Signed:
    """A payload and its signature. All texts are untrusted."""

    where: str
    """The digest of the manifest that contains it."""
    payload: bytes
    covered: bytes
    """The signed bytes: the payload, or the payload with its type before it."""
    signature: bytes
    digest: str
    """The digest that the payload vouches for; empty if it names none."""


@dataclass(frozen=True)
class Unreadable:
    """A signature that cannot be read, with the reason."""

    why: str


def signatures(repository: Repository, digest: str) -> Iterator[Signed | Unreadable]:
    """Yield the signatures of an image. Raises SubmissionFault if what is stored in their place is not one."""
    found = repository.manifest(f"{digest.replace(':', '-')}.sig")
    layers = [layer for layer in found.layers if layer.media_type == PAYLOAD] if found else []
    for layer in layers[:MAX_SIGNATURES]:
        assert found is not None
        try:
            payload = repository.blob(layer.digest, MAX_PAYLOAD)
            signature = base64.b64decode(layer.annotations.get(SIGNATURE, ""), validate=True)
        except _MALFORMED as fault:
            yield Unreadable(str(fault))
            continue
        yield Signed(found.digest, payload, payload, signature, _vouched(payload))
    for entry in repository.referrers(digest)[:MAX_SIGNATURES]:
        try:
            one = _bundled(repository, entry)
        except _MALFORMED as fault:
            yield Unreadable(str(fault))
            continue
        if one:
            yield one


def signed_digests(repository: Repository) -> list[str]:
    """Return the digests that the repository has signatures for, by the names of its tags."""
    return marked(repository.tags(), (".sig",))


def _bundled(repository: Repository, entry: Descriptor) -> Signed | None:
    """The signature in a referrer; None if it is something else, such as an attestation."""
    manifest = repository.manifest(entry.digest)
    if manifest is None:
        raise ValueError("it is listed, but it is missing")
    if not manifest.layers or not manifest.layers[0].media_type.startswith(BUNDLES):
        return None
    envelope = json.loads(repository.blob(manifest.layers[0].digest, MAX_PAYLOAD))["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"], validate=True)
    statement = json.loads(payload)
    if statement["predicateType"] != SIGNED:
        return None
    kind = str(envelope["payloadType"]).encode()
    covered = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
    return Signed(manifest.digest, payload, covered, signature, _digest(statement["subject"][0]["digest"]["sha256"]))


def _vouched(payload: bytes) -> str:
    try:
        named = json.loads(payload)["critical"]["image"]["docker-manifest-digest"]
    except _MALFORMED:
        return ""
    return _digest(str(named).removeprefix("sha256:"))


def _digest(text: object) -> str:
    digest = f"sha256:{text}"
    return digest if _DIGEST.fullmatch(digest) else ""
