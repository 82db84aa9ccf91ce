"""`signed`: each way a signature can be missing or wrong, and the odd ways it can be right, with Cosign 2 and 3."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import signed
from grader.errors import GraderError
from grader.facts.registry.documents import OCI_MANIFEST
from grader.facts.registry.referrers import PAYLOAD
from grader.facts.registry.repository import Repository
from grader.facts.supply.signature import NoPublicKey
from grader.verdict import Status, Verdict
from layerwise.stack.environment import NOTHING_PUBLISHED
from tests import cosigns
from tests.cosigns import SIGNED, Signer, image, push, push_index, push_manifest
from tests.grader.conftest import facts_of

pytestmark = pytest.mark.lab
ONE_WILL_DO = pytest.mark.parametrize("signer", ["2"], indirect=True)
"""For what happens before Cosign is asked, or without it."""


class Bench(NamedTuple):
    """What a case works with: `name` is the repository's, `folder` the submission."""

    served: Repository
    signer: Signer
    third: Signer
    folder: Path

    @property
    def name(self) -> str:
        return str(self.served)

    def sign(self, digest: str, key: str = "mine") -> None:
        self.signer.sign(f"{self.name}@{digest}", key)

    def signature(self, digest: str) -> dict[str, Any]:
        """The manifest that holds a digest's signatures, as it can be changed and pushed again."""
        manifest = self.served.manifest(tag_of(digest))
        assert manifest is not None
        return json.loads(manifest.raw)

    def put(self, digest: str, manifest: dict[str, Any]) -> None:
        """Put a manifest of signatures where those of a digest are looked for."""
        push_manifest(self.served, tag_of(digest), manifest)


def tag_of(digest: str) -> str:
    return digest.replace(":", "-") + ".sig"


@pytest.fixture
def bench(signer: Signer, third: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (folder / "cosign.pub").write_bytes(signer.public("mine"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cosign").symlink_to(signer.cosign)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with cosigns.repository() as served:
        yield Bench(served, signer, third, folder)


def judge(bench: Bench, **params: Any) -> Verdict:
    wanted = {"repository": "localhost:5000/{learner}/tides", "tag": "1.0", **params}
    with facts_of(bench.folder, learner=cosigns.LEARNER) as facts:
        return signed.judge(facts, signed.Params.model_validate(wanted))


# What is done before grading, one function a case. Its text says why.


def by_digest(bench: Bench) -> None:
    bench.sign(push(bench.served))


def by_tag(bench: Bench) -> None:
    push(bench.served)
    bench.signer.sign(f"{bench.name}:1.0")


def twice(bench: Bench) -> None:
    digest = push(bench.served)
    bench.sign(digest)
    bench.sign(digest)


def another_first(bench: Bench) -> None:
    digest = push(bench.served)
    bench.sign(digest, "other")
    bench.sign(digest)


def copied_first(bench: Bench) -> None:
    """A copied signature before a good one: each is judged for itself."""
    first, second = push(bench.served, "0.9", word="first"), push(bench.served)
    bench.sign(first)
    bench.sign(second)
    both = bench.signature(second)
    both["layers"][:0] = bench.signature(first)["layers"]
    bench.put(second, both)


def an_index(bench: Bench) -> None:
    images = {"amd64": image(bench.served, word="a"), "arm64": image(bench.served, word="b")}
    bench.sign(push_index(bench.served, "1.0", images))


def an_index_and_all_in_it(bench: Bench) -> None:
    images = {"amd64": image(bench.served, word="a"), "arm64": image(bench.served, word="b")}
    digest = push_index(bench.served, "1.0", images)
    bench.signer.run("sign", "--yes", "--recursive", "--key=mine.key", f"{bench.name}@{digest}")


def a_bundle(bench: Bench) -> None:
    bench.third.bundle(f"{bench.name}@{push(bench.served)}")


def a_bundle_of_another_key_first(bench: Bench) -> None:
    digest = push(bench.served)
    bench.third.bundle(f"{bench.name}@{digest}", "other")
    bench.third.bundle(f"{bench.name}@{digest}")


def a_bundle_of_another_key_and_a_signature(bench: Bench) -> None:
    digest = push(bench.served)
    bench.third.bundle(f"{bench.name}@{digest}", "other")
    bench.sign(digest)


def with_annotations(bench: Bench) -> None:
    digest = push(bench.served)
    bench.signer.run("sign", "--yes", "--key=mine.key", "-a", "stage=prod", f"{bench.name}@{digest}")


def offline(bench: Bench) -> None:
    """What is to be signed, the signature, and attaching it: three steps. The signature's file ends with a line end."""
    reference = f"{bench.name}@{push(bench.served)}"
    said = bench.signer.run("generate", reference)
    (bench.signer.folder / "payload.json").write_text(said[said.index("{") : said.rindex("}") + 1])
    bench.signer.run("sign-blob", "--yes", "--key=mine.key", "--output-signature=made.sig", "payload.json")
    signature = (bench.signer.folder / "made.sig").read_text().strip() + "\n"
    (bench.signer.folder / "made.sig").write_text(signature)
    bench.signer.run("attach", "signature", "--payload=payload.json", "--signature=made.sig", reference)


def with_line_ends_in_it(bench: Bench) -> None:
    digest = push(bench.served)
    bench.sign(digest)
    signed = bench.signature(digest)
    annotations = signed["layers"][0]["annotations"]
    annotations[SIGNED] = f"{annotations[SIGNED][:40]}\r\n{annotations[SIGNED][40:]}\n"
    bench.put(digest, signed)


def as_a_referrer(bench: Bench) -> None:
    """Cosign 2's own form, found by its subject: `--registry-referrers-mode=oci-1-1`."""
    reference = f"{bench.name}@{push(bench.served)}"
    options = ["--yes", "--tlog-upload=false", "--registry-referrers-mode=oci-1-1", "--key=mine.key"]
    bench.signer.run("sign", *options, reference, env=NOTHING_PUBLISHED | {"COSIGN_EXPERIMENTAL": "1"})


def after_many_others(bench: Bench) -> None:
    digest = push(bench.served)
    bench.sign(digest)
    signed = bench.signature(digest)
    good = signed["layers"][0]
    bad = good | {"annotations": {SIGNED: base64.b64encode(b"another key's").decode()}}
    bench.put(digest, signed | {"layers": [bad] * 24 + [good]})


def openssl(bench: Bench, *words: str) -> None:
    where = {"PATH": os.defpath}
    subprocess.run(["openssl", *words], cwd=bench.third.folder, env=where, check=True, capture_output=True, timeout=60)


def with_an_rsa_key(bench: Bench) -> None:
    """Cosign 3 takes RSA keys in, and 2 verifies with them."""
    openssl(bench, "genrsa", "-out", "rsa.pem", "2048")
    bench.third.run("import-key-pair", "--yes", "--key=rsa.pem", "--output-key-prefix=rsa")
    bench.third.sign(f"{bench.name}@{push(bench.served)}", "rsa")
    (bench.folder / "cosign.pub").write_bytes(bench.third.public("rsa"))


def an_rsa_key_in_its_old_form(bench: Bench) -> None:
    with_an_rsa_key(bench)
    openssl(bench, "rsa", "-in", "rsa.pem", "-RSAPublicKey_out", "-out", str(bench.folder / "cosign.pub"))


def another_key_behind_the_right_one(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_bytes(bench.signer.public("mine") + bench.signer.public("other"))


def with_headers_in_the_key(bench: Bench) -> None:
    by_digest(bench)
    key = bench.signer.public("mine").replace(b"KEY-----\n", b"KEY-----\nComment: mine\n\n", 1)
    (bench.folder / "cosign.pub").write_bytes(key)


def a_byte_order_mark_and_words_before_the_key(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_bytes(b"\xef\xbb\xbfmine:\r\n" + bench.signer.public("mine"))


def an_older_one_signed_too(bench: Bench) -> None:
    bench.sign(push(bench.served, "0.9", word="older"))
    bench.sign(push(bench.served))


def pushed_again(bench: Bench) -> None:
    """The very same image: the same digest, and the tag was away meanwhile."""
    bench.sign(push(bench.served, word="same"))
    push(bench.served, word="between")
    push(bench.served, word="same")


def a_key_with_words_before_it(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_bytes(b"my public key:\r\n\r\n" + bench.signer.public("mine"))


def not_pushed(bench: Bench) -> None:
    bench.sign(push(bench.served, "2.0"))


def unsigned(bench: Bench) -> None:
    push(bench.served)


def by_another_key(bench: Bench) -> None:
    bench.sign(push(bench.served), "other")


def a_bundle_by_another_key(bench: Bench) -> None:
    bench.third.bundle(f"{bench.name}@{push(bench.served)}", "other")


def moved(bench: Bench) -> None:
    bench.sign(push(bench.served, word="signed"))
    push(bench.served, word="pushed after")


def a_bundle_moved(bench: Bench) -> None:
    bench.third.bundle(f"{bench.name}@{push(bench.served, word='signed')}")
    push(bench.served, word="pushed after")


def an_image_in_the_index(bench: Bench) -> None:
    images = {"amd64": image(bench.served, word="a"), "arm64": image(bench.served, word="b")}
    push_index(bench.served, "1.0", images)
    bench.sign(push_manifest(bench.served, None, images["amd64"]))


def copied(bench: Bench) -> None:
    first = push(bench.served, "0.9", word="first")
    bench.sign(first)
    bench.put(push(bench.served), bench.signature(first))


def a_bundle_copied(bench: Bench) -> None:
    """Its subject is rewritten to this image, and what is signed still names the other."""
    first = push(bench.served, "0.9", word="first")
    bench.third.bundle(f"{bench.name}@{first}")
    found = bench.served.manifest(bench.served.referrers(first)[0].digest)
    here = bench.served.manifest(push(bench.served))
    assert found is not None
    assert here is not None
    forged = json.loads(found.raw)
    forged["subject"] |= {"digest": here.digest, "size": len(here.raw)}
    raw = json.dumps(forged).encode()
    entry = {"mediaType": OCI_MANIFEST, "digest": push_manifest(bench.served, None, forged), "size": len(raw)}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    push_manifest(bench.served, here.digest.replace(":", "-"), index)


def payload_rewritten(bench: Bench) -> None:
    """The copied payload made to name this image: then the signature over it is none any more."""
    first, second = push(bench.served, "0.9", word="first"), push(bench.served)
    bench.sign(first)
    forged = bench.signature(first)
    payload = bench.served.blob(forged["layers"][0]["digest"], 10_000).replace(first.encode(), second.encode())
    named = bench.served.put_blob(payload, PAYLOAD).to_dict()
    forged["layers"][0] |= named
    bench.put(second, forged)


def signature_is_no_base64(bench: Bench) -> None:
    digest = push(bench.served)
    bench.sign(digest)
    forged = bench.signature(digest)
    forged["layers"][0]["annotations"][SIGNED] = "*" + forged["layers"][0]["annotations"][SIGNED][1:]
    bench.put(digest, forged)


def payload_gone(bench: Bench) -> None:
    digest = push(bench.served)
    bench.sign(digest)
    bench.served.delete_blob(bench.signature(digest)["layers"][0]["digest"])


def payload_is_no_json(bench: Bench) -> None:
    digest = push(bench.served)
    bench.sign(digest)
    forged = bench.signature(digest)
    forged["layers"][0] |= bench.served.put_blob(b"[" * 100_000, PAYLOAD).to_dict()
    bench.put(digest, forged)


def the_image_in_place_of_a_signature(bench: Bench) -> None:
    digest = push(bench.served)
    push(bench.served, tag_of(digest))


def an_attestation_alone(bench: Bench) -> None:
    bench.signer.attest(f"{bench.name}@{push(bench.served)}", "cyclonedx", {"bomFormat": "CycloneDX"})


def a_bundle_with_an_attestation(bench: Bench) -> None:
    bench.third.attest_bundle(f"{bench.name}@{push(bench.served)}", "cyclonedx", {"bomFormat": "CycloneDX"})


def an_attestation_as_a_signature(bench: Bench) -> None:
    digest = push(bench.served)
    bench.signer.attest(f"{bench.name}@{digest}", "custom", {"good": True})
    attested = bench.served.manifest(digest.replace(":", "-") + ".att")
    assert attested is not None
    bench.put(digest, json.loads(attested.raw))


def no_key(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").unlink()


def the_private_key(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_bytes((bench.signer.folder / "mine.key").read_bytes())


def both_keys_in_one_file(bench: Bench) -> None:
    by_digest(bench)
    private = (bench.signer.folder / "mine.key").read_bytes()
    (bench.folder / "cosign.pub").write_bytes(bench.signer.public("mine") + private)


def the_right_key_behind_another(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_bytes(bench.signer.public("other") + bench.signer.public("mine"))


def a_byte_order_mark(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_bytes(b"\xef\xbb\xbf" + bench.signer.public("mine"))


def in_utf_16(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_bytes(bench.signer.public("mine").decode().encode("utf-16"))


def half_a_key(bench: Bench) -> None:
    by_digest(bench)
    lines = bench.signer.public("mine").splitlines(keepends=True)
    (bench.folder / "cosign.pub").write_bytes(lines[0] + lines[1] + lines[-1])


def no_key_at_all(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_text("cosign.pub\n")


class Case(NamedTuple):
    prepare: Callable[[Bench], None]
    passes: bool
    says: tuple[str, ...] = ()


# fmt: off
CASES = [
    Case(by_digest, True, ("one byte changed",)),
    Case(by_tag, True),
    Case(twice, True),
    Case(another_first, True),
    Case(copied_first, True),
    Case(an_index, True),
    Case(an_index_and_all_in_it, True),
    Case(a_bundle, True),
    Case(a_bundle_of_another_key_first, True),
    Case(a_bundle_of_another_key_and_a_signature, True),
    Case(with_annotations, True),
    Case(an_older_one_signed_too, True),
    Case(pushed_again, True),
    Case(a_key_with_words_before_it, True),
    Case(offline, True),
    Case(with_line_ends_in_it, True),
    Case(as_a_referrer, True),
    Case(after_many_others, True),
    Case(with_an_rsa_key, True),
    Case(an_rsa_key_in_its_old_form, True),
    Case(another_key_behind_the_right_one, True),
    Case(with_headers_in_the_key, True),
    Case(a_byte_order_mark_and_words_before_the_key, True),
    Case(the_right_key_behind_another, False, ("holds 2 keys, and Cosign reads only the first",)),
    Case(not_pushed, False, ("There is no localhost:5000/", "push the image")),
    Case(unsigned, False, ("is not signed",)),
    Case(by_another_key, False, ("not with the private key that belongs to cosign.pub",)),
    Case(a_bundle_by_another_key, False, ("not with the private key that belongs to cosign.pub",)),
    Case(moved, False, ("the tag has moved", "In the same repository cosign.pub verifies sha256:")),
    Case(a_bundle_moved, False, ("the tag has moved", "In the same repository cosign.pub verifies sha256:")),
    Case(an_image_in_the_index, False, ("is an index", "verifies only an image in it")),
    Case(copied, False, ("made for another image",)),
    Case(a_bundle_copied, False, ("made for another image",)),
    Case(payload_rewritten, False, ("what was signed has changed since",)),
    Case(signature_is_no_base64, False, ("is damaged",)),
    Case(payload_gone, False, ("is damaged", "has no blob")),
    Case(payload_is_no_json, False, ("is damaged", "names no digest")),
    Case(the_image_in_place_of_a_signature, False, ("is damaged",)),
    Case(an_attestation_alone, False, ("is not signed", "An attestation is attached")),
    Case(a_bundle_with_an_attestation, False, ("is not signed", "An attestation is attached")),
    Case(an_attestation_as_a_signature, False, ("is damaged",)),
]
FORMS = (
    by_digest,
    by_another_key,
    another_first,
    offline,
    as_a_referrer,
    with_an_rsa_key,
    with_line_ends_in_it,
    with_annotations,
    an_index_and_all_in_it,
    copied,
    payload_rewritten,
    signature_is_no_base64,
    a_bundle,
    a_bundle_by_another_key,
    a_bundle_of_another_key_first,
    a_bundle_of_another_key_and_a_signature,
    a_bundle_copied,
    an_attestation_alone,
    an_attestation_as_a_signature,
    a_bundle_with_an_attestation,
)
"""What the two versions write, or take apart, in ways of their own. The rest is the grader's, whichever it asks."""
KEYS = [
    (no_key, "there is no cosign.pub"),
    (the_private_key, "holds a private key"),
    (both_keys_in_one_file, "holds a private key"),
    (a_byte_order_mark, "byte order mark"),
    (in_utf_16, "byte order mark"),
    (half_a_key, "Cosign cannot read the public key"),
    (no_key_at_all, "is not a public key"),
]
# fmt: on


@cosigns.with_versions(CASES, lambda case: case.prepare.__name__.replace("_", " "), lambda case: case.prepare in FORMS)
def test_cases(case: Case, bench: Bench) -> None:
    case.prepare(bench)
    verdict = judge(bench)
    assert (verdict.status is Status.PASSED) is case.passes, verdict.message
    for words in case.says:
        assert words in verdict.message


@cosigns.with_versions(KEYS, lambda case: case[0].__name__, lambda case: case[0] is half_a_key)
def test_keys_that_are_none(case: tuple[Callable[[Bench], None], str], bench: Bench) -> None:
    prepare, says = case
    prepare(bench)
    with pytest.raises(NoPublicKey) as caught:
        judge(bench)
    assert says in str(caught.value)
    assert "-----BEGIN" not in str(caught.value)


@ONE_WILL_DO
def test_a_private_key_beside_the_public_one_is_mentioned(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.key").write_bytes((bench.signer.folder / "mine.key").read_bytes())
    verdict = judge(bench)
    assert verdict.status is Status.PASSED
    assert "private key cosign.key" in verdict.message
    (bench.folder / ".dockerignore").write_text("*.key\n")
    assert "private key" not in judge(bench).message


@ONE_WILL_DO
def test_another_name_for_the_key(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "keys").mkdir()
    (bench.folder / "cosign.pub").rename(bench.folder / "keys" / "team.pub")
    assert judge(bench, key="keys/team.pub").status is Status.PASSED


def test_what_the_evidence_holds(bench: Bench) -> None:
    moved(bench)
    evidence = judge(bench).evidence
    assert evidence["digest"] != evidence["signed_instead"]
    payload_rewritten(bench)
    (place,) = judge(bench).where
    assert "invalid signature" in str(place.text)


FAKES = {
    "accepts everything": ("exit 0", "also accepts a signature for a manifest that was tampered with"),
    "refuses everything": ("echo 'Error: no matching signatures' >&2; exit 1", "refuses a signature that is known to"),
    "knows no such flag": ("echo 'Error: unknown flag: --local-image' >&2; exit 1", "unknown flag"),
    "is ended": ("kill -9 $$", "Cosign was killed"),
    "prints without end": ("exec cat /dev/zero", "printed without end"),
}


@ONE_WILL_DO
@pytest.mark.parametrize("what", FAKES)
def test_a_cosign_that_does_not_work_gives_no_verdict(
    what: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_digest(bench)
    script, says = FAKES[what]
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "cosign").write_text(f"#!/bin/sh\n{script}\n")
    (fake / "cosign").chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake}:/usr/bin:/bin")
    monkeypatch.setattr("grader.facts.supply.cosign.MAX_OUTPUT", 1 << 20)
    with pytest.raises(GraderError) as caught:
        judge(bench)
    assert says in str(caught.value)


@ONE_WILL_DO
def test_no_cosign_at_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    by_digest(bench)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GraderError, match="no Cosign on PATH"):
        judge(bench)


def test_nothing_of_our_environment_reaches_cosign(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable can be any of its flags: these would turn the check of the digest off, and go to a log."""
    monkeypatch.setenv("COSIGN_CHECK_CLAIMS", "false")
    monkeypatch.setenv("COSIGN_INSECURE_IGNORE_TLOG", "false")
    copied(bench)
    assert judge(bench).status is Status.FAILED


@ONE_WILL_DO
def test_with_a_login(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry is asked by us: Cosign is given no login, and needs none."""
    config = bench.signer.folder / ".docker" / "config.json"
    config.parent.mkdir(exist_ok=True)
    auth = base64.b64encode(b"learner:layerwise").decode()
    config.write_text(json.dumps({"auths": {"localhost:5001": {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(config.parent))
    with cosigns.repository("localhost:5001") as served:
        bench.signer.sign(f"{served}@{push(served)}")
        assert judge(bench, repository="localhost:5001/{learner}/tides").status is Status.PASSED


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"repository": "localhost:5000/me/tides:1.0"},
        {"repository": "localhost:5000/me/tides", "tag": "a b"},
        {"repository": "localhost:5000/me/tides", "key": "../cosign.pub"},
        {"repository": "localhost:5000/me/tides", "keys": "cosign.pub"},
    ],
)
def test_parameters_that_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        signed.Params.model_validate(params)
