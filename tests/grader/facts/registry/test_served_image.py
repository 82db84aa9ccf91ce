"""An image as its registry serves it: whole, damaged, too large, and the right one of an index."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from grader.errors import RegistryUnavailable
from grader.facts.registry import served_image as module
from grader.facts.registry.documents import (
    BlobMissing,
    Descriptor,
    DigestMismatch,
    Manifest,
    NotAManifest,
    Platform,
    digest_of,
)
from grader.facts.registry.served_image import BrokenImage, fetched, image_of, of_platform
from tests.grader.facts.image.archives import LAYER, plain, tar
from tests.grader.facts.registry.played import HERE, A, Shelf
from tests.grader.registries import Said

OTHER = tar(plain("other", b"o" * 5_000))
CONFIG = {"architecture": "amd64", "os": "linux", "config": {"User": "app"}}
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


def served(shelf: Shelf, *tags: str, **changes: Any) -> Manifest:
    """The manifest of an image of two layers, one compressed, one not; with parts of its manifest changed."""
    rootfs = {"type": "layers", "diff_ids": [digest_of(LAYER), digest_of(OTHER)]}
    document = {
        "schemaVersion": 2,
        "config": shelf.blob(json.dumps(CONFIG | {"rootfs": rootfs}).encode()),
        "layers": [shelf.blob(gzip.compress(LAYER, 1, mtime=0), LAYER_TYPE + "+gzip"), shelf.blob(OTHER, LAYER_TYPE)],
    } | changes
    manifest = shelf.repository.manifest(shelf.manifest(document, *tags))
    assert manifest is not None
    return manifest


@pytest.mark.parametrize("kept", [True, False])
def test_a_whole_image(shelf: Shelf, tmp_path: Path, kept: bool) -> None:
    manifest = served(shelf)
    image = image_of(shelf.repository, manifest, tmp_path if kept else None)
    assert (image.config.user, image.digest) == ("app", manifest.digest)
    assert [layer.diff_id for layer in image.layers] == [digest_of(LAYER), digest_of(OTHER)]
    asked = len(shelf.player.asked)
    assert (image.read("hello"), image.read("other")) == (b"world", b"o" * 5_000)
    assert (len(shelf.player.asked) == asked) is kept, "a copy is asked in place of the registry"


def spoil(shelf: Shelf, at: int, **answer: Any) -> Manifest:
    manifest = served(shelf)
    shelf.player.answers[f"GET {HERE}/blobs/{manifest.layers[at].digest}"] = Said(**answer)
    return manifest


@pytest.mark.parametrize(
    ("at", "answer", "fault", "says"),
    [
        (1, {"status": 404}, BlobMissing, "has no blob"),
        (1, {"status": 200, "body": OTHER[:-512] + bytes(512 - 1) + b"x"}, DigestMismatch, "is sha256:"),
        pytest.param(
            0,
            {"status": 200, "body": b"\x1f\x8bdamaged" * 20},
            DigestMismatch,
            "more than|is sha256:",
            id="what cannot be unpacked was damaged on the way: that is what is said",
        ),
        (1, {"status": 200, "body": OTHER[:100], "length": len(OTHER)}, RegistryUnavailable, "cut off"),
    ],
)
def test_a_damaged_layer(shelf: Shelf, at: int, answer: dict[str, Any], fault: type[Exception], says: str) -> None:
    manifest = spoil(shelf, at, **answer)
    with pytest.raises(fault, match=says) as raised:
        _ = image_of(shelf.repository, manifest, None).layers
    assert type(raised.value) is fault


@pytest.mark.parametrize(
    ("changes", "fault", "says"),
    [
        (lambda shelf: {"layers": [shelf.blob(OTHER, LAYER_TYPE)]}, BrokenImage, "some of its layers are missing"),
        (
            lambda shelf: {"layers": [shelf.blob(OTHER, LAYER_TYPE), shelf.blob(LAYER, LAYER_TYPE)]},
            BrokenImage,
            "layer 1 is damaged",
        ),
        (lambda shelf: {"config": shelf.blob(b"[]")}, BrokenImage, "config is missing"),
        (lambda shelf: {"layers": [shelf.blob(LAYER) | {"size": 7}] * 2}, NotAManifest, "more than 7 bytes"),
        (
            lambda shelf: {"layers": [shelf.blob(LAYER) | {"size": len(LAYER) + 1}] * 2},
            DigestMismatch,
            "its manifest says",
        ),
    ],
)
def test_an_image_other_than_it_says(shelf: Shelf, changes: Any, fault: type[Exception], says: str) -> None:
    with pytest.raises(fault, match=says):
        _ = image_of(shelf.repository, served(shelf, **changes(shelf)), None).layers


def test_one_that_is_too_large_is_not_fetched(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = served(shelf)
    asked = len(shelf.player.asked)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(BrokenImage, match="at most 100 bytes"):
        image_of(shelf.repository, manifest, None)
    assert len(shelf.player.asked) == asked


def test_a_registry_that_is_too_slow(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = served(shelf)
    monkeypatch.setattr(module, "MAX_SECONDS", -1.0)
    with pytest.raises(RegistryUnavailable, match="too slow: grade again"):
        _ = image_of(shelf.repository, manifest, None).layers


def index(shelf: Shelf, *entries: dict[str, Any]) -> Manifest:
    manifest = shelf.repository.manifest(shelf.index(entries))
    assert manifest is not None
    return manifest


ARM = Platform("linux", "arm64")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["linux/amd64", "linux/arm64"], 1),
        (["linux/amd64", "linux/arm64/v8"], 1),
        pytest.param(["linux/amd64", None], 1, id="one that does not say is asked for its config"),
        pytest.param([None, "linux/arm64"], 1, id="one that says so comes first"),
    ],
)
def test_the_image_for_a_platform(shelf: Shelf, said: list[str | None], expected: int) -> None:
    kinds = ["arm64" if number == expected else "amd64" for number in range(len(said))]
    entries = []
    for kind, platform in zip(kinds, said, strict=True):
        parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False)) if platform else None
        entries.append(
            shelf.image(
                {"os": "linux", "architecture": kind}, [kind.encode()], **({"platform": parts} if parts else {})
            )
        )
    found = of_platform(shelf.repository, index(shelf, *entries), ARM)
    assert found.digest == entries[expected]["digest"]


def test_an_image_that_is_no_index_is_what_it_is(shelf: Shelf) -> None:
    manifest = served(shelf)
    assert of_platform(shelf.repository, manifest, ARM) is manifest


def test_an_index_without_one_for_it(shelf: Shelf) -> None:
    entry = shelf.image({"os": "linux", "architecture": "amd64"}, platform={"os": "linux", "architecture": "amd64"})
    with pytest.raises(NotAManifest, match="no image for linux/arm64; it has linux/amd64"):
        of_platform(shelf.repository, index(shelf, entry), ARM)
    with pytest.raises(NotAManifest, match="it has none"):
        of_platform(shelf.repository, index(shelf), ARM)


def test_entries_that_lead_nowhere(shelf: Shelf) -> None:
    entry = shelf.image({"os": "linux"})
    nested = shelf.index([entry])
    cases = [
        (Descriptor("", A, 1), NotAManifest, "does not have it"),
        (Descriptor("", entry["digest"], entry["size"] + 1), DigestMismatch, "but the index says"),
        (Descriptor("", nested, len(index(shelf, entry).raw)), NotAManifest, "is another index"),
    ]
    for descriptor, fault, says in cases:
        with pytest.raises(fault, match=says):
            fetched(shelf.repository, descriptor)
