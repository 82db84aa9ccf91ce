"""Finding an engine: versions, contexts, sockets, and what is said when it will not do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from grader.facts.engine.info import EngineInfo
from layerwise.errors import LabError
from layerwise.stack import engine

DOCKER = {"Version": "26.1.5", "ApiVersion": "1.45", "MinAPIVersion": "1.24", "Arch": "amd64", "Components": []}
INFO = {
    "ServerVersion": "26.1.5",
    "Architecture": "x86_64",
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"]],
    "OSType": "linux",
    "OperatingSystem": "Debian",
    "SecurityOptions": ["name=seccomp,profile=builtin"],
    "NCPU": 2,
    "MemTotal": 4096,
}


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


Serve = Callable[[dict[str, Any], dict[str, Any]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server on a socket that answers /version and /info as an engine would: for engines that cannot be had here."""
    folder = Path(tempfile.mkdtemp())  # a short path: sockets cannot have long ones
    running: list[Server] = []

    def start(version: dict[str, Any], info: dict[str, Any]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(version if self.path.endswith("/version") else info).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: object) -> None:
                pass

            def address_string(self) -> str:
                return "client"

        path = folder / f"{len(running)}.sock"
        running.append(Server(str(path), Handler))
        threading.Thread(target=running[-1].serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"unix://{path}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("url", "elsewhere"),
    [
        ("unix:///var/run/docker.sock", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://localhost:2376", False),
        ("tcp://[::1]:2375", False),
        ("tcp://docker:2375", True),
        ("tcp://10.0.0.7:2376", True),
        ("ssh://me@localhost", True),
    ],
)
def test_an_engine_on_another_machine_is_told_apart(url: str, elsewhere: bool) -> None:
    assert engine.is_elsewhere(url) is elsewhere


@pytest.mark.parametrize("has", [False, True])
def test_podman_alone_is_not_enough(has: bool, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "PATH": str(tmp_path / "bin")}
    if has:
        (tmp_path / "run" / "podman").mkdir(parents=True)
        (tmp_path / "run" / "podman" / "podman.sock").touch()
    said = engine.none_answers(environ)
    assert said.startswith("no Docker engine answers")
    assert ("Podman" in said) is has


def write_context(folder: Path, name: str, host: str, *, tls: bool = False, current: bool = True) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))
    if tls:
        (folder / "contexts" / "tls" / key / "docker").mkdir(parents=True)
    if current:
        (folder / "config.json").write_text(json.dumps({"currentContext": name}))


class TestContext:
    def test_none_chosen(self, tmp_path: Path) -> None:
        assert engine.context_endpoint({"DOCKER_CONFIG": str(tmp_path)}) is None

    @pytest.mark.parametrize("content", ["{}", '{"currentContext": "default"}', '{"currentContext": ""}', "[]", "{x"])
    def test_the_default_one(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "config.json").write_text(content)
        assert engine.context_endpoint({"DOCKER_CONFIG": str(tmp_path)}) is None

    def test_the_current_one(self, tmp_path: Path) -> None:
        write_context(tmp_path, "desktop-linux", "unix:///x.sock")
        found = engine.context_endpoint({"DOCKER_CONFIG": str(tmp_path)})
        assert found == engine.Endpoint("unix:///x.sock", "docker context 'desktop-linux'", chosen=True)

    def test_below_home(self, tmp_path: Path) -> None:
        write_context(tmp_path / ".docker", "a", "unix:///a.sock")
        assert engine.context_endpoint({"HOME": str(tmp_path)})

    def test_the_environment_chooses_another(self, tmp_path: Path) -> None:
        write_context(tmp_path, "one", "unix:///one.sock")
        write_context(tmp_path, "two", "unix:///two.sock", current=False)
        found = engine.context_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "two"})
        assert found
        assert found.url == "unix:///two.sock"

    def test_with_certificates(self, tmp_path: Path) -> None:
        write_context(tmp_path, "far", "tcp://127.0.0.1:2376", tls=True)
        found = engine.context_endpoint({"DOCKER_CONFIG": str(tmp_path)})
        assert found
        assert Path(found.cert_path).parts[-1] == "docker"

    def test_one_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match=r"'gone' cannot be read .*docker context use default"):
            engine.context_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "gone"})


class TestCandidates:
    def test_docker_host_stands_alone(self, tmp_path: Path) -> None:
        write_context(tmp_path, "one", "unix:///one.sock")
        environ = {"DOCKER_HOST": "unix:///h.sock", "DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "one"}
        assert engine.candidates(environ) == [engine.Endpoint("unix:///h.sock", "DOCKER_HOST", chosen=True)]

    def test_docker_host_with_certificates(self) -> None:
        environ = {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}
        assert engine.candidates(environ)[0].cert_path == "/certs"

    def test_a_context_stands_alone(self, tmp_path: Path) -> None:
        write_context(tmp_path, "one", "unix:///one.sock")
        assert [each.url for each in engine.candidates({"DOCKER_CONFIG": str(tmp_path)})] == ["unix:///one.sock"]

    def test_sockets_that_are_there(self, tmp_path: Path) -> None:
        for place in (".docker/run", ".colima/default"):
            (tmp_path / place).mkdir(parents=True)
            (tmp_path / place / "docker.sock").touch()
        (tmp_path / "docker.sock").touch()
        environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
        names = [each.source for each in engine.candidates(environ) if str(tmp_path) in each.url]
        assert names == ["rootless Docker", "Docker Desktop", "Colima"]


class TestProbe:
    def test_what_it_says(self, serve: Serve) -> None:
        found = engine.probe(engine.Endpoint(serve(DOCKER, INFO), "a test"))
        assert found == EngineInfo("26.1.5", "overlay2", "amd64", "linux", cpus=2, memory=4096)

    @pytest.mark.parametrize(
        ("version", "info", "said"),
        [
            (DOCKER, INFO | {"ServerVersion": "19.03.15"}, r"is 19\.03\.15, and 20\.10 or later is needed; upgrade it"),
            (DOCKER, INFO | {"ServerVersion": ""}, "of no known version"),
            (DOCKER | {"Version": "5.4.2", "Components": [{"Name": "Podman Engine"}]}, INFO, "Podman answers at"),
            (DOCKER, INFO | {"OSType": "windows"}, "switch it to Linux containers"),
        ],
    )
    def test_one_that_will_not_do(self, serve: Serve, version: dict[str, Any], info: dict[str, Any], said: str) -> None:
        with pytest.raises(engine.EngineUnusable, match=said) as caught:
            engine.probe(engine.Endpoint(serve(version, info), "a test"))
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("unix:///nowhere/docker.sock", "no such file"),
            ("unix:///etc/passwd", "connection refused"),
            ("tcp://127.0.0.1:9", "connection refused"),
            ("nonsense", "nonsense"),
        ],
    )
    def test_one_that_does_not_answer(self, url: str, why: str) -> None:
        with pytest.raises(engine.EngineUnreachable, match=why) as caught:
            engine.probe(engine.Endpoint(url, "DOCKER_HOST", chosen=True))
        assert "unset DOCKER_HOST" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_one_that_hangs(self, tmp_path: Path) -> None:
        import socket

        with socket.socket(socket.AF_UNIX) as silent, tempfile.TemporaryDirectory() as folder:
            silent.bind(f"{folder}/s")
            silent.listen()
            with pytest.raises(engine.EngineUnreachable, match="timed out"):
                engine.probe(engine.Endpoint(f"unix://{folder}/s", "a test"), timeout=1)

    def test_another_machine_is_refused(self) -> None:
        with pytest.raises(engine.EngineUnusable, match="on another machine"):
            engine.probe(engine.Endpoint("ssh://me@there", "DOCKER_HOST", chosen=True))


class TestFind:
    def test_the_chosen_one_and_no_other(self, serve: Serve) -> None:
        url = serve(DOCKER, INFO)
        found = engine.find({"DOCKER_HOST": url})
        assert found
        assert found[0].url == url
        with pytest.raises(engine.EngineUnreachable):
            engine.find({"DOCKER_HOST": "unix:///nowhere"})

    def test_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine, "default_sockets", lambda environ: [(tmp_path / "no.sock", "nothing")])
        assert engine.find({"HOME": str(tmp_path)}) is None

    def test_a_socket_that_nobody_serves_is_passed_over(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stale = tmp_path / "stale.sock"
        stale.touch()
        good = Path(serve(DOCKER, INFO).removeprefix("unix://"))
        monkeypatch.setattr(engine, "default_sockets", lambda environ: [(stale, "stale"), (good, "good")])
        found = engine.find({"HOME": str(tmp_path)})
        assert found
        assert found[0].source == "good"

    def test_too_old_a_one_is_said_and_not_passed_over(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = Path(serve(DOCKER, INFO | {"ServerVersion": "18.09.1"}).removeprefix("unix://"))
        monkeypatch.setattr(engine, "default_sockets", lambda environ: [(old, "old")])
        with pytest.raises(engine.EngineUnusable, match=r"18\.09\.1"):
            engine.find({"HOME": str(tmp_path)})

    @pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
    def test_a_socket_that_may_not_be_opened(self, serve: Serve, tmp_path: Path) -> None:
        path = Path(serve(DOCKER, INFO).removeprefix("unix://"))
        path.chmod(0o600)
        path.parent.chmod(0o755)
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            try:
                engine.probe(engine.Endpoint(f"unix://{path}", "the default socket"))
            except engine.EngineUnreachable as problem:
                os._exit(0 if "usermod -aG docker" in str(problem) else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
