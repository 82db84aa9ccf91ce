"""The interface to the engine: which engines are taken, and what is asked of them for images and containers."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from grader.errors import EngineFailure, EngineUnavailable
from grader.facts.engine import engine as module
from grader.facts.engine.command import run_command
from grader.facts.engine.engine import Engine, program_archive
from grader.facts.registry.repository import Repository
from grader.lib import owner
from tests.grader.facts.engine.played import INFO, NOTHING, Player, played

HERE = "localhost:5000/layerwise-test-engine/busybox:here"


@pytest.mark.lab
def test_an_image_is_fetched_when_it_is_not_there(engine: Engine, base: str) -> None:
    repository, source = Repository.parse(HERE.rpartition(":")[0]), Repository.parse(base.rpartition(":")[0])
    manifest = source.manifest("musl")
    assert manifest is not None
    assert manifest.config is not None
    for blob in (manifest.config, *manifest.layers):
        repository.put_blob(source.blob(blob.digest, 50 << 20))
    digest = repository.put_manifest("here", manifest.raw, manifest.media_type)
    try:
        engine.remove_image(HERE)
        engine.pull(HERE)
        assert run_command(engine, HERE, ["true"], timeout=30).exit_code == 0
        repository.delete(digest)
        engine.pull(HERE)  # it is there, so nobody is asked
    finally:
        engine.remove_image(HERE)
        repository.delete(digest)


@pytest.mark.lab
@pytest.mark.parametrize("name", ["localhost:5000/layerwise-test-engine/none:1", "localhost:1/none:1"])
def test_an_image_that_cannot_be_had_is_nobodys_fault(engine: Engine, name: str) -> None:
    with pytest.raises(EngineFailure):
        engine.pull(name)


@pytest.mark.lab
def test_a_file_is_laid_beside_the_program(engine: Engine, base: str) -> None:
    key = program_archive("key.pub", b"a point\n")
    outcome = run_command(engine, base, ["cat", "/key.pub"], timeout=30, archives=[key])
    assert (outcome.exit_code, outcome.stdout) == (0, "a point\n")


@pytest.mark.lab
def test_clean_ups_of_one_container_at_the_same_time_all_succeed(engine: Engine, base: str) -> None:
    for _ in range(3):
        running = engine.create_container(base, host={"network_mode": "none"}, command=["sleep", "60"])
        with contextlib.closing(engine.start_container(running)), ThreadPoolExecutor(6) as pool:
            list(pool.map(engine.remove_container, [running] * 6))
        with pytest.raises(KeyError):
            engine.inspect_container(running)


@pytest.mark.parametrize("version", ["19.03.15", "1.13.1", "20.9"])
def test_one_that_is_too_old(version: str) -> None:
    with (
        pytest.raises(EngineUnavailable, match=f"is {version}, and 20.10 or later is needed"),
        played(INFO | {"ServerVersion": version}),
    ):
        pass


@pytest.mark.parametrize("answers", [{"/info": (500, {"message": "on fire"})}, {"/version": (200, b"<html>")}])
def test_none_that_can_be_used(answers: Mapping[str, tuple[int, Any]]) -> None:
    with contextlib.closing(Player(answers)) as player:
        with pytest.raises(EngineUnavailable, match="lab up"):
            Engine.connect({"DOCKER_HOST": player.host})
        host = player.host
    with pytest.raises(EngineUnavailable, match=r"connection refused.*lab up"):
        Engine.connect({"DOCKER_HOST": host})


def test_an_image_that_is_not_there() -> None:
    with played(containers__create=(404, {"message": "No such image: x"})) as (engine, _):
        with pytest.raises(KeyError):
            engine.create_container("x", host={})
        with pytest.raises(KeyError), engine.save_image("x"):
            pass


def test_names_of_images() -> None:
    images = [{"RepoTags": ["b:1", "a:1"], "RepoDigests": ["a@sha256:1"]}, {"RepoTags": None, "RepoDigests": None}]
    with played(images__json=(200, images)) as (engine, player):
        assert engine.image_names() == ["a:1", "a@sha256:1", "b:1"]
        player.answers["/images/json"] = (404, {"message": "content digest not found"})
        with pytest.raises(EngineFailure, match="cannot list its images"):
            engine.image_names()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/file", "file"),
        ("/folder", "directory"),
        ("/pipe", "named pipe"),
        ("/disk", "device"),
        ("/terminal", "device"),
        ("/socket", "socket"),
        ("/to-pipe", "named pipe"),
        ("/to-link", "file"),
        ("/to-nowhere", ""),
        ("/circle", "link"),
        ("/nothing", ""),
    ],
)
def test_what_a_path_of_a_container_is(path: str, kind: str) -> None:
    link = 1 << 27
    with played(containers__x__json=(200, {})) as (engine, player):
        player.stats = {
            "/file": (0o644, ""),
            "/folder": (1 << 31 | 0o755, ""),
            "/pipe": (1 << 25 | 0o644, ""),
            "/disk": (1 << 26, ""),
            "/terminal": (1 << 26 | 1 << 21, ""),
            "/socket": (1 << 24, ""),
            "/to-pipe": (link, "/pipe"),
            "/to-link": (link | 0o777, "/to-file"),
            "/to-file": (link, "/file"),
            "/to-nowhere": (link, "/nothing"),
            "/circle": (link, "/circle"),
        }
        assert engine.kind_of("x", path) == kind


def test_a_path_that_the_engine_cannot_follow_or_of_a_container_that_is_gone() -> None:
    with played(containers__x__archive=(500, {"message": "too many links"}), containers__x__json=(200, {})) as (
        engine,
        _,
    ):
        assert engine.kind_of("x", "/etc/passwd") == "link"
        with pytest.raises(KeyError):
            engine.kind_of("y", "/etc/passwd")


def test_what_cannot_be_removed_in_time_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.1)
    stale = {"Id": "x", "Labels": {module.OWNER_LABEL: "a mark of no process"}}
    monkeypatch.setattr(owner, "is_stale", lambda mark: True)
    with contextlib.closing(
        Player(NOTHING | {"/info": (200, INFO), "/containers/json": (200, [stale]), "/containers/x": (204, "")})
    ) as player:
        player.slow = {"/containers/x"}
        with contextlib.closing(Engine.connect({"DOCKER_HOST": player.host})) as engine:
            assert engine.answers()
            assert "DELETE /containers/x" in player.asked


def test_a_container_that_has_not_ended_in_time() -> None:
    with played(containers__x__wait=(200, {"StatusCode": 7})) as (engine, _):
        assert engine.wait("x", 1.0) == 7
