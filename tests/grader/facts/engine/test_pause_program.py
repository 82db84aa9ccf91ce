"""The program that does nothing, on the machines it was written for."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
from pathlib import Path

import pytest

from grader.errors import NotObservable
from grader.facts.engine.pause_program import program


def test_it_runs_and_waits(tmp_path: Path) -> None:
    path = tmp_path / "idle"
    path.write_bytes(program(platform.machine()))
    path.chmod(0o755)
    process = subprocess.Popen([path])
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        assert state == "S"
    finally:
        os.kill(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL


def test_another_machine() -> None:
    with pytest.raises(NotObservable, match="riscv64"):
        program("riscv64")
