"""Run an outside program: always with a deadline, bounded output, and no child left behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

from layerwise.errors import LabError

KEPT_BYTES = 64 * 1024
"""How much of a program's output is kept: the end, where errors are."""


class CommandFailed(LabError):
    """A program ended with another status than 0, or was stopped at its deadline.

    `output` is the end of what it wrote (standard output and error together), `status` its exit status (-1: stopped).
    """

    def __init__(self, message: str, output: str = "", status: int = -1) -> None:
        super().__init__(message)
        self.output = output
        self.status = status


class Stopped(LabError):
    """Somebody asked for the work to stop (Ctrl-C, or a failure beside it)."""


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    timeout: float,
    stdin: IO[bytes] | None = None,
    on_line: Callable[[str], None] | None = None,
    cancel: threading.Event | None = None,
) -> str:
    """Run `argv` to its end and return the end of its output (standard output and error together).

    `timeout` is in seconds. `on_line` gets each line as it comes. Raises CommandFailed where the status is not 0 or the
    deadline passes, Stopped when `cancel` is set, LabError when there is no such program. Whatever ends the wait, the
    program and its children are gone afterwards.
    """
    process = start(argv, env=env, stdin=stdin)
    try:
        output = _read(process, argv, time.monotonic() + timeout, on_line, cancel)
        status = process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{_name(argv)} closed its output but did not end") from None
    finally:
        stop(process)
    if status != 0:
        raise CommandFailed(f"{_name(argv)} failed: {last_line(output) or f'exit status {status}'}", output, status)
    return output


def start(
    argv: Sequence[str], *, env: Mapping[str, str], stdin: IO[bytes] | None = None, errors: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Start `argv` in a process group of its own, with its output on a pipe; its error stream goes to the file
    `errors`, or the same way as its output. The caller ends it with `stop`. Raises LabError when there is no such
    program."""
    try:
        return subprocess.Popen(
            list(argv),
            env=dict(env),
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors is None else errors,
            start_new_session=True,
        )
    except OSError as problem:
        raise LabError(f"cannot run {argv[0]}: {problem.strerror}; is it installed and on PATH?") from None


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group, and close its pipes. Does nothing to one that has ended."""
    if process.poll() is None:
        for sent, grace in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sent)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=grace)
                break
    if process.stdout is not None:
        process.stdout.close()


def last_line(output: str) -> str:
    """The last line of `output` that says something, cut to 300 characters."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _read(
    process: subprocess.Popen[bytes],
    argv: Sequence[str],
    deadline: float,
    on_line: Callable[[str], None] | None,
    cancel: threading.Event | None,
) -> str:
    assert process.stdout is not None
    kept = bytearray()
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if cancel is not None and cancel.is_set():
                raise Stopped(f"{_name(argv)} was stopped")
            left = deadline - time.monotonic()
            if left <= 0:
                output = kept.decode("utf-8", "replace")
                raise CommandFailed(f"{_name(argv)} did not end in time; last words: {last_line(output)}", output)
            if not selector.select(min(left, 0.25)):
                continue
            chunk = os.read(process.stdout.fileno(), 64 * 1024)
            if not chunk:
                return kept.decode("utf-8", "replace")
            kept += chunk
            del kept[:-KEPT_BYTES]
            if on_line is not None:
                *lines, pending = (pending + chunk).split(b"\n")
                pending = pending[-KEPT_BYTES:]
                for line in lines:
                    on_line(line.decode("utf-8", "replace").rstrip())


def _name(argv: Sequence[str]) -> str:
    """What to call the program in a message: `docker push`, not the whole line."""
    command = argv[1] if len(argv) > 1 and argv[1].isalpha() else ""
    return f"{os.path.basename(argv[0])} {command}".strip()
