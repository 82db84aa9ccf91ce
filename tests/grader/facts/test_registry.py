"""The registry client on the lab's two registries: what is pushed, listed, read, deleted, and who may."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.errors import LoginRequired, RegistryUnavailable
from grader.facts.dockerfile import parse_reference
from grader.facts.registry import BlobMissing, Platform, Repository, digest, has_manifest, layers
from grader.facts.registry.documents import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.grader.registries import clear

pytestmark = pytest.mark.lab
RUN = uuid.uuid4().hex
EMPTY = "application/vnd.oci.empty.v1+json"
NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
def repository() -> Iterator[Repository]:
    """An empty one on the lab's registry, of which nothing is left."""
    repository = Repository.parse(f"localhost:5000/test-registry/{RUN}")
    yield repository
    clear(repository)


def image(repository: Repository, kind: str = OCI_MANIFEST, **more: Any) -> bytes:
    """A manifest of next to nothing, its config pushed."""
    config = repository.put_blob(b"{}", EMPTY).to_dict()
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [], **more}).encode()


def test_what_is_pushed_is_read_again(repository: Repository) -> None:
    layer = repository.put_blob(b"layer " * 100_000, "application/vnd.oci.image.layer.v1.tar")
    raw = image(repository, layers=[layer.to_dict()], annotations={"a": "b"})
    name = repository.put_manifest("1.0", raw, OCI_MANIFEST)
    assert name == "sha256:" + hashlib.sha256(raw).hexdigest()
    manifest = repository.manifest("1.0")
    assert manifest is not None
    assert manifest == repository.manifest(name)
    assert (manifest.digest, manifest.media_type, manifest.raw) == (name, OCI_MANIFEST, raw)
    assert (manifest.is_index, list(manifest.layers), manifest.annotations) == (False, [layer], {"a": "b"})
    assert repository.has_blob(layer.digest) == 600_000
    assert repository.blob(layer.digest, 600_000) == b"layer " * 100_000
    with repository.open_blob(layer.digest) as chunks:
        assert sum(len(chunk) for chunk in chunks) == 600_000


@pytest.mark.parametrize("kinds", [(OCI_MANIFEST, OCI_INDEX), (DOCKER_MANIFEST, DOCKER_LIST)])
def test_an_index_of_each_kind(repository: Repository, kinds: tuple[str, str]) -> None:
    entries = []
    for architecture in ("amd64", "arm64"):
        raw = image(repository, kinds[0], annotations={"for": architecture})
        named = repository.put_manifest(architecture, raw, kinds[0])
        platform = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": kinds[0], "digest": named, "size": len(raw), "platform": platform})
    raw = json.dumps({"schemaVersion": 2, "mediaType": kinds[1], "manifests": entries}).encode()
    repository.put_manifest("both", raw, kinds[1])
    index = repository.manifest("both")
    assert index is not None
    assert (index.is_index, index.media_type, index.config) == (True, kinds[1], None)
    found = index.of_platform(Platform("linux", "arm64"))
    assert found is not None
    assert found.digest == entries[1]["digest"]
    assert index.of_platform(Platform("linux", "riscv64")) is None
    assert repository.tags() == ["amd64", "arm64", "both"]


def test_what_is_not_there(repository: Repository) -> None:
    assert repository.tags() == []
    assert repository.manifest("latest") is None
    assert repository.manifest(NOWHERE) is None
    assert repository.has_blob(NOWHERE) is None
    assert repository.referrers(NOWHERE) == []
    assert not repository.delete(NOWHERE)
    assert not repository.delete_blob(NOWHERE)
    with pytest.raises(BlobMissing, match="has no blob"):
        repository.blob(NOWHERE, 10)


def test_what_is_deleted_is_gone(repository: Repository) -> None:
    raw = image(repository)
    name = repository.put_manifest("one", raw, OCI_MANIFEST)
    repository.put_manifest("two", raw, OCI_MANIFEST)
    with pytest.raises(RegistryUnavailable, match="refuses the deletion of the tag two"):
        repository.delete_tag("two")  # this registry deletes by digest only
    assert repository.delete(name)
    assert repository.tags() == []
    assert repository.manifest(name) is None


def test_a_manifest_without_its_blobs_is_refused_by_the_registry(repository: Repository) -> None:
    raw = image(repository).replace(b'"layers": []', f'"layers": [{json.dumps(named(NOWHERE))}]'.encode())
    with pytest.raises(RegistryUnavailable, match=r"refuses the manifest x .*MANIFEST_BLOB_UNKNOWN"):
        repository.put_manifest("x", raw, OCI_MANIFEST)


def named(digest: str) -> dict[str, Any]:
    return {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": 1}


def test_referrers_stand_under_the_tag_where_the_registry_keeps_no_list(repository: Repository) -> None:
    name = repository.put_manifest("1.0", image(repository), OCI_MANIFEST)
    about = image(repository, subject={"mediaType": OCI_MANIFEST, "digest": name, "size": 1}, artifactType="x/sbom")
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": repository.put_manifest("sbom", about, OCI_MANIFEST),
        "size": len(about),
        "artifactType": "x/sbom",
    }
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    repository.put_manifest(name.replace(":", "-"), index, OCI_INDEX)
    (found,) = repository.referrers(name)
    assert (found.digest, found.artifact_type) == (entry["digest"], "x/sbom")
    assert repository.referrers(name, "x/sbom") == [found]
    assert repository.referrers(name, "x/signature") == []
    pushed = repository.manifest(found.digest)
    assert pushed is not None
    assert pushed.subject is not None
    assert (pushed.subject.digest, pushed.artifact_type) == (name, "x/sbom")


def test_tags_are_sorted(repository: Repository) -> None:
    raw = image(repository)
    wanted = ["1.0", "A", "_x", "b.c-d_e", "t" * 128]
    for tag in reversed(wanted):
        repository.put_manifest(tag, raw, OCI_MANIFEST)
    assert repository.tags() == wanted


def test_what_other_facts_ask() -> None:
    busybox = parse_reference("localhost:5000/base/busybox:musl")
    assert busybox is not None
    name = digest(busybox)
    pinned = parse_reference(f"localhost:5000/base/busybox@{name}")
    elsewhere = parse_reference(f"localhost:5000/base/nowhere@{name}")
    assert pinned is not None
    assert elsewhere is not None
    assert has_manifest(pinned)
    assert not has_manifest(elsewhere)
    assert digest(elsewhere) is None
    manifest = Repository.of(busybox).manifest("musl")
    assert manifest is not None
    config = Repository.of(busybox).image_config(manifest)
    assert layers(busybox, config.platform.architecture) == config.diff_ids
    assert layers(elsewhere, "amd64") is None


@pytest.mark.parametrize("text", ["localhost:5000/me/tides:1.0", f"localhost:5000/me/tides@{NOWHERE}", "me/Tides", ""])
def test_no_repository(text: str) -> None:
    with pytest.raises(ValueError, match="expected a repository"):
        Repository.parse(text)


@pytest.mark.parametrize("which", ["../../../etc", "a/b", "", "sha256:abc", "a?b", "t" * 129])
def test_what_is_no_tag_never_gets_into_an_address(which: str) -> None:
    repository = Repository.parse("localhost:5000/me/tides")
    with pytest.raises(ValueError, match="expected a tag or a digest"):
        repository.manifest(which)


LOGINS = {
    "base64": {"auth": base64.b64encode(b"learner:layerwise").decode()},
    "as it is": {"username": "learner", "password": "layerwise"},
}


@pytest.mark.parametrize("entry", LOGINS.values(), ids=LOGINS)
@pytest.mark.parametrize("key", ["localhost:5001", "http://localhost:5001/v2/"])
def test_a_registry_with_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: dict[str, str], key: str
) -> None:
    configure(tmp_path, monkeypatch, {"auths": {"localhost:1": {}, key: entry}})
    repository = Repository.parse(f"localhost:5001/test-registry/{RUN}")
    try:
        name = repository.put_manifest("1.0", image(repository), OCI_MANIFEST)
        assert repository.tags() == ["1.0"]
        configure(tmp_path, monkeypatch, {})
        with pytest.raises(LoginRequired, match=r"wants a login \(401\): docker login localhost:5001"):
            Repository.parse(str(repository)).manifest(name)
    finally:
        clear(repository)


def test_a_wrong_password_is_told_from_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(tmp_path, monkeypatch, {"auths": {"localhost:5001": {"username": "learner", "password": "wrong"}}})
    with pytest.raises(LoginRequired, match=r"does not take the login it was given \(401\)"):
        Repository.parse("localhost:5001/me/tides").manifest("1.0")


HELPERS = {
    "has it": (
        'read -r key; [ "$key" = localhost:5001 ] && echo \'{"Username": "learner", "Secret": "layerwise"}\'',
        True,
    ),
    "has none": ("echo credentials not found in native keychain; exit 1", False),
    "no JSON": ("echo hello", False),
    "an identity token": ('echo \'{"Username": "<token>", "Secret": "x"}\'', False),
    "reads nothing and prints no end": ("yes", False),
}


@pytest.mark.parametrize("store", [{"credsStore": "test"}, {"credHelpers": {"localhost:5001": "test"}}])
@pytest.mark.parametrize(("script", "good"), HELPERS.values(), ids=HELPERS)
def test_a_login_from_a_helper_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: dict[str, Any], script: str, good: bool
) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    configure(tmp_path, monkeypatch, store)
    repository = Repository.parse("localhost:5001/me/no-such-thing")
    if good:
        assert repository.manifest("1.0") is None
    else:
        with pytest.raises(LoginRequired):
            repository.manifest("1.0")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"auths": 7}', '{"auths": {"localhost:5001": {"auth": "!"}}}',
                                  '{"credsStore": "../../bin/sh"}', '{"credsStore": "not-there"}'])  # fmt: skip
def test_a_config_that_makes_no_sense_holds_no_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(LoginRequired, match="wants a login"):
        Repository.parse("localhost:5001/me/tides").manifest("1.0")


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    (folder / "config.json").write_text(json.dumps(config))
