"""Outside programs: their status, their output, their deadline, and that nothing of them stays."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack.run import KEPT_BYTES, CommandFailed, Stopped, last_line, run

ENV = dict(os.environ)


def sh(script: str, timeout: float = 30, **more: object) -> str:
    return run(["sh", "-c", script], env=ENV, timeout=timeout, **more)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    """Whether a process ends within ten seconds (a killed one may wait a moment to be collected)."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_output_and_errors_come_together():
    assert sh("echo out; echo err >&2") == "out\nerr\n"


def test_a_failure_is_told_by_its_last_line():
    with pytest.raises(CommandFailed, match=r"^sh failed: no luck$") as caught:
        sh("echo before; echo no luck; exit 7")
    assert (caught.value.status, caught.value.output) == (7, "before\nno luck\n")


def test_a_silent_failure_is_told_by_its_status():
    with pytest.raises(CommandFailed, match="exit status 3"):
        sh("exit 3")


def test_no_such_program():
    with pytest.raises(LabError, match="cannot run no-such-program"):
        run(["no-such-program"], env=ENV, timeout=5)


def test_only_the_end_of_much_output_is_kept():
    output = sh("head -c 3000000 /dev/zero | tr '\\0' x; echo end")
    assert len(output) == KEPT_BYTES
    assert output.endswith("xend\n")


def test_lines_are_told_as_they_come():
    lines: list[str] = []
    sh("printf 'one\\ntw'; sleep 0.1; printf 'o\\nrest'", on_line=lines.append)
    assert lines == ["one", "two"]


def test_the_deadline_ends_the_program_and_its_children(tmp_path: Path):
    note = tmp_path / "pid"
    with pytest.raises(CommandFailed, match="did not end in time; last words: working"):
        sh(f"sleep 600 & echo $! > {note}; echo working; wait", timeout=1)
    assert gone(int(note.read_text()))


def test_it_stops_when_asked(tmp_path: Path):
    cancel = threading.Event()
    note = tmp_path / "pid"

    def line(_: str) -> None:
        cancel.set()

    with pytest.raises(Stopped):
        sh(f"echo $$ > {note}; echo go; sleep 600", on_line=line, cancel=cancel)
    assert gone(int(note.read_text()))


def test_a_program_that_ignores_being_asked_is_killed(tmp_path: Path):
    note = tmp_path / "pid"
    with pytest.raises(CommandFailed):
        sh(f"trap '' TERM; echo $$ > {note}; while :; do sleep 0.2; done", timeout=0.5)
    assert gone(int(note.read_text()))


@pytest.mark.parametrize(("output", "last"), [("", ""), ("a\n\n  \n", "a"), ("a\nb  \n", "b"), ("x" * 999, "x" * 300)])
def test_last_line(output: str, last: str):
    assert last_line(output) == last
