"""Keys as they are handed in, and what stands for a signature: which are asked about, and why one does not count."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, cast

import pytest

from grader.errors import GraderError
from grader.facts.registry import referrers
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, Manifest, digest_of
from grader.facts.registry.referrers import Form, Referrer
from grader.facts.registry.repository import Repository
from grader.facts.supply import signature as module
from grader.facts.supply.cosign import SIGNED, Cosign, CosignResult, KeyUnreadable, Subject
from grader.facts.supply.signature import (
    NoPublicKey,
    OtherDigest,
    elsewhere,
    named,
    public_key,
    statement,
    unreadable_key,
    verify_signatures,
)

KEY = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\nKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
BEGIN, END = b"-----BEGIN %b-----\nTUZr\n", b"-----END %b-----\n"


def block(label: bytes) -> bytes:
    return BEGIN % label + END % label


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "data",
    [
        KEY,
        b"a comment\n" + KEY,
        b"\xe9 comment\n" + KEY,
        KEY.replace(b"\n", b"\r\n"),
        block(b"RSA PUBLIC KEY"),
        KEY + b"\n\n",
        KEY * 2,
        block(b"CERTIFICATE") + KEY,
        KEY.replace(b"MFkw", b"M*kw"),
        BEGIN % b"PUBLIC KEY" + END % b"OTHER",
        BOM + KEY,
    ],
)
def test_what_may_be_a_public_key(data: bytes) -> None:
    assert public_key(data, "cosign.pub") == data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, r"there is no cosign\.pub: hand in the public key"),
        (b"", "no block “BEGIN PUBLIC KEY”"),
        (b"ssh-ed25519 AAAA me", "no block “BEGIN PUBLIC KEY”"),
        (block(b"ENCRYPTED SIGSTORE " + b"PRIVATE KEY"), "holds a private key.*make a new pair"),
        (block(b"EC " + b"PRIVATE KEY"), "holds a private key"),
        (KEY + b"-----BEGIN " + b"PRIVATE KEY-----\ncut off", "holds a private key"),
        (block(b"CERTIFICATE"), "it holds a certificate"),
        (block(b"EC " + b"PRIVATE KEY").decode().encode("utf-16"), "holds a private key"),
        (KEY.decode().encode("utf-16"), "no block.*byte order mark.*Save it as plain text"),
        (KEY + b"x" * module.MAX_KEY, "larger than 64 KiB"),
    ],
)
def test_no_public_key(data: bytes | None, says: str) -> None:
    with pytest.raises(NoPublicKey, match=says):
        public_key(data, "cosign.pub")


@pytest.mark.parametrize(("key", "says"), [(KEY, r"public key \(PEM\)"), (BOM + KEY, "begins with a byte order mark")])
def test_why_cosign_cannot_read_a_key(key: bytes, says: str) -> None:
    assert re.search(says, str(unreadable_key(key, KeyUnreadable("PEM"))))


def payload(digest: object = "sha256:1") -> bytes:
    return json.dumps({"critical": {"image": {"docker-manifest-digest": digest}}}).encode()


def envelope(content: object) -> dict[str, str]:
    return {"payload": base64.b64encode(json.dumps(content).encode()).decode()}


def thing(form: Form, data: object, signature: str = "c2ln", damaged: str = "") -> Referrer:
    return Referrer(
        "place", form, "", data if isinstance(data, bytes) else json.dumps(data).encode(), signature, damaged
    )


ABOUT = {"predicateType": SIGNED, "subject": [{"digest": {"sha256": "1"}}]}


@pytest.mark.parametrize(
    ("given", "digest"),
    [
        (thing(Form.SIMPLE, payload()), "sha256:1"),
        (thing(Form.ENVELOPE, envelope(ABOUT)), "sha256:1"),
        (thing(Form.BUNDLE, {"dsseEnvelope": envelope(ABOUT)}), "sha256:1"),
        (thing(Form.STATEMENT, ABOUT), "sha256:1"),
        (thing(Form.SIMPLE, payload(5)), ""),
        (thing(Form.SIMPLE, b"{"), ""),
        (thing(Form.SIMPLE, {"critical": []}), ""),
        (thing(Form.ENVELOPE, envelope({"subject": []})), ""),
        (thing(Form.ENVELOPE, envelope({"subject": {"digest": {"sha256": "1"}}})), ""),
        (thing(Form.ENVELOPE, envelope({"subject": [{"digest": {"sha512": "1"}}]})), ""),
        (thing(Form.ENVELOPE, {"payload": "%"}), ""),
        (thing(Form.ENVELOPE, {"payload": 7}), ""),
        (thing(Form.BUNDLE, envelope(ABOUT)), ""),
        (thing(Form.STATEMENT, [ABOUT]), ""),
        (thing(Form.BUNDLE, b"[" * 50_000), ""),
    ],
)
def test_which_digest_it_names(given: Referrer, digest: str) -> None:
    assert named(given) == digest


@pytest.mark.parametrize(
    ("form", "data"), [(Form.STATEMENT, b"[]"), (Form.ENVELOPE, b"{}"), (Form.BUNDLE, b'{"dsseEnvelope": 5}')]
)
def test_no_statement(form: Form, data: bytes) -> None:
    assert statement(thing(form, data)) == {}


MANIFEST = Manifest.read(
    json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:" + "0" * 64, "size": 1}, "layers": []}).encode(),
    OCI_MANIFEST,
)


class PlayedCosign:
    """Accepts what is named, and notes what it was asked."""

    def __init__(self, *good: bytes, unreadable: bool = False) -> None:
        self.good = good
        self.asked: list[bytes] = []
        self.unreadable = unreadable

    def verify(self, given: Referrer, key: bytes, subject: Subject) -> CosignResult:
        assert subject.raw == MANIFEST.raw or subject.is_index
        if self.unreadable:
            raise KeyUnreadable("loading public key: no")
        self.asked.append(given.data)
        return CosignResult(given.data in self.good, "" if given.data in self.good else "no matching signatures")


def judged(monkeypatch: pytest.MonkeyPatch, cosign: PlayedCosign, *things: Referrer) -> Any:
    monkeypatch.setattr(referrers, "attached_to", lambda repository, digest: things)
    return verify_signatures(cast(Repository, None), MANIFEST, KEY, cast(Cosign, cosign))


def test_none_after_the_first_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (payload(f"sha256:{number}") for number in range(3))
    cosign = PlayedCosign(second)
    found = judged(monkeypatch, cosign, *(thing(Form.SIMPLE, data) for data in (first, second, third)))
    assert [(one.names, one.good, one.why) for one in found.found] == [
        ("sha256:0", False, "no matching signatures"),
        ("sha256:1", True, ""),
    ]
    assert (found.good, found.digest, cosign.asked) == (True, MANIFEST.digest, [first, second])


MALFORMED = [
    (thing(Form.SIMPLE, b"{}"), "names no digest"),
    (thing(Form.SIMPLE, payload(), signature=""), "there is no signature"),
    (thing(Form.SIMPLE, payload(), signature="***"), "there is no signature"),
    (thing(Form.BUNDLE, {"dsseEnvelope": envelope({"predicateType": SIGNED})}), "names no digest"),
]


@pytest.mark.parametrize(("given", "why"), MALFORMED)
def test_what_is_malformed_is_told_if_cosign_refuses_it(
    given: Referrer, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = judged(monkeypatch, PlayedCosign(), given).found
    assert (found.good, found.damaged) == (False, True)
    assert why in found.why
    (found,) = judged(monkeypatch, PlayedCosign(given.data), given).found
    assert (found.good, found.damaged, found.why) == (True, False, "")


def test_a_signature_with_line_ends_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = judged(monkeypatch, PlayedCosign(), thing(Form.SIMPLE, payload(), signature="c2\r\nln\n")).found
    assert (found.damaged, found.why) == (False, "no matching signatures")


def test_what_cannot_be_read_is_shown_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    cosign = PlayedCosign()
    (found,) = judged(monkeypatch, cosign, thing(Form.SIMPLE, b"", damaged="the blob is gone")).found
    assert (found.good, found.damaged, found.why, cosign.asked) == (False, True, "the blob is gone", [])


def test_attestations_are_no_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    sbom = {"predicateType": "https://cyclonedx.org/bom", "subject": ABOUT["subject"]}
    found = judged(
        monkeypatch,
        PlayedCosign(),
        thing(Form.ENVELOPE, envelope(ABOUT)),
        thing(Form.BUNDLE, {"dsseEnvelope": envelope(sbom)}),
        thing(Form.STATEMENT, ABOUT),
        thing(Form.DOCUMENT, b"{}"),
        thing(Form.ENVELOPE, b"", damaged="gone"),
    )
    assert (found.found, found.attestations, found.good) == ([], 3, False)


def test_those_that_name_the_digest_are_asked_about_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIGNATURES", 2)
    mine = payload(MANIFEST.digest)
    things = [*(thing(Form.SIMPLE, payload(f"sha256:{number}")) for number in range(9)), thing(Form.SIMPLE, mine)]
    cosign = PlayedCosign(mine)
    assert judged(monkeypatch, cosign, *things).good
    assert cosign.asked == [mine]


@pytest.mark.parametrize(
    ("number", "more"), [(9, ()), (1, (Referrer("place", Form.SIMPLE, "", damaged="too many", unread=True),))]
)
def test_what_was_not_looked_at_is_an_error(
    number: int, more: Sequence[Referrer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SIGNATURES", 2)
    things = [*(thing(Form.SIMPLE, payload(f"sha256:{each}")) for each in range(number)), *more]
    with pytest.raises(
        GraderError, match=r"more than 2 signatures are attached to sha256:.*, and none of the first 2 verifies"
    ):
        judged(monkeypatch, PlayedCosign(), *things)
    assert judged(monkeypatch, PlayedCosign(payload("sha256:0")), *things).good


def test_the_number_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referrers, "attached_to", lambda repository, digest: [])
    for key, number in ((KEY, 1), (KEY + b"-----BEGIN CERTIFICATE-----" + KEY, 2)):
        given = (cast(Repository, None), MANIFEST, key, cast(Cosign, PlayedCosign()))
        assert verify_signatures(*given).keys == number


def test_a_key_that_cosign_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoPublicKey, match="Cosign cannot read the public key"):
        judged(monkeypatch, PlayedCosign(unreadable=True), thing(Form.SIMPLE, payload()))


class PlayedRepository:
    """Serves these manifests, and has tags that mark some of them as signed."""

    def __init__(self, manifests: Sequence[Manifest], marks: Sequence[str]) -> None:
        self.manifests = {manifest.digest: manifest for manifest in manifests}
        self.marks = [mark.replace(":", "-") + ".sig" for mark in marks]

    def tags(self) -> list[str]:
        return ["1.0", *self.marks]

    def manifest(self, digest: str) -> Manifest | None:
        return self.manifests.get(digest)


def index(*digests: str) -> Manifest:
    entries = [{"mediaType": OCI_MANIFEST, "digest": digest, "size": 1} for digest in digests]
    return Manifest.read(json.dumps({"schemaVersion": 2, "manifests": entries}).encode(), OCI_INDEX)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [(True, OtherDigest(MANIFEST.digest, True)), (False, OtherDigest(MANIFEST.digest, False))],
)
def test_what_the_key_did_sign(inside: bool, expected: OtherDigest, monkeypatch: pytest.MonkeyPatch) -> None:
    other = digest_of(b"signed too, and not there")
    asked = index(MANIFEST.digest if inside else other)
    signed = {MANIFEST.digest: [thing(Form.SIMPLE, payload())]}
    monkeypatch.setattr(referrers, "attached_to", lambda repository, digest: signed.get(digest, []))
    repository = PlayedRepository([MANIFEST, asked], [other, asked.digest, MANIFEST.digest])
    given = (cast(Repository, repository), asked, KEY)
    assert elsewhere(*given, cast(Cosign, PlayedCosign(payload()))) == expected
    assert elsewhere(*given, cast(Cosign, PlayedCosign())) is None
