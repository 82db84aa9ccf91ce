"""The registry client before answers that are broken, hostile, or lead elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError, LoginRequired, RegistryUnavailable, SubmissionFault
from grader.facts.registry import (
    Descriptor,
    DigestMismatch,
    Manifest,
    NotAManifest,
    Platform,
    Repository,
    is_loopback,
)
from grader.facts.registry import client as module
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST
from tests.grader.registries import Asked, Player, Said

NAME = "me/tides"
HERE = f"/v2/{NAME}"
A, B = ("sha256:" + letter * 64 for letter in "ab")
BLOB = b"a blob"
BLOB_DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()


@pytest.fixture
def play() -> Iterator[Callable[..., tuple[Player, Repository]]]:
    """A registry that answers as told: `play(**{"GET /v2/…": Said(…)})`; 404 for everything else."""
    players = []

    def start(answers: dict[str, Any]) -> tuple[Player, Repository]:
        player = Player(answers)
        manager = player.running()
        manager.__enter__()
        players.append(manager)
        return player, Repository(player.address, NAME)

    yield start
    for manager in players:
        manager.__exit__(None, None, None)


def document(**more: Any) -> bytes:
    entry = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": A, "size": 1}
    return json.dumps({"schemaVersion": 2, "config": entry, "layers": []} | more).encode()


def index(**more: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": []} | more).encode()


ENTRY = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": B, "size": 5}
NO_MANIFESTS = {
    "nothing": (b"", "", "no JSON"),
    "a page": (b"<html>", "text/html", "no JSON"),
    "a list": (b"[]", OCI_INDEX, "no object"),
    "deep": (b'{"a":' + b"[" * 100_000, OCI_INDEX, "no JSON"),
    "a number without end": (b'{"schemaVersion": ' + b"9" * 10_000 + b"}", OCI_INDEX, "no JSON"),
    "schema 1": (b'{"schemaVersion": 1, "fsLayers": []}', "application/vnd.docker.distribution.manifest.v1+prettyjws",
                 "old schema 1"),
    "schema 1 under another name": (b'{"schemaVersion": 1, "fsLayers": []}', OCI_MANIFEST, "old schema 1"),
    "no version": (b'{"config": {}}', OCI_MANIFEST, "no schemaVersion"),
    "says other than it is served as": (document(mediaType=OCI_MANIFEST), OCI_INDEX, "calls itself"),
    "another kind of document": (document(mediaType="application/vnd.oci.artifact.manifest.v1+json"), "",
                                 "no manifest of an image or index"),
    "both at once": (document(manifests=[]), OCI_MANIFEST, "at the same time"),
    "both at once, as an index": (document(manifests=[]), OCI_INDEX, "at the same time"),
    "no config": (json.dumps({"schemaVersion": 2, "layers": []}).encode(), OCI_MANIFEST, "in place of a digest"),
    "a digest that leads elsewhere": (document(layers=[ENTRY | {"digest": "sha256:../../../x"}]), OCI_MANIFEST,
                                      "in place of a digest"),
    "a size below nothing": (document(layers=[ENTRY | {"size": -1}]), OCI_MANIFEST, "as the size"),
    "a size that is true": (document(layers=[ENTRY | {"size": True}]), OCI_MANIFEST, "as the size"),
    "a table of layers": (document(layers={"0": ENTRY}), OCI_MANIFEST, "a list is none"),
    "a layer that is a word": (document(layers=["x"]), OCI_MANIFEST, "in place of a digest"),
    "a subject that is none": (document(subject=7), OCI_MANIFEST, "in place of a digest"),
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
        with pytest.raises(DigestMismatch, match=f"as {A} is {counted}"):
            repository.manifest(which)
    for which in ("silent", "odd"):
        found = repository.manifest(which)
        assert found is not None
        assert found.digest == counted
    with pytest.raises(DigestMismatch, match=f"as {A} is {BLOB_DIGEST}"):
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
    ("said", "error", "says"),
    [
        (Said(500), RegistryUnavailable, "status 500"),
        (Said(503, b"busy"), RegistryUnavailable, "status 503"),
        (Said(429), RegistryUnavailable, "too many requests"),
        (Said(400, b'{"errors": [{"code": "TAG_INVALID"}]}'), RegistryUnavailable, "status 400, TAG_INVALID"),
        (Said(400, b'{"errors": [{"code": "\x1b[31m"}]}'), RegistryUnavailable, r"\(status 400\)"),
        (Said(418, b"[" * 60_000), RegistryUnavailable, "status 418"),
        (Said(401), LoginRequired, r"wants a login \(401\)"),
        (Said(401, headers={"WWW-Authenticate": "Digest nonce"}), LoginRequired, "wants a login"),
        (Said(401, headers={"WWW-Authenticate": "?"}), LoginRequired, "wants a login"),
        (Said(403), LoginRequired, r"\(403\)"),
        (Said(301), RegistryUnavailable, "status 301"),
        (Said(302, headers={"Location": f"{HERE}/manifests/x"}), RegistryUnavailable, "in circles"),
        (Said(204), RegistryUnavailable, "status 204"),
    ],
)
def test_refusals_and_nonsense(
    play: Callable[..., tuple[Player, Repository]], said: Said, error: type[GraderError], says: str
) -> None:
    _, repository = play({f"GET {HERE}/manifests/x": said})
    with pytest.raises(error, match=says) as caught:
        repository.manifest("x")
    assert type(caught.value) is error
    assert "\x1b" not in str(caught.value)


def test_a_web_server_is_no_registry(play: Callable[..., tuple[Player, Repository]]) -> None:
    _, repository = play({f"GET {HERE}/manifests/x": Said(404, b"<html>"), "GET /v2/": Said(404, b"<html>")})
    with pytest.raises(RegistryUnavailable, match="is no registry"):
        repository.manifest("x")
    _, repository = play({f"GET {HERE}/manifests/x": Said(404), "GET /v2/": Said(200)})
    assert repository.manifest("x") is None


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
    with pytest.raises(RegistryUnavailable, match=r"makes no sense|where we do not go"):
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


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def know(registry: str) -> None:
        text = base64.b64encode(b"ada:secret").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry: {"auth": text}}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    return know


BASIC = "Basic " + base64.b64encode(b"ada:secret").decode()


def test_the_token_dance(play: Callable[..., tuple[Player, Repository]], account: Callable[[str], None]) -> None:
    def handed_out(asked: Asked) -> Said:
        assert asked.headers.get("authorization") == BASIC
        return Said(200, json.dumps({"token": "t1"}).encode())

    issuer, _ = play({"GET /token?service=s&scope=repository%3Ame%2Ftides%3Apull": handed_out})

    def guarded(asked: Asked) -> Said:
        if asked.headers.get("authorization") == "Bearer t1":
            return Said(200, document(), {"Content-Type": OCI_MANIFEST})
        scope = 'scope="repository:me/tides:pull"'
        return Said(
            401, headers={"WWW-Authenticate": f'Bearer realm="http://{issuer.address}/token",service="s",{scope}'}
        )

    player, repository = play({f"GET {HERE}/manifests/x": guarded})
    account(player.address)
    assert repository.manifest("x") is not None
    assert repository.manifest("x") is not None
    assert len(issuer.asked) == 1, "a token is used again"
    assert len(player.asked) == 3


@pytest.mark.parametrize(
    ("realm", "said", "error"),
    [
        ("http://example.com/token", None, RegistryUnavailable),
        ("http://localhost.example.com/token", None, RegistryUnavailable),
        ("http://localhost:80@example.com/token", None, RegistryUnavailable),
        ("ftp://localhost/token", None, RegistryUnavailable),
        ("file:///etc/passwd", None, RegistryUnavailable),
        ("http://[::1/token", None, RegistryUnavailable),
        ("", None, RegistryUnavailable),
        ("http://{issuer}/token", Said(200, b"[]"), RegistryUnavailable),
        ("http://{issuer}/token", Said(200, b"{}"), RegistryUnavailable),
        ("http://{issuer}/token", Said(200, b'{"token": "a\\r\\nX-Other: b"}'), RegistryUnavailable),
        ("http://{issuer}/token", Said(500), RegistryUnavailable),
        ("http://{issuer}/token", Said(302, headers={"Location": "http://example.com/"}), RegistryUnavailable),
        ("http://{issuer}/token", Said(401), LoginRequired),
        (
            "http://{issuer}/token",
            Said(200, b'{"token": "of no use"}'.replace(b" of no use", b"")),
            RegistryUnavailable,
        ),
        ("http://{issuer}/token", Said(200, b'{"access_token": "of-no-use"}'), LoginRequired),
    ],
)
def test_logins_handed_out_wrongly(
    play: Callable[..., tuple[Player, Repository]],
    account: Callable[[str], None],
    realm: str,
    said: Said | None,
    error: type[GraderError],
) -> None:
    issuer, _ = play({"GET /token?scope=repository%3Ame%2Ftides%3Apull": said} if said else {})
    challenge = f'Bearer realm="{realm.format(issuer=issuer.address)}"'
    player, repository = play({f"GET {HERE}/manifests/x": Said(401, headers={"WWW-Authenticate": challenge})})
    account(player.address)
    with pytest.raises(RegistryUnavailable) as caught:
        repository.manifest("x")
    assert type(caught.value) is error
    assert "secret" not in str(caught.value)


def test_a_redirect_takes_no_login_along(
    play: Callable[..., tuple[Player, Repository]], account: Callable[[str], None]
) -> None:
    store, _ = play({"GET /somewhere?signed=1": Said(200, BLOB)})

    def guarded(asked: Asked) -> Said:
        if asked.headers.get("authorization") == BASIC:
            return Said(307, headers={"Location": f"http://{store.address}/somewhere?signed=1"})
        return Said(401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    player, repository = play({f"GET {HERE}/blobs/{BLOB_DIGEST}": guarded})
    account(player.address)
    assert repository.blob(BLOB_DIGEST, 100) == BLOB
    assert "authorization" not in store.asked[0].headers

    # Nor is what the other host asks for answered.
    store.answers["GET /somewhere?signed=1"] = Said(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    with pytest.raises(LoginRequired):
        repository.blob(BLOB_DIGEST, 100)
    assert all("authorization" not in asked.headers for asked in store.asked)


@pytest.mark.parametrize("place", ["http://example.com/blob", "file:///etc/passwd", "http://127.0.0.1@example.com/"])
def test_a_redirect_to_where_we_do_not_go(play: Callable[..., tuple[Player, Repository]], place: str) -> None:
    _, repository = play({f"GET {HERE}/blobs/{A}": Said(307, headers={"Location": place})})
    with pytest.raises(RegistryUnavailable, match="where we do not go"):
        repository.blob(A, 100)


def test_an_upload_goes_nowhere_else(play: Callable[..., tuple[Player, Repository]]) -> None:
    _, repository = play({f"POST {HERE}/blobs/uploads/": Said(202, headers={"Location": "http://example.com/up"})})
    with pytest.raises(RegistryUnavailable, match="where we do not go"):
        repository.put_blob(b"x")
    _, repository = play({f"POST {HERE}/blobs/uploads/": Said(307, headers={"Location": "/elsewhere"})})
    with pytest.raises(RegistryUnavailable, match="sends what is pushed elsewhere"):
        repository.put_blob(b"x")


def test_elsewhere_https_is_spoken_and_this_machine_is_out_of_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(request: urllib.request.Request, timeout: float) -> None:
        asked.append(request.full_url)
        raise OSError("not from here")

    repository = Repository.parse("registry.example.com/me/tides")
    monkeypatch.setattr(repository._client._opener, "open", refuse)
    with pytest.raises(RegistryUnavailable, match=r"registry.example.com does not answer \(not from here\)"):
        repository.manifest("1.0")
    assert asked == ["https://registry.example.com/v2/me/tides/manifests/1.0"]
    for place in ("http://localhost:8888/", "https://127.0.0.1/", "http://registry.example.com/", "https:///x"):
        with pytest.raises(RegistryUnavailable, match="where we do not go"):
            repository._client.allowed("", place)
    assert (
        repository._client.allowed("https://a.example.com/x", "//cdn.example.com/a?b") == "https://cdn.example.com/a?b"
    )


def test_docker_hub_has_an_address_of_its_own() -> None:
    assert Repository.parse("python")._client.base == "https://registry-1.docker.io"
    assert str(Repository.parse("python")) == "docker.io/library/python"


def test_who_does_not_answer_is_not_waited_for(
    play: Callable[..., tuple[Player, Repository]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", -1.0)
    _, repository = play({f"GET {HERE}/manifests/x": Said(200, document())})
    with pytest.raises(RegistryUnavailable, match="did not end"):
        repository.manifest("x")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("localhost:5000", True), ("127.0.0.1:5000", True), ("127.8.8.8", True),
        ("[::1]:5000", True),
        ("localhost.example.com", False), ("example.com", False), ("10.0.0.1:5000", False), ("127.0.0.1.nip.io", False),
        ("localhost@example.com", False), ("", False), ("[::1", False), ("0.0.0.0", False),
    ],
)  # fmt: skip
def test_what_this_machine_is(host: str, local: bool) -> None:
    assert is_loopback(host) is local
