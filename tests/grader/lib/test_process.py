"""Programs that hang, flood, ignore signals or start others: none outlives its call."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from grader.lib.process import KEPT_BYTES, MAX_STDIN, Ended, follow, run, running


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int) -> bool:
    """Whether a process ends within five seconds: one that was killed may wait a moment to be collected."""
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def test_output_and_status() -> None:
    ended = run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout=20)
    assert (ended.status, ended.stdout, ended.stderr) == (3, b"out\n", b"err\n")
    assert not ended.timed_out
    assert not ended.flooded


def test_what_it_is_given_to_read() -> None:
    assert run(["cat"], timeout=20, stdin=b"x" * MAX_STDIN).stdout == b"x" * MAX_STDIN
    assert run(["true"], timeout=20, stdin=b"x" * MAX_STDIN).status == 0, "it need not read"
    assert run(["cat"], timeout=20).stdout == b""
    with pytest.raises(ValueError, match="expected at most 4096 bytes of standard input, found 4097"):
        run(["cat"], timeout=20, stdin=b"x" * (MAX_STDIN + 1))


def test_death_by_signal() -> None:
    assert run(["sh", "-c", "kill -9 $$"], timeout=20).status == -9


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(OSError):
        run(["/no/such/program"], timeout=5)


@pytest.mark.parametrize(
    "script", ["sleep 300", "trap '' TERM; while :; do sleep 300; done", "exec >&- 2>&-; sleep 300"]
)
def test_time_is_up(script: str) -> None:
    ended = run(["sh", "-c", f"echo $$; {script}"], timeout=0.5)
    assert ended.timed_out
    assert ended.status is None
    assert not alive(int(ended.stdout))


@pytest.mark.parametrize(
    ("output", "seconds", "status"),
    [(">&- 2>&-", 20, 0), ("", 0.5, None)],  # as long as somebody holds the pipe, more may come
    ids=["closed", "open"],
)
def test_what_it_started_ends_too(output: str, seconds: float, status: int | None) -> None:
    ended = run(["sh", "-c", f"sleep 300 {output} & echo $!"], timeout=seconds)
    assert ended.status == status
    assert ended.timed_out is (status is None)
    assert gone(int(ended.stdout))


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_flood_is_stopped(stream: str) -> None:
    ended = run(["sh", "-c", f"yes >&{stream}"], timeout=60, limit=1_000_000)
    assert ended.flooded
    assert ended.status is None
    assert len(ended.stdout) + len(ended.stderr) < 2_000_000


def test_standard_error_as_it_comes() -> None:
    parts: list[bytes] = []
    ended = run(["sh", "-c", "echo a >&2; sleep 0.2; echo b >&2"], timeout=20, on_stderr=parts.append)
    assert parts == [b"a\n", b"b\n"]
    assert ended.stderr == b""


def followed(script: str, timeout: float = 30, **more: Any) -> Ended:
    with running(["sh", "-c", script], stderr=subprocess.STDOUT) as program:
        return follow(program, timeout=timeout, **more)


def test_both_outputs_as_one() -> None:
    ended = followed("echo out; echo err >&2; exit 3")
    assert (ended.status, ended.stdout, ended.stderr) == (3, b"out\nerr\n", b"")


def test_of_much_output_the_end_is_kept() -> None:
    ended = followed("head -c 3000000 /dev/zero | tr '\\0' x; echo end")
    assert ended.status == 0
    assert len(ended.stdout) == KEPT_BYTES
    assert ended.stdout.endswith(b"xend\n")


def test_lines_are_told_as_they_come() -> None:
    lines: list[str] = []
    followed("printf 'one\\ntw'; sleep 0.1; printf 'o\\nrest'", on_line=lines.append)
    assert lines == ["one", "two"]


def test_it_is_cancelled() -> None:
    cancel = threading.Event()
    lines: list[str] = []

    def line(text: str) -> None:
        lines.append(text)
        cancel.set()

    ended = followed("echo $$; sleep 600", on_line=line, cancel=cancel)
    assert (ended.status, ended.cancelled, ended.timed_out) == (None, True, False)
    assert not alive(int(lines[0]))


@pytest.mark.parametrize("script", ["sleep 600 & echo $!; wait", "trap '' TERM; echo $$; while :; do sleep 0.2; done"])
def test_a_deadline_ends_the_program_and_its_children(script: str) -> None:
    ended = followed(script, timeout=0.5)
    assert (ended.status, ended.timed_out) == (None, True)
    assert gone(int(ended.stdout))


def test_one_reads_what_another_writes() -> None:
    with (
        running(["sh", "-c", "echo said"]) as writer,
        running(["cat"], stdin=writer.stdout, stderr=subprocess.STDOUT) as reader,  # type: ignore[arg-type]
    ):
        assert follow(reader, timeout=20).stdout == b"said\n"
        assert writer.wait(20) == 0


def test_the_end_of_the_block_ends_the_program() -> None:
    with running(["sleep", "600"]) as program:
        assert alive(program.pid)
    assert not alive(program.pid)


def test_an_exception_ends_it() -> None:
    pids: list[int] = []

    def interrupt(data: bytes) -> None:
        pids.append(int(data))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", "echo $$ >&2; sleep 300"], timeout=60, on_stderr=interrupt)
    assert not alive(pids[0])


def test_nothing_is_left_open() -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        run([sys.executable, "-c", "print(1)"], timeout=30)
    assert len(os.listdir("/proc/self/fd")) == len(before)
