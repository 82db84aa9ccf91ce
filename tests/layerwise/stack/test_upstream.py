"""The published originals: is their registry there, and does one of them arrive as it was published."""

from __future__ import annotations

import io
import json
import os
import socket
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import distribution, recipe, upstream
from layerwise.stack.certificates import Trust
from layerwise.stack.run import CommandFailed

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
ORIGINALS = "test/library/python"
BROUGHT = "test/brought"
"""Two repositories for all tests: a registry remembers the name of each that it ever held."""

LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
Engine = Callable[..., str]


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_probes", {})


def answering(what: int | Exception) -> Callable[..., object]:
    """A urlopen that gives this status, or this failure."""

    def urlopen(url: str, timeout: float) -> object:
        if isinstance(what, Exception):
            raise what
        if what >= 400:
            raise urllib.error.HTTPError(url, what, "", Message(), io.BytesIO())
        return io.BytesIO()

    return urlopen


@pytest.mark.parametrize(
    ("answer", "reachable"),
    [
        (200, True),
        (401, True),
        (429, True),
        (403, False),  # a proxy that forbids
        (503, False),
        (urllib.error.URLError("no such host"), False),
        (TimeoutError(), False),
        (ConnectionResetError(), False),
    ],
    ids=str,
)
def test_reachable(answer: int | Exception, reachable: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(urllib.request, "urlopen", answering(answer))
    assert upstream.reachable("docker.io") is reachable


def test_a_registry_is_asked_once_and_under_its_own_host(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(upstream, "_probe", lambda host: asked.append(host) or True)
    assert upstream.reachable("docker.io")
    assert upstream.reachable("docker.io")
    assert upstream.reachable("gcr.io")
    assert asked == ["registry-1.docker.io", "gcr.io"]


def test_a_host_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upstream, "PROBE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not upstream.reachable(f"127.0.0.1:{silent.getsockname()[1]}")


class Original:
    """An image for one or more architectures at the lab's own registry, as somebody upstream would publish it."""

    def __init__(self, engine: Engine, folder: Path, architectures: list[str]) -> None:
        self.unique = uuid.uuid4().hex[:8]
        self.reference = f"localhost:5000/{ORIGINALS}:{self.unique}"
        self.tag = f"localhost:5000/{BROUGHT}:{self.unique}"
        self.engine = engine
        self.tags = [self.unique, *(f"{self.unique}-{name}" for name in architectures if len(architectures) > 1)]
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY f /\nLABEL a=b\n")
        for architecture, tag in zip(architectures, self.tags[-len(architectures) :], strict=True):
            (folder / "f").write_text(self.unique + architecture)
            engine(
                *("buildx", "build", "--quiet", "--provenance=false", "--platform", f"linux/{architecture}", "--push"),
                *("--tag", f"localhost:5000/{ORIGINALS}:{tag}", str(folder)),
            )
        if len(architectures) > 1:
            self.join(architectures)
        self.forget()

    def join(self, architectures: list[str]) -> None:
        """Publish the images of several architectures under one tag."""
        entries = []
        for architecture, tag in zip(architectures, self.tags[1:], strict=True):
            one = distribution.ask(f"/v2/{ORIGINALS}/manifests/{tag}")
            entries.append(
                {
                    "mediaType": one.headers["content-type"],
                    "digest": one.headers["docker-content-digest"],
                    "size": len(one.body),
                    "platform": {"os": "linux", "architecture": architecture},
                }
            )
        request = urllib.request.Request(
            f"http://127.0.0.1:5000/v2/{ORIGINALS}/manifests/{self.unique}",
            method="PUT",
            headers={"Content-Type": LIST},
            data=json.dumps({"schemaVersion": 2, "mediaType": LIST, "manifests": entries}).encode(),
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 201

    def forget(self) -> None:
        self.engine("image", "rm", "--force", self.tag, *(f"localhost:5000/{ORIGINALS}:{tag}" for tag in self.tags))

    @property
    def digest(self) -> str | None:
        """The digest it was published with."""
        return distribution.digest(ORIGINALS, self.unique)

    @property
    def brought(self) -> str | None:
        """The digest of what was pushed in the end."""
        return distribution.digest(BROUGHT, self.unique)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of what was pushed in the end."""
        found = distribution.labels(BROUGHT, self.unique)
        assert found is not None
        return found

    def bring(self, env: dict[str, str], trust: Trust) -> None:
        upstream.bring(
            self.reference,
            self.tag,
            env=env,
            trust=trust,
            push=lambda: upstream.run(["docker", "push", self.tag], env=env, timeout=120),
            progress=lambda text: None,
        )


@pytest.fixture
def original(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Original]:
    made = Original(engine, tmp_path, getattr(request, "param", ["amd64"]))
    yield made
    made.forget()
    for repository, tag in [*((ORIGINALS, tag) for tag in made.tags), (BROUGHT, made.unique)]:
        if digest := distribution.digest(repository, tag):
            assert distribution.ask(f"/v2/{repository}/manifests/{digest}", method="DELETE").status == 202


@pytest.mark.lab
def test_an_original_is_kept_byte_for_byte(original: Original, env: dict[str, str], engine: Engine):
    original.bring(env, Trust())
    assert original.brought == original.digest
    assert original.labels == {"a": "b"}
    assert not engine("image", "ls", "--quiet", original.reference), "the original's own tag stays only where it was"


@pytest.mark.lab
def test_an_original_that_was_on_the_engine_stays(original: Original, env: dict[str, str], engine: Engine):
    engine("pull", "--quiet", original.reference)
    original.bring(env, Trust())
    assert engine("image", "ls", "--quiet", original.reference)


@pytest.mark.lab
def test_private_certificates_are_added_on_top(original: Original, env: dict[str, str], engine: Engine):
    trust = Trust((PEM,))
    original.bring(env, trust)
    labels = original.labels
    assert labels[recipe.ORIGIN] == "upstream"
    assert labels[recipe.CERTIFICATES] == trust.fingerprint
    assert (labels["layerwise"], labels["a"]) == ("base", "b")
    container = engine("create", original.tag, "x")
    try:
        assert PEM.strip() in engine("cp", f"{container}:/etc/ssl/certs/ca-certificates.crt", "-")
        assert PEM.strip() in engine("cp", f"{container}:/usr/local/share/ca-certificates/private-1.crt", "-")
        assert "cert = /etc/ssl/certs/ca-certificates.crt" in engine("cp", f"{container}:/etc/pip.conf", "-")
    finally:
        engine("rm", container)


@pytest.mark.lab
@pytest.mark.parametrize("original", [["amd64", "arm64"]], indirect=True)
def test_an_original_of_many_platforms_arrives_on_any_engine(original: Original, env: dict[str, str]):
    """Some engines refuse to push an index of which they pulled one platform; then that platform is pushed."""
    original.bring(env, Trust())
    answer = distribution.ask(f"/v2/{BROUGHT}/manifests/{original.unique}")
    if answer.headers["content-type"] == LIST:
        assert original.brought == original.digest
    else:
        assert "config" in json.loads(answer.body)
        assert original.labels.get(recipe.ORIGIN, "upstream") == "upstream"


@pytest.mark.lab
def test_an_original_that_is_not_there(env: dict[str, str]):
    with pytest.raises(CommandFailed):
        upstream.bring(
            "localhost:5000/upstream/no-such-image:1",
            "localhost:5000/base-never:1",
            env=env,
            trust=Trust(),
            push=lambda: None,
            progress=lambda text: None,
        )


@pytest.mark.engine
def test_labels_of_no_image(env: dict[str, str]):
    assert upstream.labels("localhost:5000/no-such-image:1", env) is None


def test_labels_of_an_image_whose_parts_are_lost(tmp_path: Path):
    """What Docker 26.1 says of an image whose configuration was deleted from its store."""
    said = (
        "Error response from daemon: failed to get config descriptor: rpc error: code = NotFound desc = blob "
        "sha256:ee1c4a1353789caf440d1d75fc421f86ff23d6e2966e9eb3117fb4527d62b658 expected at /var/lib/docker/x"
    )
    (tmp_path / "docker").write_text(f"#!/bin/sh\necho '{said}' >&2; exit 1\n")
    (tmp_path / "docker").chmod(0o755)
    with pytest.raises(LabError, match=r"has lost a part of it .*; \./lab down --purge"):
        upstream.labels("x", {"PATH": str(tmp_path)})


def test_labels_without_an_engine_is_an_error():
    env = {"DOCKER_HOST": "unix:///nowhere/docker.sock", "PATH": os.environ["PATH"]}
    with pytest.raises(CommandFailed, match="Cannot connect"):
        upstream.labels("x", env)
