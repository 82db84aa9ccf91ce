"""The two registries of the lab that is up: what they answer, who may do what, and whose the ports are."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import paths, processes, registry

Engine = Callable[..., str]


@pytest.fixture
def no_news() -> Callable[[str, str], None]:
    return lambda name, text: None


def ask_login(login: str) -> int:
    """What the second registry says to this user:password."""
    request = urllib.request.Request("http://127.0.0.1:5001/v2/")
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


@pytest.mark.lab
def test_both_run_and_answer(env: dict[str, str]):
    told = registry.status(env)
    assert set(told) == {"registry", "registry-auth"}
    assert [one["address"] for one in told.values()] == ["localhost:5000", "localhost:5001"]
    assert all(one["running"] and one["answers"] for one in told.values())
    assert all(one["image"] == registry.IMAGE for one in told.values())


@pytest.mark.lab
def test_up_again_changes_nothing(env: dict[str, str], engine: Engine, no_news: Callable[[str, str], None]):
    listed = ("ps", "--filter", "label=com.docker.compose.project=layerwise", "--format", "{{.ID}} {{.Names}}")
    before = engine(*listed)
    registry.up(env=env, report=no_news)
    assert engine(*listed) == before


@pytest.mark.lab
@pytest.mark.parametrize(
    ("login", "status"),
    [("", 401), ("learner:layerwise", 200), ("learner:wrong", 401), ("nobody:layerwise", 401), ("learner:", 401)],
)
def test_the_second_asks_for_a_login(login: str, status: int):
    assert ask_login(login) == status


@pytest.mark.lab
def test_push_needs_the_login(env: dict[str, str], engine: Engine, tmp_path: Path):
    tag = "localhost:5001/test/login:1"
    engine("tag", "localhost:5000/base/busybox:musl", tag)
    config = tmp_path / "docker"
    config.mkdir()
    try:
        with pytest.raises(registry.CommandFailed, match="no basic auth credentials"):
            registry.run(["docker", "--config", str(config), "push", tag], env=env, timeout=60)
        login = ["docker", "--config", str(config), "login", "localhost:5001", "--username", "learner", "--password"]
        registry.run([*login, "layerwise"], env=env, timeout=60)
        registry.run(["docker", "--config", str(config), "push", tag], env=env, timeout=60)
    finally:
        engine("image", "rm", tag)


@pytest.mark.lab
@pytest.mark.parametrize("service", ["registry", "registry-auth"])
def test_each_is_confined(service: str, engine: Engine):
    """Reached from this machine only, an ordinary user inside, labelled, its data on a labelled volume."""
    found = json.loads(engine("inspect", f"layerwise-{service}-1"))[0]
    ports = found["HostConfig"]["PortBindings"]["5000/tcp"]
    assert [port["HostIp"] for port in ports] == ["127.0.0.1"]
    assert found["Config"]["User"] == "65532:65532"
    assert found["Config"]["Labels"]["layerwise"] == "registry"
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert not found["HostConfig"]["Privileged"]
    (mount,) = [mount for mount in found["Mounts"] if mount["Destination"] == "/data"]
    assert mount["Type"] == "volume"
    assert json.loads(engine("volume", "inspect", mount["Name"]))[0]["Labels"]["layerwise"] == "registry"


@pytest.mark.engine
def test_a_taken_port_is_told_with_who_has_it(env: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(registry, "SERVICES", {"no-such-service": port})
        with pytest.raises(LabError) as caught:
            registry._check_ports(env)
    assert f"port {port} on this machine is taken by " in str(caught.value)
    assert "stop it and run ./lab up again" in str(caught.value)
    if processes.PROC.is_dir():
        assert f"(pid {os.getpid()})" in str(caught.value)


@pytest.mark.engine
def test_a_free_port_is_nobody_s(env: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setattr(registry, "SERVICES", {"no-such-service": bound.getsockname()[1]})
        registry._check_ports(env)


class Stranger(BaseHTTPRequestHandler):
    """Answers like a registry, but is not ours."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.lab
def test_a_stranger_is_not_taken_for_the_registry(stranger: int, env: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "SERVICES", {"registry": stranger})
    assert not registry.status(env)["registry"]["answers"]
    assert f"something answers at localhost:{stranger}, but not the lab's registry (HTTP 200)" in str(
        registry._silent("registry", env)
    )


@pytest.mark.lab
def test_an_engine_elsewhere_is_guessed(env: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setattr(registry, "SERVICES", {"registry": bound.getsockname()[1]})
        assert "is the engine on another machine?" in str(registry._silent("registry", env))


@pytest.mark.engine
def test_a_container_that_is_gone_is_told(env: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "SERVICES", {"no-such-service": 1})
    assert "did not stay up (gone)" in str(registry._silent("no-such-service", env))


IN_COMPOSE = {registry.IN_COMPOSE: "1", "PATH": ""}
"""The environment in the container `jupyter` of docker-compose.yml, and no docker that could be run."""


def test_services_of_compose_are_waited_for(
    no_news: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "UP_SECONDS", 0.2)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setattr(registry, "SERVICES", {"registry": bound.getsockname()[1]})
        with pytest.raises(LabError, match="docker compose logs registry"):
            registry.up(env=IN_COMPOSE, report=no_news)


def test_services_of_compose_are_not_taken_down() -> None:
    assert registry.down(env=IN_COMPOSE, home=paths.home(), purge=True) is False
