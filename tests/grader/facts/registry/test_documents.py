"""Manifests and what they name: what is read of them, and what is none."""

from __future__ import annotations

import json

import pytest

from grader.errors import SubmissionFault
from grader.facts.registry.documents import (
    OCI_INDEX,
    OCI_MANIFEST,
    ConfigDocument,
    Descriptor,
    Manifest,
    NotAManifest,
    Platform,
    digest_of,
    is_digest,
)
from tests.grader.facts.registry.played import ENTRY, A, B, document, index

NO_MANIFESTS = {
    "nothing": (b"", "", "not JSON"),
    "a page": (b"<html>", "text/html", "not JSON"),
    "a list": (b"[]", OCI_INDEX, "not an object"),
    "deep": (b'{"a":' + b"[" * 100_000, OCI_INDEX, "not JSON"),
    "a number without end": (b'{"schemaVersion": ' + b"9" * 10_000 + b"}", OCI_INDEX, "not JSON"),
    "schema 1": (b'{"schemaVersion": 1, "fsLayers": []}', "application/vnd.docker.distribution.manifest.v1+prettyjws",
                 "old schema 1"),
    "schema 1 under another name": (b'{"schemaVersion": 1, "fsLayers": []}', OCI_MANIFEST, "old schema 1"),
    "no version": (b'{"config": {}}', OCI_MANIFEST, "no schemaVersion"),
    "says other than it is served as": (document(mediaType=OCI_MANIFEST), OCI_INDEX, "calls itself"),
    "another kind of document": (document(mediaType="application/vnd.oci.artifact.manifest.v1+json"), "",
                                 "neither an image nor an index"),
    "both at once": (document(manifests=[]), OCI_MANIFEST, "at the same time"),
    "both at once, as an index": (document(manifests=[]), OCI_INDEX, "at the same time"),
    "no config": (json.dumps({"schemaVersion": 2, "layers": []}).encode(), OCI_MANIFEST, "where a digest should be"),
    "a digest that leads elsewhere": (document(layers=[ENTRY | {"digest": "sha256:../../../x"}]), OCI_MANIFEST,
                                      "where a digest should be"),
    "a size below nothing": (document(layers=[ENTRY | {"size": -1}]), OCI_MANIFEST, "as the size"),
    "a size that is true": (document(layers=[ENTRY | {"size": True}]), OCI_MANIFEST, "as the size"),
    "a table of layers": (document(layers={"0": ENTRY}), OCI_MANIFEST, "where a list should be"),
    "a layer that is a word": (document(layers=["x"]), OCI_MANIFEST, "where a digest should be"),
    "a subject that is none": (document(subject=7), OCI_MANIFEST, "where a digest should be"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "kind", "says"), NO_MANIFESTS.values(), ids=NO_MANIFESTS)
def test_what_is_no_manifest(raw: bytes, kind: str, says: str) -> None:
    with pytest.raises(NotAManifest, match=says) as caught:
        Manifest.read(raw, kind)
    assert isinstance(caught.value, SubmissionFault)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (document(), ""),
        (document(), "application/json; charset=utf-8"),
        (document(mediaType=OCI_MANIFEST), "text/plain"),
        (document(layers=None), OCI_MANIFEST),
        (index(), "application/json"),
        (index(manifests=None), OCI_INDEX),
        (index(annotations={"a": 7, "b": "c"}, subject=None), OCI_INDEX),
        (index(manifests=[ENTRY | {"platform": {"os": 7}}, ENTRY | {"platform": []}]), OCI_INDEX),
    ],
)
def test_odd_manifests(raw: bytes, kind: str) -> None:
    found = Manifest.read(raw, kind)
    assert found.is_index == (b"config" not in raw)
    assert all(isinstance(value, str) for value in found.annotations.values())


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/amd64/v2", None),
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("linux/arm", "linux/arm/v6"),
        ("linux/arm/v7", None),
        ("windows/amd64", None),
        ("linux/s390x", None),
        ("unknown/unknown", "unknown/unknown"),
    ],
)
def test_which_entry_of_an_index_is_taken(asked: str, found: str | None) -> None:
    names = ("unknown/unknown", "linux/amd64/v3", "linux/amd64", "linux/arm/v6", "linux/arm64/v8")
    platforms = [Platform.parse(name) for name in names]
    entries = [Descriptor(OCI_MANIFEST, A, 1, platform).to_dict() for platform in platforms]
    note = Descriptor(OCI_MANIFEST, B, 1, Platform("linux", "s390x"), {"vnd.docker.reference.type": "x"}).to_dict()
    entry = Manifest.read(index(manifests=[*entries, note])).of_platform(Platform.parse(asked))
    assert (str(entry.platform) if entry else None) == found


def test_what_a_manifest_says() -> None:
    layer = ENTRY | {"annotations": {"a": "b", "c": 5}, "artifactType": "x/y"}
    raw = document(layers=[layer], subject=ENTRY, artifactType="x/sbom", annotations={"made": "by hand"})
    found = Manifest.read(raw, OCI_MANIFEST)
    assert (found.digest, found.raw, found.artifact_type) == (digest_of(raw), raw, "x/sbom")
    assert (found.layers[0].annotations, found.layers[0].artifact_type, found.layers[0].size) == ({"a": "b"}, "x/y", 5)
    assert found.subject
    assert found.subject.digest == B
    assert found.annotations == {"made": "by hand"}
    assert Manifest.read(document()).artifact_type == "application/vnd.oci.image.config.v1+json", (
        "as old artifacts say it"
    )
    assert Manifest.read(raw, algorithm="sha512").digest == digest_of(raw, "sha512")


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        ENTRY | {"platform": {"os": "linux", "architecture": "arm", "variant": "v7"}},
        ENTRY | {"annotations": {"a": "b"}, "artifactType": "x"},
    ],
)
def test_a_descriptor_is_written_as_it_was_read(entry: dict[str, object]) -> None:
    assert Descriptor.of(entry).to_dict() == entry


@pytest.mark.parametrize(
    ("text", "platform", "plain"),
    [
        ("linux/amd64", Platform("linux", "amd64"), "linux/amd64"),
        ("linux/amd64/v1", Platform("linux", "amd64", "v1"), "linux/amd64"),
        ("linux/amd64/v3", Platform("linux", "amd64", "v3"), "linux/amd64/v3"),
        ("linux/arm/v7", Platform("linux", "arm", "v7"), "linux/arm"),
        ("linux/arm/v6", Platform("linux", "arm", "v6"), "linux/arm/v6"),
        ("linux/arm64/v8", Platform("linux", "arm64", "v8"), "linux/arm64"),
    ],
)
def test_platforms(text: str, platform: Platform, plain: str) -> None:
    found = Platform.parse(text)
    assert (found, str(found), str(found.plain)) == (platform, text, plain)


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "Linux/amd64", "a/b/c/d", "linux/amd 64", "linux/-x"]
)
def test_no_platform(text: str) -> None:
    with pytest.raises(ValueError, match="expected a platform"):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (A, True),
        ("sha512:" + "0" * 128, True),
        ("sha384:" + "f" * 96, True),
        (A.upper(), False),
        (A + "0", False),
        ("sha512:" + "0" * 64, False),
        ("md5:" + "0" * 32, False),
        (f"{A}\n", False),
        ("", False),
    ],
)
def test_which_digests_may_stand_in_an_address(text: str, known: bool) -> None:
    assert is_digest(text) is known


def test_a_config() -> None:
    raw = json.dumps({"os": "linux", "architecture": "arm", "variant": "v7", "rootfs": {"diff_ids": [A]}}).encode()
    found = ConfigDocument.read(raw, B)
    assert (found.digest, found.platform, found.diff_ids) == (B, Platform("linux", "arm", "v7"), (A,))
    assert ConfigDocument.read(b"{}", B).diff_ids == ()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"rootfs": {"diff_ids": "x"}}',
        b'{"rootfs": {"diff_ids": [5]}}',
        b'{"rootfs": {"diff_ids": ["sha256:x"]}}',
    ],
)
def test_no_config(raw: bytes) -> None:
    with pytest.raises(NotAManifest, match=r"is not an image's config|is no image's config"):
        ConfigDocument.read(raw, A)
