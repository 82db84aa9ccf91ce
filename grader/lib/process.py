"""Run a program that may hang or print without end: with a deadline, bounded output, and no process left behind.

    ended = run(["trivy", "version"], timeout=30)                   # its two outputs, apart and whole
    with running(["docker", "push", name], stderr=subprocess.STDOUT) as program:
        ended = follow(program, timeout=900, on_line=print)         # its output by lines, of which the end is kept

Whatever ends the wait, the program and what it started are gone afterwards.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from grader.lib.cancel import on_cancel

MAX_STDIN = 4096
"""The most bytes that a program can be given to read: a pipe holds that many even if nobody reads."""
KEPT_BYTES = 64 << 10
"""Bytes that `follow` keeps of what a program writes: the end, where errors are."""
_CHUNK = 1 << 16
_GRACE = 5.0
_TURN = 0.25
"""Seconds after which `cancel` is looked at again."""
Why = Literal["", "timed out", "flooded", "cancelled"]


@dataclass(frozen=True)
class Ended:
    """How a program ended. `status` is negative for a signal, and None if we stopped it, and then why."""

    status: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False
    flooded: bool = False
    cancelled: bool = False


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
    """Run `command` for at most `timeout` seconds and `limit` bytes of output, and keep all of that.

    With `on_stderr`, standard error goes there as it comes and is not kept. `stdin` is what the program can read, at
    most MAX_STDIN bytes. Raises OSError if it cannot be started.
    """
    if len(stdin) > MAX_STDIN:
        raise ValueError(f"expected at most {MAX_STDIN} bytes of standard input, found {len(stdin)}")
    out: list[bytes] = []
    err: list[bytes] = []
    total = 0
    with running(command, env=env, cwd=cwd, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL) as program:
        if program.stdin:
            with contextlib.suppress(OSError):  # it may not want to know
                program.stdin.write(stdin)
            _close(program.stdin)

        def take(pipe: object, chunk: bytes) -> bool:
            nonlocal total
            total += len(chunk)
            if pipe is program.stdout:
                out.append(chunk)
            elif on_stderr:
                on_stderr(chunk)
            else:
                err.append(chunk)
            return total > limit

        began = time.monotonic()
        why = _wait(program, began + timeout, take)
    return _ended(program, why, began, b"".join(out), b"".join(err))


def follow(
    program: subprocess.Popen[bytes],
    *,
    timeout: float,
    on_line: Callable[[str], None] | None = None,
    cancel: threading.Event | None = None,
) -> Ended:
    """Read what a program of `running` writes to its pipes, as one text of which the end is kept, until it has ended.

    After `timeout` seconds, or when `cancel` is set, nothing more is waited for: the `running` block then ends the
    program. `on_line` gets each line as it comes.
    """
    kept = bytearray()
    rest = b""

    def take(_pipe: object, chunk: bytes) -> bool:
        nonlocal rest
        kept.extend(chunk)
        del kept[:-KEPT_BYTES]
        if on_line is not None:
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[-KEPT_BYTES:]
            for line in lines:
                on_line(line.decode("utf-8", "replace").rstrip())
        return False

    began = time.monotonic()
    why = _wait(program, began + timeout, take, cancel)
    return _ended(program, why, began, bytes(kept))


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a process group of its own, for as long as the block lasts: then the whole group is ended.

    It is asked to end, and killed five seconds later. Raises OSError if it cannot be started.
    """
    program = subprocess.Popen(
        command, env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
    )
    try:
        with on_cancel(lambda: _end_group(program)):
            yield program
    finally:
        for pipe in (program.stdin, program.stdout, program.stderr):
            if pipe:  # first, so that a program blocked on a full pipe can end
                _close(pipe)
        _end_group(program)


def _wait(
    program: subprocess.Popen[bytes],
    deadline: float,
    take: Callable[[object, bytes], bool],
    cancel: threading.Event | None = None,
) -> Why:
    """Hand what it writes to `take`, which says whether that is too much, until it has ended; or why it must be."""
    with selectors.DefaultSelector() as selector:
        for pipe in (program.stdout, program.stderr):
            if pipe:
                selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if cancel is not None and cancel.is_set():
                return "cancelled"
            if left <= 0:
                return "timed out"
            for key, _ in selector.select(left if cancel is None else min(left, _TURN)):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif take(key.fileobj, chunk):
                    return "flooded"
    # Both pipes are closed; a program that lives on without them still has its deadline.
    try:
        program.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return "timed out"
    return ""


def _ended(program: subprocess.Popen[bytes], why: Why, began: float, stdout: bytes, stderr: bytes = b"") -> Ended:
    status = None if why else program.returncode
    seconds = time.monotonic() - began
    return Ended(status, stdout, stderr, seconds, why == "timed out", why == "flooded", why == "cancelled")


def _end_group(program: subprocess.Popen[bytes]) -> None:
    """End a program of `running`, and whatever it started: SIGTERM, five seconds, SIGKILL."""
    if program.poll() is None:
        _signal(program.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(_GRACE)
    _signal(program.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs in the kernel, and ends when that lets go of it
        program.wait(_GRACE)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        pipe.close()
