"""Images looked up by their reference, in a registry whose answers are played."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from grader.errors import RegistryUnavailable, SubmissionFault
from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.registry import lookup
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, DigestMismatch, digest_of
from grader.facts.registry.repository import Repository
from tests.grader.facts.registry.played import HERE, NAME, A, Shelf
from tests.grader.facts.registry.played import document as manifest
from tests.grader.registries import Player, Said

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
ABSENT = "sha256:" + "0" * 64


def document(value: object) -> bytes:
    return json.dumps(value).encode()


def described(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


CONFIG = document({"config": {"Labels": {"a": "b", "odd": 7}}, "rootfs": {"diff_ids": ["sha256:" + "1" * 64]}})
BARE = document({"config": {"Labels": None}})
IMAGE = document({"schemaVersion": 2, "config": described(CONFIG, CONFIG_TYPE), "layers": []})
UNLABELLED = document({"schemaVersion": 2, "config": described(BARE, CONFIG_TYPE), "layers": []})
HOLLOW = document({"schemaVersion": 2, "config": described(b"gone", CONFIG_TYPE), "layers": []})
INDEX = document({"schemaVersion": 2, "manifests": [described(each, OCI_MANIFEST) for each in (IMAGE, UNLABELLED)]})
NESTED = document({"schemaVersion": 2, "manifests": [described(INDEX, OCI_INDEX)]})
EMPTY = document({"schemaVersion": 2, "manifests": []})
DANGLING = document({"schemaVersion": 2, "manifests": [{**described(b"", OCI_MANIFEST), "digest": ABSENT}]})


def registry(tagged: bytes | None) -> dict[str, Said]:
    """What a registry answers that has all of these documents, one of them under the tag 1."""
    index = (INDEX, NESTED, EMPTY, DANGLING)
    found = {
        f"GET /v2/x/manifests/{digest_of(each)}": Said(
            200, each, {"Content-Type": OCI_INDEX if each in index else OCI_MANIFEST}
        )
        for each in (IMAGE, UNLABELLED, HOLLOW, *index)
    }
    found |= {f"GET /v2/x/blobs/{digest_of(each)}": Said(200, each) for each in (CONFIG, BARE)}
    missing = {"Docker-Distribution-Api-Version": "registry/2.0"}
    gone = (f"manifests/{ABSENT}", f"blobs/{digest_of(b'gone')}", "manifests/1")
    found |= {f"GET /v2/x/{path}": Said(404, headers=missing) for path in gone}
    return (
        found
        if tagged is None
        else found | {"GET /v2/x/manifests/1": found[f"GET /v2/x/manifests/{digest_of(tagged)}"]}
    )


@pytest.mark.parametrize(
    ("tagged", "digest", "labels", "layers"),
    [
        (None, None, None, None),
        (IMAGE, digest_of(IMAGE), {"a": "b"}, ("sha256:" + "1" * 64,)),
        (UNLABELLED, digest_of(UNLABELLED), {}, ()),
        (INDEX, digest_of(INDEX), {"a": "b"}, None),  # no entry says its platform
        (EMPTY, digest_of(EMPTY), None, None),
        (DANGLING, digest_of(DANGLING), None, None),
    ],
    ids=["nothing", "image", "unlabelled", "index", "empty index", "index of what is gone"],
)
def test_what_is_there(
    tagged: bytes | None, digest: str | None, labels: Mapping[str, str] | None, layers: tuple[str, ...] | None
) -> None:
    with Player(registry(tagged)).running() as player:
        reference = ImageReference(player.address, "x", "1", "")
        assert lookup.digest(reference) == digest
        assert lookup.labels(reference) == labels
        assert lookup.layers(reference, "amd64") == layers


def test_an_image_without_its_config_has_no_labels() -> None:
    with Player(registry(HOLLOW)).running() as player:
        assert lookup.labels(ImageReference(player.address, "x", "1", "")) is None


def test_an_index_of_indexes_is_refused() -> None:
    with Player(registry(NESTED)).running() as player, pytest.raises(SubmissionFault, match="serves an index where"):
        lookup.labels(ImageReference(player.address, "x", "1", ""))


@pytest.mark.parametrize(("digest", "there"), [(digest_of(IMAGE), True), (ABSENT, False)])
def test_a_manifest_is_there_or_not(digest: str, there: bool) -> None:
    with Player(registry(None)).running() as player:
        assert lookup.has_manifest(ImageReference(player.address, "x", "", digest)) is there


def named(shelf: Shelf, rest: str) -> ImageReference:
    reference = parse_reference(f"{shelf.player.address}/{NAME}{rest}")
    assert reference is not None
    return reference


@pytest.mark.lab
def test_what_other_facts_ask() -> None:
    busybox = parse_reference("localhost:5000/base/busybox:musl")
    assert busybox is not None
    name = lookup.digest(busybox)
    pinned = parse_reference(f"localhost:5000/base/busybox@{name}")
    elsewhere = parse_reference(f"localhost:5000/base/nowhere@{name}")
    assert pinned is not None
    assert elsewhere is not None
    assert lookup.has_manifest(pinned)
    assert not lookup.has_manifest(elsewhere)
    assert lookup.digest(elsewhere) is None
    manifest = Repository.of(busybox).manifest("musl")
    assert manifest is not None
    config = Repository.of(busybox).image_config(manifest)
    assert lookup.layers(busybox, config.platform.architecture) == config.diff_ids
    assert lookup.layers(elsewhere, "amd64") is None


def test_of_an_index_the_image_for_that_machine(shelf: Shelf) -> None:
    entries = [
        shelf.image(
            {"architecture": kind, "os": "linux"}, [kind.encode()], platform={"os": "linux", "architecture": kind}
        )
        for kind in ("amd64", "arm64")
    ]
    shelf.index(entries, "both")
    assert lookup.layers(named(shelf, ":both"), "arm64") == (digest_of(b"arm64"),)
    assert lookup.layers(named(shelf, ":both"), "s390x") is None
    assert lookup.digest(named(shelf, ":both")) not in {entry["digest"] for entry in entries}


def test_what_is_served_in_its_place(shelf: Shelf) -> None:
    shelf.player.answers[f"GET {HERE}/manifests/{A}"] = Said(200, manifest())
    with pytest.raises(DigestMismatch):
        lookup.has_manifest(named(shelf, f"@{A}"))
    shelf.player.answers[f"GET {HERE}/manifests/1.0"] = Said(500)
    with pytest.raises(RegistryUnavailable):
        lookup.digest(named(shelf, ":1.0"))
