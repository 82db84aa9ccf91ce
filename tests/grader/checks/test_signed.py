"""`signed`: each way a signature can be missing or wrong, and the odd ways it can be right, with Cosign 2 and 3."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import signed
from grader.errors import GraderError
from grader.facts.registry import Repository
from grader.facts.registry.documents import OCI_MANIFEST
from grader.facts.signature import NoPublicKey
from grader.verdict import Status, Verdict
from tests import cosigns
from tests.cosigns import SIGNED, Signer, image, push, push_index, push_manifest
from tests.grader.conftest import facts_of

pytestmark = pytest.mark.lab
ONE_WILL_DO = pytest.mark.parametrize("signer", ["2"], indirect=True)
"""For what happens before Cosign is asked, or without it."""

PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"


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


def two_public_keys(bench: Bench) -> None:
    by_digest(bench)
    (bench.folder / "cosign.pub").write_bytes(bench.signer.public("other") + bench.signer.public("mine"))


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
    Case(not_pushed, False, ("There is no localhost:5000/", "push the image")),
    Case(unsigned, False, ("is not signed",)),
    Case(by_another_key, False, ("not with the key",)),
    Case(a_bundle_by_another_key, False, ("not with the key",)),
    Case(moved, False, ("the tag was moved", "another digest")),
    Case(a_bundle_moved, False, ("the tag was moved", "another digest")),
    Case(an_image_in_the_index, False, ("is an index", "an image in it")),
    Case(copied, False, ("made for another image",)),
    Case(a_bundle_copied, False, ("made for another image",)),
    Case(payload_rewritten, False, ("what was signed was changed",)),
    Case(signature_is_no_base64, False, ("is damaged",)),
    Case(payload_gone, False, ("is damaged", "has no blob")),
    Case(payload_is_no_json, False, ("is damaged", "names no digest")),
    Case(the_image_in_place_of_a_signature, False, ("is damaged",)),
    Case(an_attestation_alone, False, ("is not signed", "An attestation")),
    Case(a_bundle_with_an_attestation, False, ("is not signed", "An attestation")),
    Case(an_attestation_as_a_signature, False, ("is damaged",)),
]
KEYS = [
    (no_key, "there is no cosign.pub"),
    (the_private_key, "holds a private key"),
    (both_keys_in_one_file, "holds a private key"),
    (two_public_keys, "holds 2 blocks"),
    (half_a_key, "Cosign cannot read the public key"),
    (no_key_at_all, "is no public key"),
]
# fmt: on


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.prepare.__name__.replace("_", " "))
def test_cases(case: Case, bench: Bench) -> None:
    case.prepare(bench)
    verdict = judge(bench)
    assert (verdict.status is Status.PASSED) is case.passes, verdict.message
    for words in case.says:
        assert words in verdict.message


@pytest.mark.parametrize(("prepare", "says"), KEYS, ids=lambda item: getattr(item, "__name__", ""))
def test_keys_that_are_none(prepare: Callable[[Bench], None], says: str, bench: Bench) -> None:
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
    "accepts everything": ("exit 0", "also for a manifest that was tampered with"),
    "refuses everything": ("echo 'Error: no matching signatures' >&2; exit 1", "refuses a signature that is known to"),
    "knows no such flag": ("echo 'Error: unknown flag: --local-image' >&2; exit 1", "unknown flag"),
    "is ended": ("kill -9 $$", "Cosign was ended"),
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
    monkeypatch.setattr("grader.facts.cosign.MAX_OUTPUT", 1 << 20)
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
