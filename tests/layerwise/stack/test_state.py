"""What is remembered between commands, and the environment made from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import environment, paths, state
from layerwise.stack.paths import Home
from tests.layerwise.stack.test_engine import write_context

ENGINE = state.EngineRecord("embedded", "unix:///lab/docker.sock")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


class TestState:
    def test_what_is_written_is_read(self, home: Home) -> None:
        scanner = state.ScannerRecord("0.76.0", "docker.io/aquasec/trivy@sha256:1", pulled=True)
        written = state.State(ENGINE, None, ["mmdebstrap"], {"subnet": "172.29.0.0/16"}, scanner, {"rootfs": 21.5})
        state.write(home, written)
        assert state.read(home) == written
        assert [each.name for each in home.path.iterdir()] == ["state.json"]

    @pytest.mark.parametrize(
        "content", [None, "", "{", "[]", "null", '{"engine": 7}', '{"engine": {"x": 1}}', '{"apt": 3}', "\0\0\0"]
    )
    def test_nothing_or_something_damaged_is_an_empty_one(self, home: Home, content: str | None) -> None:
        if content is not None:
            home.state_file.write_text(content)
        assert state.read(home) == state.State()

    def test_a_folder_that_cannot_be_written(self, home: Home) -> None:
        with pytest.raises(LabError, match="set LAYERWISE_HOME"):
            state.write(Home(home.path / "not there"), state.State())


class TestEnvironment:
    def test_no_lab(self, home: Home) -> None:
        with pytest.raises(LabError, match=r"^the lab is not up; run: \./lab up$"):
            environment.lab_env(home)

    def test_everything_points_at_the_lab(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
        monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere")
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("PATH", f"/usr/bin:{home.bin}:/bin")
        monkeypatch.setenv("KEPT", "yes")
        state.write(home, state.State(ENGINE))
        env = environment.lab_env(home)
        assert env["DOCKER_HOST"] == ENGINE.docker_host
        assert env["DOCKER_CONFIG"] == str(home.docker_config)
        assert env["LAYERWISE_HOME"] == str(home.path)
        assert env["COSIGN_TLOG_UPLOAD"] == "false"
        assert env["PATH"].split(":")[0] == str(home.bin)
        assert env["PATH"].endswith("/usr/bin:/bin")
        assert env["KEPT"] == "yes"
        assert not {"DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"} & env.keys()

    def test_certificates(self, home: Home) -> None:
        env = environment.for_engine(home, state.EngineRecord("host", "tcp://127.0.0.1:2376", "/certs"))
        assert (env["DOCKER_CERT_PATH"], env["DOCKER_TLS_VERIFY"]) == ("/certs", "1")

    def test_activate(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "environ", {"PATH": "/bin", "DOCKER_CONTEXT": "x"})
        with pytest.raises(LabError, match="not up"):
            environment.activate(home)
        state.write(home, state.State(ENGINE))
        environment.activate(home)
        assert os.environ["DOCKER_HOST"] == ENGINE.docker_host
        assert "DOCKER_CONTEXT" not in os.environ

    def test_activate_leaves_a_chosen_engine_alone_where_no_lab_is(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "environ", {"DOCKER_HOST": "unix:///mine"})
        environment.activate(home)
        assert os.environ == {"DOCKER_HOST": "unix:///mine", **environment.NOTHING_PUBLISHED}

    @pytest.mark.engine
    def test_without_a_checkout_this_machines_engine_will_do(
        self, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host = os.environ["DOCKER_HOST"]
        write_context(tmp_path / "docker", "mine", host)
        monkeypatch.setattr(paths, "ROOT", tmp_path / "site-packages")
        monkeypatch.setattr(os, "environ", {"PATH": "/bin", "DOCKER_CONFIG": str(tmp_path / "docker")})
        environment.activate(home)
        assert os.environ["DOCKER_HOST"] == host
        assert os.environ["DOCKER_CONFIG"] == str(tmp_path / "docker")
        assert environment.NOTHING_PUBLISHED.items() <= os.environ.items()

    def test_without_a_checkout_and_an_engine_the_cure_is_not_the_lab(
        self, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_context(tmp_path / "docker", "gone", f"unix://{tmp_path}/gone.sock")
        monkeypatch.setattr(paths, "ROOT", tmp_path / "site-packages")
        monkeypatch.setattr(os, "environ", {"PATH": "/bin", "DOCKER_CONFIG": str(tmp_path / "docker")})
        with pytest.raises(LabError, match=r"no Docker engine answers at .*; start that engine"):
            environment.activate(home)
