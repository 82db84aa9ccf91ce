"""JupyterLab of the lab: real servers on free ports, with homes of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import jupyter
from layerwise.stack.paths import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("LAYERWISE_WORK", str(tmp_path / "work"))
    made = Home(tmp_path / "home")
    yield made
    jupyter.stop(made)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((jupyter.ADDRESS, 0))
        return int(probe.getsockname()[1])


def start(home: Home, port: int | None = None, engine: str = "unix:///nowhere.sock", **more: str) -> str:
    env = {**os.environ, "DOCKER_HOST": engine, **more}
    return jupyter.start(home=home, env=env, port=port or free_port(), report=lambda text: None)


def get(home: Home, path: str, token: bool = True) -> dict[str, object]:
    running = jupyter.status(home)
    assert running is not None
    key = (home.jupyter / "token").read_text() if token else "wrong"
    address = f"http://127.0.0.1:{running['port']}{path}"
    request = urllib.request.Request(address, headers={"Authorization": f"token {key}"})
    with urllib.request.urlopen(request, timeout=5) as reply:
        answer: dict[str, object] = json.loads(reply.read())
    return answer


def test_a_server_comes_up_is_kept_and_goes(home: Home) -> None:
    url = start(home)
    running = jupyter.status(home)
    assert running is not None
    assert running["answers"]
    assert running["url"] == url
    assert f":{running['port']}/layerwise?token=" in url

    lesson = home.path.parent / "work" / "lessons" / "01-layers.ipynb"
    lesson.unlink()
    assert start(home) == url, "a second start keeps the first server, whatever port is asked for"
    assert jupyter.status(home) == running
    assert lesson.is_file(), "and brings the lessons that are new"

    shown = get(home, "/api/contents/")["content"]
    assert sorted(entry["name"] for entry in shown) == ["course", "work"]  # type: ignore[attr-defined]
    cells = get(home, "/api/contents/course/00-start-here.ipynb")["content"]["cells"]  # type: ignore[index]
    assert {cell["metadata"]["trusted"] for cell in cells if cell["cell_type"] == "code"} == {True}

    assert jupyter.stop(home) is True
    assert jupyter.status(home) is None
    assert jupyter.stop(home) is False
    assert start(home).partition("token=")[2] == url.partition("token=")[2], "a bookmark stays good"


def test_nobody_comes_in_without_the_token(home: Home) -> None:
    start(home)
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(home, "/api/contents/", token=False)
    refused.value.close()
    assert refused.value.code == 403
    for name in ("token", "server.json", "config/jupyter_server_config.json"):
        assert (home.jupyter / name).stat().st_mode & 0o077 == 0, name


def test_the_persons_own_jupyter_is_left_alone(home: Home, tmp_path: Path) -> None:
    person = tmp_path / "person"
    (person / ".jupyter").mkdir(parents=True)
    (person / ".jupyter" / "jupyter_server_config.py").write_text(
        "raise SystemExit('the wrong configuration was read')"
    )
    start(home, HOME=str(person), JUPYTER_CONFIG_DIR=str(person / ".jupyter"), JUPYTER_TOKEN="stolen")
    made = {path.relative_to(person).as_posix() for path in person.rglob("*")}
    assert made == {".jupyter", ".jupyter/jupyter_server_config.py"}


def test_what_a_stopped_kernel_leaves_goes_with_the_server(home: Home) -> None:
    start(home)
    running = jupyter.status(home)
    assert running is not None
    if sys.platform == "linux":
        assert f"TMPDIR={home.jupyter / 'tmp'}".encode() in Path(f"/proc/{running['pid']}/environ").read_bytes()
    left = home.jupyter / "tmp" / "lesson-05-x" / "Dockerfile"
    left.parent.mkdir(parents=True)
    left.touch()
    start(home)
    assert left.exists(), "the kernels of a server that is kept need their files"
    os.kill(running["pid"], signal.SIGKILL)
    os.waitpid(running["pid"], 0)
    start(home)
    assert (home.jupyter / "tmp").is_dir()
    assert not left.parent.exists(), "of a server that was killed"
    left.parent.mkdir()
    jupyter.stop(home)
    assert not (home.jupyter / "tmp").exists()


def test_another_engine_means_another_server(home: Home) -> None:
    start(home)
    first = jupyter.status(home)
    start(home, engine="unix:///elsewhere.sock")
    second = jupyter.status(home)
    assert first is not None
    assert second is not None
    assert first["pid"] != second["pid"]


def test_a_server_that_was_started_but_not_written_down_is_found(home: Home) -> None:
    start(home)
    (home.jupyter / "server.json").unlink()
    assert jupyter.status(home) is not None
    assert jupyter.stop(home) is True


def test_a_killed_server_is_replaced(home: Home) -> None:
    url = start(home)
    running = jupyter.status(home)
    assert running is not None
    os.kill(running["pid"], signal.SIGKILL)
    os.waitpid(running["pid"], 0)
    assert jupyter.status(home) is None
    assert start(home, running["port"]) == url


def test_a_stranger_with_the_servers_old_pid_is_not_signalled(home: Home) -> None:
    home.jupyter.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        record = {"pid": stranger.pid, "born": "1", "port": 1, "about": {}}
        (home.jupyter / "server.json").write_text(json.dumps(record))
        assert jupyter.status(home) is None
        assert jupyter.stop(home) is False
        assert stranger.poll() is None
        stranger.communicate(b"\n", timeout=5)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"pid": "x", "born": "1", "port": 1, "about": {}}', '{"pid": -1}']
)
def test_a_damaged_record_counts_as_none(home: Home, text: str) -> None:
    home.jupyter.mkdir(parents=True)
    (home.jupyter / "server.json").write_text(text)
    assert jupyter.status(home) is None


def test_a_taken_port_is_said_with_the_remedy(home: Home) -> None:
    with socket.socket() as other:
        other.bind((jupyter.ADDRESS, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LabError, match=rf"port {port} is taken by another program: .* --port {port + 1}"):
            start(home, port)
    assert jupyter.status(home) is None


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(home: Home, port: int) -> None:
    with pytest.raises(LabError, match="--port"):
        jupyter.start(home=home, env={}, port=port)


def test_a_server_that_cannot_start_says_why(home: Home) -> None:
    with pytest.raises(LabError, match=r"JupyterLab ended while starting .*; see .*jupyter\.log"):
        jupyter.start(
            home=home, env=dict(os.environ), port=free_port(), settings={"ServerApp": {"root_dir": "/nowhere"}}
        )
    assert jupyter.status(home) is None
