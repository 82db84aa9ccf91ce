"""A repository: on the lab's two registries, and on registries that answer as told, broken or hostile."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.errors import LoginRequired, RegistryUnavailable
from grader.facts.registry.documents import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    BlobMissing,
    DigestMismatch,
    NotAManifest,
    Platform,
)
from grader.facts.registry.repository import NoCatalogue, Repository, catalogue
from tests.grader.facts.registry.played import BLOB, BLOB_DIGEST, ENTRY, HERE, A, B, document, index
from tests.grader.registries import Asked, Player, Said, clear

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


@pytest.mark.lab
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


@pytest.mark.lab
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


@pytest.mark.lab
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


@pytest.mark.lab
def test_what_is_deleted_is_gone(repository: Repository) -> None:
    raw = image(repository)
    name = repository.put_manifest("one", raw, OCI_MANIFEST)
    repository.put_manifest("two", raw, OCI_MANIFEST)
    with pytest.raises(RegistryUnavailable, match="refuses the deletion of the tag two"):
        repository.delete_tag("two")  # this registry deletes by digest only
    assert repository.delete(name)
    assert repository.tags() == []
    assert repository.manifest(name) is None


@pytest.mark.lab
def test_a_manifest_without_its_blobs_is_refused_by_the_registry(repository: Repository) -> None:
    raw = image(repository).replace(b'"layers": []', f'"layers": [{json.dumps(named(NOWHERE))}]'.encode())
    with pytest.raises(RegistryUnavailable, match=r"refuses the manifest x .*MANIFEST_BLOB_UNKNOWN"):
        repository.put_manifest("x", raw, OCI_MANIFEST)


def named(digest: str) -> dict[str, Any]:
    return {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": 1}


@pytest.mark.lab
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


@pytest.mark.lab
def test_tags_are_sorted(repository: Repository) -> None:
    raw = image(repository)
    wanted = ["1.0", "A", "_x", "b.c-d_e", "t" * 128]
    for tag in reversed(wanted):
        repository.put_manifest(tag, raw, OCI_MANIFEST)
    assert repository.tags() == wanted


LOGINS = {
    "base64": {"auth": base64.b64encode(b"learner:layerwise").decode()},
    "as it is": {"username": "learner", "password": "layerwise"},
}


@pytest.mark.lab
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
        with pytest.raises(LoginRequired, match=r"needs a login \(401\): docker login localhost:5001"):
            Repository.parse(str(repository)).manifest(name)
    finally:
        clear(repository)


@pytest.mark.lab
def test_a_wrong_password_is_told_from_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(tmp_path, monkeypatch, {"auths": {"localhost:5001": {"username": "learner", "password": "wrong"}}})
    with pytest.raises(LoginRequired, match=r"does not accept the login it was given \(401\)"):
        Repository.parse("localhost:5001/me/tides").manifest("1.0")


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("text", ["localhost:5000/me/tides:1.0", f"localhost:5000/me/tides@{NOWHERE}", "me/Tides", ""])
def test_no_repository(text: str) -> None:
    with pytest.raises(ValueError, match="expected a repository"):
        Repository.parse(text)


@pytest.mark.parametrize("which", ["../../../etc", "a/b", "", "sha256:abc", "a?b", "t" * 129])
def test_what_is_no_tag_never_gets_into_an_address(which: str) -> None:
    repository = Repository.parse("localhost:5000/me/tides")
    with pytest.raises(ValueError, match="expected a tag or a digest"):
        repository.manifest(which)


def test_a_digest_is_counted_and_not_believed(play: Callable[..., tuple[Player, Repository]]) -> None:
    good = document()
    counted = "sha256:" + hashlib.sha256(good).hexdigest()
    kind = {"Content-Type": OCI_MANIFEST}
    _, repository = play(
        {
            f"GET {HERE}/manifests/lies": Said(200, good, kind | {"Docker-Content-Digest": A}),
            f"GET {HERE}/manifests/{A}": Said(200, good, kind | {"Docker-Content-Digest": A}),
            f"GET {HERE}/manifests/silent": Said(200, good, kind),
            f"GET {HERE}/manifests/odd": Said(200, good, kind | {"Docker-Content-Digest": "md5:1"}),
            f"GET {HERE}/blobs/{A}": Said(200, BLOB),
        }
    )
    for which in ("lies", A):
        with pytest.raises(DigestMismatch, match=f"as {A}: their digest is {counted}"):
            repository.manifest(which)
    for which in ("silent", "odd"):
        found = repository.manifest(which)
        assert found is not None
        assert found.digest == counted
    with pytest.raises(DigestMismatch, match=f"as {A}: their digest is {BLOB_DIGEST}"):
        repository.blob(A, 100)


def endless(asked: Asked) -> Said:
    return Said(200, b"x" * 6_000_000, {"Content-Type": OCI_MANIFEST}, length=1 << 40)


def test_no_more_is_read_than_is_asked_for(play: Callable[..., tuple[Player, Repository]]) -> None:
    _, repository = play({f"GET {HERE}/manifests/big": endless, f"GET {HERE}/blobs/{A}": endless})
    with pytest.raises(NotAManifest, match="more than 4 MiB"):
        repository.manifest("big")
    with pytest.raises(NotAManifest, match="more than 1,000,000 bytes"):
        repository.blob(A, 1_000_000)


def test_what_is_cut_off_is_the_registrys_fault(play: Callable[..., tuple[Player, Repository]]) -> None:
    _, repository = play({f"GET {HERE}/blobs/{BLOB_DIGEST}": Said(200, BLOB[:3], length=len(BLOB))})
    with pytest.raises(RegistryUnavailable, match="cut off"):
        repository.blob(BLOB_DIGEST, 100)


@pytest.mark.parametrize(
    "pages",
    [
        [(b'{"tags": "x"}', None)],
        [(b'{"tags": ["a/b"]}', None)],
        [(b'{"tags": ["\\u001b[31m"]}', None)],
        [(b'{"tags": [7]}', None)],
        [(b"[]", None)],
        [(b"", None)],
        [(b'{"tags": ["a"]}', f"<{HERE}/tags/list?n=1000>; rel=next")],
        [(b'{"tags": ["a"]}', '<https://example.com/>; rel="next"')],
        [(b'{"tags": ["a"]}', '<//example.com/>; rel="next"')],
    ],
)
def test_lists_of_tags_that_are_none(
    play: Callable[..., tuple[Player, Repository]], pages: list[tuple[bytes, str | None]]
) -> None:
    ((body, link),) = pages
    _, repository = play({f"GET {HERE}/tags/list?n=1000": Said(200, body, {"Link": link} if link else {})})
    with pytest.raises(RegistryUnavailable, match=r"makes no sense|redirects to an address that is not safe"):
        repository.tags()


def test_lists_of_tags_that_go_on(play: Callable[..., tuple[Player, Repository]]) -> None:
    following = f'<{HERE}/tags/list?last=b&n=1000>; rel="next"'
    _, repository = play(
        {
            f"GET {HERE}/tags/list?n=1000": Said(200, b'{"tags": ["b", "a"]}', {"Link": following}),
            f"GET {HERE}/tags/list?last=b&n=1000": Said(200, b'{"tags": ["c", "a"]}'),
        }
    )
    assert repository.tags() == ["a", "b", "c"]
    _, repository = play({f"GET {HERE}/tags/list?n=1000": Said(200, b'{"tags": null}')})
    assert repository.tags() == []


def test_referrers_as_a_registry_lists_them(play: Callable[..., tuple[Player, Repository]]) -> None:
    entries = [ENTRY | {"artifactType": "x/a"}, ENTRY | {"artifactType": "x/b"}]
    _, repository = play(
        {
            f"GET {HERE}/referrers/{A}": Said(200, index(manifests=entries)),
            # Not all registries pick out the kind that was asked for.
            f"GET {HERE}/referrers/{A}?artifactType=x%2Fb": Said(200, index(manifests=entries)),
            f"GET {HERE}/referrers/{B}": Said(200, index()),
            f"GET {HERE}/manifests/{B.replace(':', '-')}": Said(200, index(manifests=entries)),
        }
    )
    assert [entry.artifact_type for entry in repository.referrers(A)] == ["x/a", "x/b"]
    assert [entry.artifact_type for entry in repository.referrers(A, "x/b")] == ["x/b"]
    assert repository.referrers(B) == [], "a list that is empty is a list"


def test_the_catalogue_of_a_registry(play: Callable[..., tuple[Player, Repository]]) -> None:
    following = '</v2/_catalog?last=b&n=1000>; rel="next"'
    player, _ = play(
        {
            "GET /v2/_catalog?n=1000": Said(200, b'{"repositories": ["a", "b"]}', {"Link": following}),
            "GET /v2/_catalog?last=b&n=1000": Said(200, b'{"repositories": ["c"]}'),
        }
    )
    assert list(catalogue(player.address)) == ["a", "b", "c"]


@pytest.mark.parametrize("status", [404, 405])
def test_a_registry_that_lists_no_repositories(play: Callable[..., tuple[Player, Repository]], status: int) -> None:
    player, _ = play({"GET /v2/_catalog?n=1000": Said(status), "GET /v2/": Said(200)})
    with pytest.raises(NoCatalogue):
        list(catalogue(player.address))
