"""Run an outside program for the lab: what goes wrong with it is a LabError with its last words."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO

from grader.lib import process
from layerwise.errors import LabError


class CommandFailed(LabError):
    """A program ended with another status than 0, or was stopped at its deadline.

    `output` is the end of what it wrote (standard output and error together), `status` its exit status (-1: stopped).
    """

    def __init__(self, message: str, output: str = "", status: int = -1) -> None:
        super().__init__(message)
        self.output = output
        self.status = status


class Stopped(LabError):
    """The work was asked to stop: because of Ctrl-C, or of a failure elsewhere."""


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

    `timeout` is in seconds. `on_line` gets each line as it comes. Raises CommandFailed if the status is not 0 or the
    deadline passes, Stopped when `cancel` is set, and LabError if there is no such program. Whatever ends the wait, the
    program and its children are gone afterwards.
    """
    with running(argv, env=env, stdin=stdin) as program:
        ended = process.follow(program, timeout=timeout, on_line=on_line, cancel=cancel)
    output = ended.stdout.decode("utf-8", "replace")
    if ended.cancelled:
        raise Stopped(f"{_name(argv)} was stopped")
    if ended.status is None:
        raise CommandFailed(f"{_name(argv)} did not end in time; last words: {last_line(output)}", output)
    if ended.status:
        why = last_line(output) or f"exit status {ended.status}"
        raise CommandFailed(f"{_name(argv)} failed: {why}", output, ended.status)
    return output


@contextmanager
def running(
    argv: Sequence[str], *, env: Mapping[str, str], stdin: IO[bytes] | None = None, errors: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`argv` with its output on a pipe, for as long as the block lasts; then its process group is ended.

    What it writes to standard error goes to the file `errors`, or the same way as its output. Raises LabError if there
    is no such program.
    """
    with ExitStack() as stack:
        try:
            program = stack.enter_context(
                process.running(
                    argv,
                    env=env,
                    stdin=subprocess.DEVNULL if stdin is None else stdin,
                    stderr=subprocess.STDOUT if errors is None else errors,
                )
            )
        except OSError as problem:
            raise LabError(f"cannot run {argv[0]}: {problem.strerror}; is it installed and on PATH?") from None
        yield program


def last_line(output: str) -> str:
    """The last line of `output` that says something, cut to 300 characters."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _name(argv: Sequence[str]) -> str:
    """What to call the program in a message: `docker push`, not the whole line."""
    command = argv[1] if len(argv) > 1 and argv[1].isalpha() else ""
    return f"{os.path.basename(argv[0])} {command}".strip()
