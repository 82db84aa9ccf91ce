"""Requests to a registry: refusals, logins and redirects that are broken, hostile, or lead elsewhere."""

from __future__ import annotations

import base64
import json
import socket
import urllib.request
from collections.abc import Callable

import pytest

from grader.errors import GraderError, LoginRequired, RegistryUnavailable
from grader.facts.registry import client as module
from grader.facts.registry.client import Challenge, Client, is_loopback
from grader.facts.registry.documents import OCI_MANIFEST
from grader.facts.registry.repository import Repository
from tests.grader.facts.registry.played import BLOB, BLOB_DIGEST, HERE, A, document
from tests.grader.registries import Asked, Player, Said


@pytest.mark.parametrize(
    ("said", "error", "says"),
    [
        (Said(500), RegistryUnavailable, "status 500"),
        (Said(503, b"busy"), RegistryUnavailable, "status 503"),
        (Said(429), RegistryUnavailable, "too many requests"),
        (Said(400, b'{"errors": [{"code": "TAG_INVALID"}]}'), RegistryUnavailable, "status 400, TAG_INVALID"),
        (Said(400, b'{"errors": [{"code": "\x1b[31m"}]}'), RegistryUnavailable, r"\(status 400\)"),
        (Said(418, b"[" * 60_000), RegistryUnavailable, "status 418"),
        (Said(401), LoginRequired, r"needs a login \(401\)"),
        (Said(401, headers={"WWW-Authenticate": "Digest nonce"}), LoginRequired, "needs a login"),
        (Said(401, headers={"WWW-Authenticate": "?"}), LoginRequired, "needs a login"),
        (Said(403), LoginRequired, r"\(403\)"),
        (Said(301), RegistryUnavailable, "status 301"),
        (Said(302, headers={"Location": f"{HERE}/manifests/x"}), RegistryUnavailable, "in a circle"),
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
    with pytest.raises(RegistryUnavailable, match="is not a registry"):
        repository.manifest("x")
    _, repository = play({f"GET {HERE}/manifests/x": Said(404), "GET /v2/": Said(200)})
    assert repository.manifest("x") is None


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
    with pytest.raises(RegistryUnavailable, match="redirects to an address that is not safe"):
        repository.blob(A, 100)


def test_an_upload_goes_nowhere_else(play: Callable[..., tuple[Player, Repository]]) -> None:
    _, repository = play({f"POST {HERE}/blobs/uploads/": Said(202, headers={"Location": "http://example.com/up"})})
    with pytest.raises(RegistryUnavailable, match="redirects to an address that is not safe"):
        repository.put_blob(b"x")
    _, repository = play({f"POST {HERE}/blobs/uploads/": Said(307, headers={"Location": "/elsewhere"})})
    with pytest.raises(RegistryUnavailable, match="it redirects what is pushed"):
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
        with pytest.raises(RegistryUnavailable, match="redirects to an address that is not safe"):
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


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Bearer realm="https://x/token",service="s"', ("bearer", {"realm": "https://x/token", "service": "s"})),
        ('BASIC realm="Registry Realm"', ("basic", {"realm": "Registry Realm"})),
        (
            'Bearer realm="a, b", scope="repository:x:pull,push"',
            ("bearer", {"realm": "a, b", "scope": "repository:x:pull,push"}),
        ),
        ("?", None),
        ("", None),
    ],
)
def test_how_a_registry_wants_to_be_asked(header: str, expected: tuple[str, dict[str, str]] | None) -> None:
    assert Challenge.of(header) == expected


@pytest.mark.parametrize("status", [200, 302, 401, 404, 500])
def test_its_answer_is_given_as_it_is(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    headers = {"X-Layerwise": "registry", "Location": "/elsewhere"}
    with Player({"GET /v2/": Said(status, b"{}", headers)}).running() as player:
        answer = Client(player.address, "").ping()
    assert (answer.status, answer.headers["x-layerwise"]) == (status, "registry")
    assert [(asked.path, "authorization" in asked.headers) for asked in player.asked] == [("/v2/", False)]


def test_nobody_there() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(RegistryUnavailable, match="does not answer"):
            Client(f"127.0.0.1:{bound.getsockname()[1]}", "").ping()


def test_one_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(RegistryUnavailable, match="timed out"):
        Client(f"127.0.0.1:{silent.getsockname()[1]}", "").ping(timeout=0.5)
