"""Run a program that may hang or flood: with a deadline, bounded output, and nothing of it left running."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from grader.halt import ended_by

_CHUNK = 1 << 16
_GRACE = 5.0
MAX_STDIN = 4096
"""Bytes a program can be given to read: a pipe holds them, whether it reads or not."""


@dataclass(frozen=True)
class Ended:
    """How a program ended. `status` is negative for a signal; None where it was stopped by us, and then why."""

    status: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False
    flooded: bool = False


def run(
    command: Sequence[str],
    *,
    timeout: float,
    limit: int = 16 << 20,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_stderr: Callable[[bytes], None] | None = None,
    stdin: bytes = b"",
) -> Ended:
    """Run `command` for at most `timeout` seconds and `limit` bytes of output, in a process group of its own.

    Above either, or at an exception (Ctrl-C), the group is asked to end, then killed. With `on_stderr`, standard error
    goes there as it comes and is not kept. `stdin` is what it can read, at most MAX_STDIN bytes. OSError where the
    program cannot be started.
    """
    if len(stdin) > MAX_STDIN:
        raise ValueError(f"more than {MAX_STDIN} bytes for a program to read")
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    if process.stdin:
        with contextlib.suppress(OSError):  # it may not want to know
            process.stdin.write(stdin)
        _close(process.stdin)
    kept: dict[str, list[bytes]] = {"out": [], "err": []}
    total = 0
    timed_out = flooded = False
    try:
        with ended_by(lambda: end_group(process)), selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, "out")
            selector.register(process.stderr, selectors.EVENT_READ, "err")
            while selector.get_map():
                left = began + timeout - time.monotonic()
                timed_out, flooded = left <= 0, total > limit
                if timed_out or flooded:
                    break
                for key, _ in selector.select(left):
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                        continue
                    total += len(chunk)
                    if key.data == "err" and on_stderr:
                        on_stderr(chunk)
                    else:
                        kept[key.data].append(chunk)
        if not (timed_out or flooded):
            # Both pipes are closed; a program that lives on without them still has its deadline.
            try:
                process.wait(max(0.1, began + timeout - time.monotonic()))
            except subprocess.TimeoutExpired:
                timed_out = True
    finally:
        for pipe in (process.stdout, process.stderr):  # first, so that a program blocked on a full pipe can end
            _close(pipe)
        end_group(process)
    stopped = timed_out or flooded
    return Ended(
        None if stopped else process.returncode,
        b"".join(kept["out"]),
        b"".join(kept["err"]),
        time.monotonic() - began,
        timed_out,
        flooded,
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process started in a session of its own, and whatever it started: SIGTERM, five seconds, SIGKILL."""
    if process.poll() is None:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        pipe.close()
