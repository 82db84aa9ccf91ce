"""Who signed an image in a registry: each signature attached to its digest, held against one public key.

A signature counts when Cosign accepts it over the very manifest that the registry serves. The rest of what is read here
only says why one does not: which digest it names, whether it is damaged, which other digest of the repository the key
did sign.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from grader.errors import SubmissionFault
from grader.facts import attached
from grader.facts.attached import Attached, Form
from grader.facts.cosign import SIGNED, Cosign, KeyUnreadable, Subject
from grader.facts.registry import Manifest, Repository

MAX_KEY = 64 << 10
"""Bytes of a key file."""
MAX_LOOKED = 20
"""Signatures that Cosign is asked about, and other digests of the repository."""
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,60})-----\s(.*?)-----END \1-----", re.DOTALL)
_PUBLIC = ("PUBLIC KEY", "RSA PUBLIC KEY")


class NoPublicKey(SubmissionFault):
    """The key file is missing, or does not hold exactly one public key."""


@dataclass(frozen=True)
class Signature:
    """One signature attached to a digest. `names` is the digest it says it is about, empty where it says none; `why` is
    the reason why it does not count, in Cosign's words or, where it is `damaged`, in ours."""

    place: str
    form: Form
    names: str
    good: bool
    damaged: bool = False
    why: str = ""


@dataclass(frozen=True)
class Signatures:
    """What vouches for a digest: the signatures in the order they were found, none after the first good one, and how
    many attestations there are, which are no signatures."""

    digest: str
    found: Sequence[Signature]
    attestations: int = 0

    @property
    def good(self) -> bool:
        return any(signature.good for signature in self.found)


@dataclass(frozen=True)
class Elsewhere:
    """A digest that the key signed, other than the one asked for; `inside` where it is one of an index's images."""

    digest: str
    inside: bool


def public_key(data: bytes | None, name: str) -> bytes:
    """The one public key in a file's bytes, as they are. NoPublicKey where it is another thing, or there is no file."""
    if data is None:
        raise NoPublicKey(f"there is no {name}: hand in the public key that belongs to the key you signed with")
    if len(data) > MAX_KEY:
        raise NoPublicKey(f"{name} is no public key: it is larger than {MAX_KEY >> 10} KiB")
    blocks = _BLOCK.findall(data.decode("utf-8", "replace"))
    labels = [label for label, _ in blocks]
    if any("PRIVATE" in label for label in labels) or b"PRIVATE KEY-----" in data:
        raise NoPublicKey(
            f"{name} holds a private key, and whoever has that can sign in your name: make a new pair, and hand in "
            "its public key alone"
        )
    if len(blocks) > 1:
        raise NoPublicKey(f"{name} holds {len(blocks)} blocks, and a verifier reads the first alone: hand in one key")
    if not blocks or labels[0] not in _PUBLIC:
        found = f"it holds a {labels[0].lower()}" if blocks else "it has no block “BEGIN PUBLIC KEY”"
        raise NoPublicKey(f"{name} is no public key: {found}")
    try:
        base64.b64decode("".join(blocks[0][1].split()), validate=True)
    except (binascii.Error, ValueError):
        raise NoPublicKey(f"{name} is no public key: what is in its block is no base64") from None
    return data


def look(repository: Repository, manifest: Manifest, key: bytes, cosign: Cosign) -> Signatures:
    """The signatures over a manifest, held against the key. NoPublicKey where Cosign can do nothing with the key;
    GraderError where it cannot be asked; RegistryUnavailable."""
    things = attached.find(repository, manifest.digest)
    signatures = [thing for thing in things if _is_signature(thing)]
    found: list[Signature] = []
    for thing in signatures[:MAX_LOOKED]:
        found.append(_judge(thing, manifest, key, cosign))
        if found[-1].good:
            break
    return Signatures(manifest.digest, found, sum(_is_attestation(thing) for thing in things))


def elsewhere(repository: Repository, manifest: Manifest, key: bytes, cosign: Cosign) -> Elsewhere | None:
    """Another digest of the repository that the key did sign, one inside the index first; None where none is found
    among the first MAX_LOOKED."""
    inside = {entry.digest for entry in manifest.manifests}
    signed = [digest for digest in attached.marked(repository.tags(), ("", ".sig")) if digest != manifest.digest]
    signed.sort(key=lambda digest: digest not in inside)
    for digest in signed[:MAX_LOOKED]:
        with suppress(SubmissionFault):
            other = repository.manifest(digest)
            if other and look(repository, other, key, cosign).good:
                return Elsewhere(digest, digest in inside)
    return None


def _judge(thing: Attached, manifest: Manifest, key: bytes, cosign: Cosign) -> Signature:
    if thing.damaged:
        return Signature(thing.place, thing.form, "", False, damaged=True, why=thing.damaged)
    names = named(thing)
    if not names or (thing.form is Form.SIMPLE and not _is_base64(thing.signature)):
        why = "it names no digest" if not names else "beside its payload stands no signature"
        return Signature(thing.place, thing.form, names, False, damaged=True, why=why)
    subject = Subject(manifest.raw, manifest.media_type, manifest.is_index)
    try:
        said = cosign.verify(thing, key, subject)
    except KeyUnreadable as problem:
        raise NoPublicKey(f"Cosign cannot read the public key ({problem})") from None
    return Signature(thing.place, thing.form, names, said.good, why=said.why)


def named(thing: Attached) -> str:
    """The digest that a signature or a signed statement says it is about; empty where it says none."""
    if thing.form is Form.SIMPLE:
        found = _at(_json(thing.data), "critical", "image", "docker-manifest-digest")
        return found if isinstance(found, str) else ""
    subjects = statement(thing).get("subject")
    first = subjects[0] if isinstance(subjects, list) and subjects else None
    value = _at(first, "digest", "sha256")
    return f"sha256:{value}" if isinstance(value, str) else ""


def statement(thing: Attached) -> Mapping[str, Any]:
    """The statement in an envelope or bundle, or by itself, whoever signed it; empty where there is none."""
    envelope = _json(thing.data)
    if thing.form is Form.STATEMENT:
        return envelope if isinstance(envelope, dict) else {}
    if thing.form is Form.BUNDLE:
        envelope = _at(envelope, "dsseEnvelope")
    payload = _at(envelope, "payload")
    try:
        found = _json(base64.b64decode(payload)) if isinstance(payload, str) else None
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_signature(thing: Attached) -> bool:
    if thing.damaged:
        return thing.form in (Form.SIMPLE, Form.BUNDLE)
    return thing.form is Form.SIMPLE or (
        thing.form is Form.BUNDLE and statement(thing).get("predicateType") in (SIGNED, None)
    )


def _is_attestation(thing: Attached) -> bool:
    return thing.form in (Form.ENVELOPE, Form.BUNDLE) and not _is_signature(thing)


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def _json(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _at(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
