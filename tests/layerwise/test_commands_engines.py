"""`lab test --engines`: what counts as a difference between engines, and what it takes to run one beside the lab's."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from layerwise.commands import _engines
from layerwise.commands._engines import DESIGNS, Run
from layerwise.errors import LabError
from layerwise.stack import isolated, relay
from layerwise.stack.isolated import Design

PASSED = {"outcome": "passed", "said": ["user passed"]}
FAILED = {"outcome": "failed", "said": ["user passed"], "why": "E   assert 1 == 2"}

LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
print("ready", flush=True)
input()
"""


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "engines.toml"
    file.write_text('[[difference]]\nengines = ["20.10"]\ntests = ["*heredoc*"]\nwhy = "too old"\n')
    monkeypatch.setattr(_engines, "KNOWN", file)


def runs(tests: dict[str, Any], others: dict[str, Any]) -> list[Run]:
    """The lab's engine with `tests`, and 20.10 with `others`."""
    return [Run(DESIGNS[0], "26.1", tests, 1.0), Run(DESIGNS[2], "20.10", others, 1.0)]


@pytest.mark.parametrize(
    ("here", "there", "what"),
    [
        (PASSED, PASSED, []),
        (PASSED, {**PASSED, "said": ["user failed"]}, ["user failed here, and user passed on 26.1 containerd"]),
        (PASSED, {**PASSED, "said": ["user passed"] * 2}, ["user passed, user passed here, and user passed on 26.1"]),
        (PASSED, FAILED, ["assert 1 == 2"]),
        (FAILED, PASSED, ["assert 1 == 2"]),
        (FAILED, FAILED, ["assert 1 == 2", "assert 1 == 2"]),
        (PASSED, None, ["run on 26.1 containerd only"]),
        (None, PASSED, ["run on 20.10 only"]),
    ],
)
def test_differences(here: dict[str, Any] | None, there: dict[str, Any] | None, what: list[str]) -> None:
    found = _engines.compare(runs(*({"t": each} if each else {} for each in (here, there))))
    assert len(found) == len(what)
    assert all(text in each.what and not each.why for text, each in zip(what, found, strict=True))


def test_a_known_difference_has_its_reason_on_that_engine_only() -> None:
    found = _engines.compare(runs({"a_heredoc": FAILED}, {"a_heredoc": FAILED}))
    assert [(each.engine, each.why) for each in found] == [("26.1 containerd", ""), ("20.10", "too old")]
    assert not _engines.stale(found)


def test_a_known_difference_that_is_gone() -> None:
    assert [each.engine for each in _engines.stale([])] == ["20.10"]


def test_every_known_difference_names_an_engine_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    names = {design.name for design in DESIGNS}
    assert all(each.engine in names for each in _engines.stale([]))


def test_subnets_that_nobody_uses() -> None:
    header = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    first = "layerwise0\t00001DAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"  # 172.29.0.0/24
    assert [str(each) for each in isolated._subnets(header + first)] == ["172.30.0.0/16", "172.28.0.0/16"]
    every = "".join(
        f"eth0\t{int.from_bytes(ipaddress.IPv4Address(base).packed, 'little'):08X}\t0\t1\t0\t0\t0\t000000FF\t0\t0\t0\n"
        for base in ("172.0.0.0", "10.0.0.0")
    )
    with pytest.raises(LabError, match="too few free subnets"):
        isolated._subnets(header + every)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace")
def test_a_port_of_this_machine_in_another_network() -> None:
    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            asked = connection.recv(100)
            gc.collect()  # which takes nothing that only waits
            connection.sendall(asked.upper())

    sleeper = subprocess.Popen(["unshare", "--net", sys.executable, "-c", LOOPBACK_UP], stdin=-1, stdout=-1)
    with sleeper, socket.create_server(("127.0.0.1", 0)) as server:
        assert sleeper.stdout
        assert sleeper.stdout.readline() == b"ready\n"
        port = server.getsockname()[1]
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        namespace = Path(f"/proc/{sleeper.pid}/ns/net")
        script = f"exec 3<>/dev/tcp/127.0.0.1/{port}; echo hello >&3; head -1 <&3"
        with relay.running(namespace, (port,)):
            argv = ["nsenter", f"--net={namespace}", "bash", "-c", script]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert done.stdout == "HELLO\n", done.stderr
        assert not [thread for thread in threading.enumerate() if thread.name == "relay"]
        sleeper.communicate(b"\n")


class TestAWholeRun:
    """`run` with engines that answer from a table: what is kept when it is stopped, and for how long."""

    @pytest.fixture
    def asked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Which engines were run, in order. The third is stopped, the first time."""
        asked: list[str] = []

        def on(design: Design, pytest_args: Sequence[str]) -> Run:
            asked.append(design.name)
            if len(asked) == 3:
                raise KeyboardInterrupt
            return Run(design, "1.0", {"t": dict(PASSED)}, 60.0)

        (tmp_path / "home" / "engines").mkdir(parents=True)
        (tmp_path / "engines.toml").write_text("")
        monkeypatch.setenv("LAYERWISE_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(_engines, "PAGE", tmp_path / "page.md")
        (tmp_path / "page.md").write_text("before")
        monkeypatch.setattr(_engines, "ROOT", tmp_path)
        (tmp_path / "grader").mkdir()
        monkeypatch.setattr(_engines, "_on", on)
        return asked

    def test_goes_on_where_it_was_stopped(self, asked: list[str], tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            _engines.run(())
        assert _engines.run(()) == 0
        names = [design.name for design in DESIGNS]
        assert asked == [*names[:3], *names[2:]]
        assert "The same verdicts on every engine" in (tmp_path / "page.md").read_text()
        assert _engines.run(()) == 0
        assert asked[5:] == names, "once compared, nothing is kept"

    def test_begins_anew_on_other_files(self, asked: list[str], tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            _engines.run(())
        (tmp_path / "grader" / "user.py").touch()
        assert _engines.run(()) == 0
        assert asked[3:] == [design.name for design in DESIGNS]

    def test_an_engine_with_an_unknown_difference_is_run_again(self, asked: list[str], tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            _engines.run(())
        second = tmp_path / "home" / "engines" / "26.1-overlay2.json"
        second.write_text(second.read_text().replace("user passed", "user failed"))
        assert _engines.run(()) == 0
        assert asked[3:] == [design.name for design in DESIGNS[1:]]

    def test_begins_anew_where_a_file_was_edited_meanwhile(
        self, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = _engines._on

        def on(design: Design, pytest_args: Sequence[str]) -> Run:
            (tmp_path / "grader" / "user.py").touch()
            return before(design, pytest_args)

        monkeypatch.setattr(_engines, "_on", on)
        with pytest.raises(KeyboardInterrupt):
            _engines.run(())
        assert _engines.run(()) == 0
        assert asked[3:] == [design.name for design in DESIGNS]

    def test_a_part_takes_nothing_that_was_kept_and_leaves_it(self, asked: list[str], tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            _engines.run(())
        assert _engines.run(("-k", "user")) == 0
        assert asked[3:] == [design.name for design in DESIGNS]
        assert (tmp_path / "page.md").read_text() == "before"
        assert _engines.run(()) == 0
        assert asked[7:] == [design.name for design in DESIGNS[2:]]
