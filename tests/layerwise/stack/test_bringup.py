"""What is checked before anything is made; each refusal is one line with the remedy, and leaves nothing half made."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.facts.engine.info import EngineInfo
from layerwise.errors import InputError, LabError
from layerwise.stack import bringup, disposal, embedded, engine, jupyter, lock, processes, removal, rootfs, state
from layerwise.stack.paths import Home
from layerwise.stack.progress import Reporter

GB = 1_000_000_000
ANSWERING = EngineInfo("26.1.5", "containerd", "amd64", "linux", cpus=2, memory=GB)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class TestPorts:
    def test_who_listens_is_named(self, taken: int) -> None:
        assert processes.listener(taken).endswith(f"(pid {os.getpid()})")

    def test_jupyters_port_taken(self, home: Home, taken: int) -> None:
        with pytest.raises(LabError, match=rf"port {taken} is taken by .*pid {os.getpid()}.*--port {taken + 1}"):
            bringup.require_port(home, taken)

    def test_jupyters_port_held_by_our_own(self, home: Home, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jupyter, "status", lambda home: {"port": taken})
        bringup.require_port(home, taken)

    @pytest.mark.parametrize("port", [-1, 0, 80, 65536])
    def test_no_port_for_jupyter(self, home: Home, port: int) -> None:
        with pytest.raises(InputError, match="1024 to 65535"):
            bringup.require_port(home, port)

    def test_the_registrys_port_taken(self, home: Home, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rootfs, "require_possible", lambda home: None)
        monkeypatch.setattr(embedded, "require_alone", lambda home: None)
        monkeypatch.setattr(bringup, "REGISTRY_PORTS", (taken,))
        with pytest.raises(LabError, match=rf"port {taken} is taken by .* stop it and run \./lab up again"):
            bringup.require_embedded(home, offline=False)
        assert not home.path.exists()


class TestAnotherLab:
    """One machine's network has room for one engine of a lab."""

    @pytest.fixture
    def other(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A lab in another folder, whose engine is a process of this machine's. No others are seen."""
        monkeypatch.setattr(rootfs, "require_possible", lambda home: None)
        lab = tmp_path / "the other lab"
        found = [(os.getpid(), str(lab / "engine"))]
        monkeypatch.setattr(processes, "environment_values", lambda name: found)
        return lab

    def test_it_is_named_with_what_stops_it(self, home: Home, other: Path) -> None:
        with pytest.raises(LabError, match=r"in .*/the other lab; stop it with: LAYERWISE_HOME='.*lab' \./lab down"):
            bringup.require_embedded(home, offline=False)
        assert not home.path.exists()

    def test_our_own_engine_is_none(self, other: Path) -> None:
        embedded.require_alone(Home(other))

    def test_nor_one_in_another_network(self, home: Home, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(processes, "shares_network", lambda pid: False)
        embedded.require_alone(home)

    def test_who_shares_our_network(self) -> None:
        assert processes.shares_network(os.getpid())
        assert not processes.shares_network(2**22 + 1)


class TestSpace:
    @pytest.fixture(autouse=True)
    def possible(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rootfs, "require_possible", lambda home: None)
        monkeypatch.setattr(embedded, "require_alone", lambda home: None)
        monkeypatch.setattr(bringup, "REGISTRY_PORTS", ())

    @pytest.mark.parametrize(("free", "refused"), [(1 * GB, True), (2.9 * GB, True), (3 * GB, False), (50 * GB, False)])
    def test_for_making_the_engine(self, home: Home, monkeypatch: pytest.MonkeyPatch, free: int, refused: bool) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage(int(free)))
        if refused:
            with pytest.raises(
                LabError, match=r"GB free, and the lab needs 3 GB; free some space or set LAYERWISE_HOME"
            ):
                bringup.require_embedded(home, offline=False)
        else:
            bringup.require_embedded(home, offline=False)

    def test_a_full_disk(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage(1_000_000))
        with pytest.raises(LabError, match=r"is full \(1 MB free\)"):
            bringup.require_space(home)

    def test_offline_without_an_engine(self, home: Home) -> None:
        with pytest.raises(LabError, match=r"run \./lab up once without --offline"):
            bringup.require_embedded(home, offline=True)


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


class TestWhichEngine:
    @pytest.fixture(autouse=True)
    def bare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine with no engine and nothing chosen."""
        for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(engine, "candidates", self._candidates)
        self.found: list[engine.Endpoint] = []
        monkeypatch.setattr(engine, "probe", lambda endpoint, timeout: ANSWERING)

    def _candidates(self, environ: dict[str, str]) -> list[engine.Endpoint]:
        host = environ.get("DOCKER_HOST")
        return [engine.Endpoint(host, "DOCKER_HOST", chosen=True)] if host else self.found

    def machine_has_one(self) -> engine.Endpoint:
        self.found.append(engine.Endpoint("unix:///var/run/docker.sock", "the default socket"))
        return self.found[0]

    def test_auto_on_a_bare_machine_is_our_own(self, home: Home) -> None:
        assert bringup.choose(home, state.State(), "auto") is None

    def test_auto_takes_the_machines(self, home: Home) -> None:
        endpoint = self.machine_has_one()
        assert bringup.choose(home, state.State(), "auto") == (endpoint, ANSWERING)

    def test_auto_stays_with_our_own_while_it_is_up(self, home: Home) -> None:
        self.machine_has_one()
        assert bringup.choose(home, state.State(embedded.record(home)), "auto") is None

    def test_but_docker_host_is_obeyed(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", "unix:///mine.sock")
        chosen = bringup.choose(home, state.State(embedded.record(home)), "auto")
        assert chosen
        assert chosen[0].url == "unix:///mine.sock"

    @pytest.mark.parametrize("up", [True, False])
    def test_docker_host_may_be_our_own_socket(self, home: Home, monkeypatch: pytest.MonkeyPatch, up: bool) -> None:
        monkeypatch.setenv("DOCKER_HOST", embedded.endpoint(home).url)
        assert bringup.choose(home, state.State(embedded.record(home) if up else None), "auto") is None

    def test_host_leaves_our_own(self, home: Home) -> None:
        endpoint = self.machine_has_one()
        assert bringup.choose(home, state.State(embedded.record(home)), "host") == (endpoint, ANSWERING)

    def test_host_on_a_bare_machine(self, home: Home) -> None:
        with pytest.raises(LabError, match=r"no Docker engine answers \(tried /var/run/docker.sock.*--engine host"):
            bringup.choose(home, state.State(), "host")

    def test_embedded_on_a_machine_with_one(self, home: Home) -> None:
        self.machine_has_one()
        assert bringup.choose(home, state.State(), "embedded") is None


def test_expected_times_come_from_the_last_run() -> None:
    current = state.State()
    assert bringup.expected(current, "images") == bringup.SECONDS["images"]
    bringup.remember(current, {"images": 54.04})
    assert bringup.expected(current, "images") == bringup.SECONDS_AGAIN["images"]
    bringup.remember(current, {"images": 1.52})
    assert current.seconds == {"images": 54.0, "images again": 1.5}
    assert bringup.expected(current, "images") == 1.5


class TestLock:
    def test_two_at_once(self, home: Home) -> None:
        with (
            lock.held(home, "up"),
            pytest.raises(LabError, match=rf"^lab up \(pid {os.getpid()}\) is running; wait"),
            lock.held(home, "down"),
        ):
            pass

    def test_a_killed_one_holds_nothing(self, home: Home) -> None:
        code = (
            "import time, pathlib; from layerwise.stack import lock, paths\n"
            f"with lock.held(paths.Home(pathlib.Path({str(home.path)!r})), 'up'): print(flush=True); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            with pytest.raises(LabError, match=f"pid {process.pid}"), lock.held(home, "up"):
                pass
            process.kill()
        with lock.held(home, "up"):
            pass

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        said = r"cannot write in .*: Not a directory; set LAYERWISE_HOME"
        with pytest.raises(LabError, match=said), lock.held(Home(tmp_path / "file" / "home"), "up"):
            pass


class TestProcesses:
    def test_they_are_known_by_what_they_were_started_with(self) -> None:
        with subprocess.Popen(["sleep", "60"], env={"LAYERWISE_TEST": "a b"}) as sleeping:
            try:
                deadline = time.monotonic() + 10
                while sleeping.pid not in processes.with_environment("LAYERWISE_TEST", "a b"):
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                assert processes.with_environment("LAYERWISE_TEST", "a") == []
                assert processes.command_line(sleeping.pid) == "sleep 60"
                assert processes.wait_gone([sleeping.pid], 0.1) == [sleeping.pid]
            finally:
                sleeping.kill()
        assert processes.wait_gone([sleeping.pid], 10) == []
        assert processes.namespace_pid(sleeping.pid) == 0


class TestPurge:
    def test_where_nothing_is(self, home: Home) -> None:
        assert removal.purge(home)[0] == "Nothing to remove."
        assert not home.path.exists()

    def test_the_folder_goes_and_apt_packages_are_named(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        home.path.mkdir()
        state.write(home, state.State(apt=["mmdebstrap"]))
        said = "\n".join(removal.purge(home))
        assert not home.path.exists()
        assert f"Removed: {home.path}" in said
        assert "Kept: the apt packages mmdebstrap" in said

    def test_one_cut_short_leaves_no_half_of_an_engine(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        (home.engine / "data" / "images").mkdir(parents=True)

        def cut(folder: Path, say: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as during:
            during.setattr(disposal, "delete", cut)
            with pytest.raises(KeyboardInterrupt):
                removal.purge(home)
        assert not home.engine.exists()
        assert len(disposal.left(home)) == 1

        shown = Reporter(bringup.plan(home, state.State(), None, True, [], bringup.Options()))
        bringup.clear(home, shown)
        assert home.path.is_dir()
        assert not disposal.left(home)
        assert "leftovers" in shown.seconds

    def test_what_cannot_be_deleted_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "rm").write_text(
            "#!/bin/sh\necho 'rm: cannot remove x: Read-only file system' >&2; exit 1\n"
        )
        (tmp_path / "bin" / "rm").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        with pytest.raises(LabError, match=r"cannot remove all of .*Read-only file system; remove the rest by hand"):
            disposal.delete(tmp_path, lambda text: None)

    @pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
    def test_nothing_behind_a_mount_is_deleted(self, home: Home, tmp_path: Path) -> None:
        precious = tmp_path / "precious"
        precious.mkdir()
        (precious / "file").touch()
        (home.path / "a b").mkdir(parents=True)
        subprocess.run(["mount", "--bind", precious, home.path / "a b"], check=True)
        try:
            with pytest.raises(LabError, match="is a mount inside the lab's folder; unmount it"):
                removal.purge(home)
        finally:
            subprocess.run(["umount", home.path / "a b"], check=True)
        assert (precious / "file").exists()
