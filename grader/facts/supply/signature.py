"""Verify who signed an image in a registry: each signature attached to its digest, with one public key.

A signature counts if Cosign accepts it over the manifest that the registry serves. The rest of what is read here only
says why one does not count: which digest it names, whether it is damaged, and which other digest of the repository the
key signed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError, SubmissionFault
from grader.facts.registry import referrers
from grader.facts.registry.documents import Manifest
from grader.facts.registry.referrers import Form, Referrer
from grader.facts.registry.repository import Repository
from grader.facts.supply.cosign import SIGNED, Cosign, KeyUnreadable, Subject

if TYPE_CHECKING:
    from grader.facts.facts import Facts

MAX_KEY = 64 << 10
"""Bytes of a key file."""
MAX_SIGNATURES = 50
"""Signatures that Cosign is asked about."""
MAX_DIGESTS = 20
"""Other digests of the repository that are looked at."""
_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----")
_PUBLIC = ("PUBLIC KEY", "RSA PUBLIC KEY")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-8 and of UTF-16."""


class NoPublicKey(SubmissionFault):
    """The key file is missing, or is not a public key as Cosign reads them."""


@dataclass(frozen=True)
class Signature:
    """One signature attached to a digest. `names` is the digest that it says it is about, empty if it does not say.
    `why` is the reason why it does not count, in Cosign's words or, if it is `damaged`, in ours."""

    place: str
    form: Form
    names: str
    good: bool
    damaged: bool = False
    why: str = ""


@dataclass(frozen=True)
class Signatures:
    """The signatures of a digest, up to the first good one; the number of attestations, which are not signatures; and
    the number of keys in the file, of which a verifier reads only the first."""

    digest: str
    found: Sequence[Signature]
    attestations: int = 0
    keys: int = 1

    @property
    def good(self) -> bool:
        return any(signature.good for signature in self.found)


@dataclass(frozen=True)
class OtherDigest:
    """Another digest that the key signed. `inside` says whether it is one of the index's images."""

    digest: str
    inside: bool


def public_key(data: bytes | None, name: str) -> bytes:
    """Return a file's bytes, which may hold a public key: only Cosign can tell.

    Raises NoPublicKey if they are None, hold a private key, or surely no public one.
    """
    if data is None:
        raise NoPublicKey(f"there is no {name}: hand in the public key that belongs to the key you signed with")
    if len(data) > MAX_KEY:
        raise NoPublicKey(f"{name} is not a public key: it is larger than {MAX_KEY >> 10} KiB")
    labels = _labels(data)
    if b"PRIVATE KEY-----" in data or "PRIVATE KEY" in _utf16(data):
        raise NoPublicKey(
            f"{name} holds a private key, and whoever has it can sign in your name: make a new pair, and hand in "
            "only its public key"
        )
    if not any(label in _PUBLIC for label in labels):
        found = f"it holds a {labels[0].lower()}" if labels else "it has no block “BEGIN PUBLIC KEY”"
        raise NoPublicKey(f"{name} is not a public key: {found}{_encoding(data)}")
    return data


def unreadable_key(key: bytes, problem: KeyUnreadable) -> NoPublicKey:
    """Return what to raise if Cosign cannot read a key that `public_key` let through."""
    if hint := _encoding(key):
        return NoPublicKey(f"Cosign cannot read the public key{hint}")
    return NoPublicKey(f"Cosign cannot read the public key ({problem})")


def _encoding(key: bytes) -> str:
    """Return that a file begins with a byte order mark, which Cosign does not skip; empty if it does not."""
    if not key.startswith(_MARKS):
        return ""
    return ": the file begins with a byte order mark, which some editors and shells add. Save it as plain text"


def _utf16(data: bytes) -> str:
    return data.decode("utf-16", "ignore") if data.startswith(_MARKS[1:]) else ""


def _labels(data: bytes) -> list[str]:
    """Return what the blocks of a file say that they are."""
    return [label.decode() for label in _BEGIN.findall(data)]


def signatures_of(facts: Facts, repository: str, tag: str, key: str) -> Signatures | None:
    """Return the signatures over what a tag of a repository names, verified with the public key in the submission's
    file `key`; None if there is no such tag.

    Raises NoPublicKey, RegistryUnavailable, NotAManifest or DigestMismatch.
    """
    return facts.once(_signatures, repository, tag, key)


def _signatures(facts: Facts, repository: str, tag: str, key: str) -> Signatures | None:
    public = submitted_key(facts, key)
    manifest = facts.manifest(repository, tag)
    return verify_signatures(facts.served(repository), manifest, public, facts.cosign) if manifest else None


def signed_elsewhere(facts: Facts, repository: str, tag: str, key: str) -> OtherDigest | None:
    """Return what the key signed instead of what that tag names. See `elsewhere`."""
    manifest = facts.manifest(repository, tag)
    if manifest is None:
        return None
    return elsewhere(facts.served(repository), manifest, submitted_key(facts, key), facts.cosign)


def submitted_key(facts: Facts, name: str) -> bytes:
    """Return the public key in that file of the submission. Raises NoPublicKey."""
    return public_key(facts.submitted_file(name, MAX_KEY + 1), name)


def verify_signatures(repository: Repository, manifest: Manifest, key: bytes, cosign: Cosign) -> Signatures:
    """Return the signatures over a manifest, verified with the key.

    Raises NoPublicKey if Cosign cannot read the key, GraderError if Cosign cannot be asked or none is good and there
    are too many to look at all, and RegistryUnavailable.
    """
    signatures, is_all = _verified(repository, manifest, key, cosign)
    if not signatures.good and not is_all:
        raise GraderError(
            f"more than {MAX_SIGNATURES} signatures are attached to {manifest.digest}, and none of the first "
            f"{MAX_SIGNATURES} verifies: delete those that nobody needs, and grade again"
        )
    return signatures


def elsewhere(repository: Repository, manifest: Manifest, key: bytes, cosign: Cosign) -> OtherDigest | None:
    """Return another digest of the repository that the key signed, preferably one inside the index.

    Returns None if none is found among the first MAX_DIGESTS.
    """
    inside = {entry.digest for entry in manifest.manifests}
    signed = [digest for digest in referrers.marked(repository.tags(), ("", ".sig")) if digest != manifest.digest]
    signed.sort(key=lambda digest: digest not in inside)
    for digest in signed[:MAX_DIGESTS]:
        with suppress(SubmissionFault):
            other = repository.manifest(digest)
            if other and _verified(repository, other, key, cosign)[0].good:
                return OtherDigest(digest, digest in inside)
    return None


def _verified(repository: Repository, manifest: Manifest, key: bytes, cosign: Cosign) -> tuple[Signatures, bool]:
    """Return the signatures up to the first good one, and whether all were looked at. Those that name the digest are
    the first."""
    things = referrers.attached_to(repository, manifest.digest)
    signatures = [thing for thing in things if _is_signature(thing) and not thing.unread]
    signatures.sort(key=lambda thing: named(thing) != manifest.digest)
    found: list[Signature] = []
    for thing in signatures[:MAX_SIGNATURES]:
        found.append(_judge(thing, manifest, key, cosign))
        if found[-1].good:
            break
    is_all = len(signatures) <= MAX_SIGNATURES and not any(thing.unread for thing in things)
    keys = sum(label in _PUBLIC for label in _labels(key))
    return Signatures(manifest.digest, found, sum(_is_attestation(thing) for thing in things), keys), is_all


def _judge(thing: Referrer, manifest: Manifest, key: bytes, cosign: Cosign) -> Signature:
    """Ask Cosign about a signature. What is wrong with its form is said only if Cosign refuses it."""
    if thing.damaged:
        return Signature(thing.place, thing.form, "", False, damaged=True, why=thing.damaged)
    names = named(thing)
    subject = Subject(manifest.raw, manifest.media_type, manifest.is_index)
    try:
        result = cosign.verify(thing, key, subject)
    except KeyUnreadable as problem:
        raise unreadable_key(key, problem) from None
    wrong = "" if result.good else _malformed(thing, names)
    return Signature(thing.place, thing.form, names, result.good, damaged=bool(wrong), why=wrong or result.why)


def _malformed(thing: Referrer, names: str) -> str:
    """Return what is wrong with the form of a signature; empty if nothing is."""
    if not names:
        return "it names no digest"
    if thing.form is Form.SIMPLE and not _is_base64(thing.signature):
        return "there is no signature with its payload"
    return ""


def named(thing: Referrer) -> str:
    """Return the digest that a signature or a signed statement says it is about; empty if it does not say."""
    if thing.form is Form.SIMPLE:
        found = _at(_json(thing.data), "critical", "image", "docker-manifest-digest")
        return found if isinstance(found, str) else ""
    subjects = statement(thing).get("subject")
    first = subjects[0] if isinstance(subjects, list) and subjects else None
    value = _at(first, "digest", "sha256")
    return f"sha256:{value}" if isinstance(value, str) else ""


def statement(thing: Referrer) -> Mapping[str, Any]:
    """Return the statement in an envelope or bundle, or by itself, whoever signed it; empty if there is none."""
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


def _is_signature(thing: Referrer) -> bool:
    if thing.damaged:
        return thing.form in (Form.SIMPLE, Form.BUNDLE)
    return thing.form is Form.SIMPLE or (
        thing.form is Form.BUNDLE and statement(thing).get("predicateType") in (SIGNED, None)
    )


def _is_attestation(thing: Referrer) -> bool:
    return thing.form in (Form.ENVELOPE, Form.BUNDLE) and not _is_signature(thing)


def _is_base64(text: str) -> bool:
    """Whether a text is base64. Line ends may be anywhere in it, as in Go."""
    try:
        return bool(base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True))
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
