"""The published originals: is their registry there, and does one of them arrive as it was published."""

from __future__ import annotations

import base64
import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from grader.facts.dockerfile.reference import parse_reference
from grader.facts.registry import lookup
from grader.facts.registry.documents import DOCKER_LIST, Descriptor, Platform
from grader.facts.registry.repository import Repository
from layerwise.errors import LabError
from layerwise.stack import isolated, recipe, rootfs, upstream
from layerwise.stack.certificates import Trust
from layerwise.stack.isolated import Design
from layerwise.stack.paths import Home
from layerwise.stack.run import CommandFailed
from tests.grader.registries import Player, Said

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
ORIGINALS = Repository.parse("localhost:5000/test/library/python")
BROUGHT = Repository.parse("localhost:5000/test/brought")
"""Two repositories for all tests: a registry remembers the name of each that it ever held."""

Engine = Callable[..., str]


NAME = "docker.io/library/busybox:musl"
ASKED = f"GET /v1.43/distribution/{NAME}/json"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_silent", set())


@pytest.mark.parametrize(
    ("answer", "answers"),
    [
        (200, True),
        (401, True),
        (429, True),
        (403, False),  # a proxy that forbids
        (503, False),
        (302, False),  # a network that wants to be logged in to
    ],
)
def test_a_registry_answers_this_process(answer: int, answers: bool):
    with Player({"GET /v2/": Said(answer)}).running() as player:
        assert upstream.answers(player.address) is answers


def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upstream, "PING_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not upstream.answers(f"127.0.0.1:{silent.getsockname()[1]}")


def engine_that_says(status: int) -> Player:
    """An engine that is asked for an image, and what it says then."""
    version = Said(200, b'{"ApiVersion": "1.43"}')
    told = b'{"message": "because", "Descriptor": {"digest": "sha256:1"}}'
    return Player({"GET /version": version, ASKED: Said(status, told)}, lab=False)


@pytest.mark.parametrize(
    ("status", "has"),
    [
        (200, True),
        (401, False),  # a repository that wants a login
        (403, False),
        (404, False),
        (429, False),  # a pull quota that is used up
        (500, False),  # no such host, no route, a proxy that forbids; a mirror may have the next image
    ],
)
def test_the_engine_is_asked(status: int, has: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_CONFIG", "/none")
    with engine_that_says(status).running() as player:
        env = {"DOCKER_HOST": f"tcp://{player.address}"}
        assert [upstream.has(NAME, env), upstream.digest(NAME, env)] == [has, "sha256:1" if has else None]
        asked = [each for each in player.asked if "distribution" in each.path]
    assert len(asked) == 2
    assert base64.b64decode(asked[0].headers["x-registry-auth"]) == b"{}", "no login of the person's goes along"


def test_a_registry_that_only_costs_time_is_asked_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upstream, "SLOW_SECONDS", 0.0)
    with engine_that_says(500).running() as player:
        env = {"DOCKER_HOST": f"tcp://{player.address}"}
        assert [upstream.has(NAME, env), upstream.has(NAME, env)] == [False, False]
        assert len([each for each in player.asked if "distribution" in each.path]) == 1


def test_each_registry_has_its_own_silence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upstream, "SLOW_SECONDS", 0.0)
    with engine_that_says(200).running() as player:
        env = {"DOCKER_HOST": f"tcp://{player.address}"}
        other = "gcr.io/distroless/static-debian13:latest"
        player.answers[f"GET /v1.43/distribution/{other}/json"] = Said(500, b"{}")
        assert not upstream.has(other, env)
        assert upstream.has(NAME, env)


def test_an_engine_that_does_not_answer_gets_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upstream, "ASK_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not upstream.has(NAME, {"DOCKER_HOST": f"tcp://127.0.0.1:{silent.getsockname()[1]}"})


class Original:
    """An image for one or more architectures at the lab's own registry, as somebody upstream would publish it."""

    def __init__(self, engine: Engine, folder: Path, architectures: list[str]) -> None:
        self.unique = uuid.uuid4().hex[:8]
        self.reference = f"{ORIGINALS}:{self.unique}"
        self.tag = f"{BROUGHT}:{self.unique}"
        self.engine = engine
        self.tags = [self.unique, *(f"{self.unique}-{name}" for name in architectures if len(architectures) > 1)]
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY f /\nLABEL a=b\n")
        for architecture, tag in zip(architectures, self.tags[-len(architectures) :], strict=True):
            (folder / "f").write_text(self.unique + architecture)
            engine(
                *("buildx", "build", "--quiet", "--provenance=false", "--platform", f"linux/{architecture}", "--push"),
                *("--tag", f"{ORIGINALS}:{tag}", str(folder)),
            )
        if len(architectures) > 1:
            self.join(architectures)
        self.forget()

    def join(self, architectures: list[str]) -> None:
        """Publish the images of several architectures under one tag."""
        entries = []
        for architecture, tag in zip(architectures, self.tags[1:], strict=True):
            one = ORIGINALS.manifest(tag)
            assert one
            entry = Descriptor(one.media_type, one.digest, len(one.raw), Platform("linux", architecture))
            entries.append(entry.to_dict())
        index = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": entries}
        ORIGINALS.put_manifest(self.unique, json.dumps(index).encode(), DOCKER_LIST)

    def forget(self) -> None:
        self.engine("image", "rm", "--force", self.tag, *(f"{ORIGINALS}:{tag}" for tag in self.tags))

    @property
    def digest(self) -> str | None:
        """The digest it was published with."""
        return self._digest(ORIGINALS, self.unique)

    @property
    def brought(self) -> str | None:
        """The digest of what was pushed in the end."""
        return self._digest(BROUGHT, self.unique)

    @staticmethod
    def _digest(repository: Repository, tag: str) -> str | None:
        manifest = repository.manifest(tag)
        return manifest.digest if manifest else None

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of what was pushed in the end."""
        reference = parse_reference(self.tag)
        assert reference
        found = lookup.labels(reference)
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
        if manifest := repository.manifest(tag):
            assert repository.delete(manifest.digest)


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
    brought = BROUGHT.manifest(original.unique)
    assert brought
    if brought.media_type == DOCKER_LIST:
        assert brought.digest == original.digest
    else:
        assert brought.config
        assert original.labels.get(recipe.ORIGIN, "upstream") == "upstream"


@pytest.mark.lab
@pytest.mark.alone
@pytest.mark.long
def test_an_engine_behind_a_mirror_has_what_the_mirror_has(original: Original, env: dict[str, str], tmp_path: Path):
    """The lab's registry is a mirror of Docker Hub here, as a company may have one. Only the engine knows of it."""
    design = Design("behind a mirror", rootfs.LAB, containerd=True, mirrors=("http://localhost:5000",))
    with isolated.running(Home(tmp_path), design, say=print) as engine:
        there = {**env, "DOCKER_HOST": engine.host}
        assert not upstream.has("docker.io/library/alpine:3.22", there), "the mirror does not have it"
        original.reference = original.reference.replace("localhost:5000/", "docker.io/")
        assert upstream.has(original.reference, there)
        original.bring(there, Trust())
    assert original.brought == original.digest


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
