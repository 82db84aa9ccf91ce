"""Grade in a separate process: run `lab grade EXERCISE --json`, follow its news, and stop it on request.

The kernel that runs a learner's cells cannot grade: what those cells changed must not matter, and a long grading must
not keep the kernel from answering.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from grader.verdict import Report
from layerwise.errors import InputError, LabError

MAX_SECONDS = 3600.0
CLEANING_SECONDS = 30.0
"""How long a stopped grading may take to remove what it created."""
MAX_REPORT = 32 * 1024 * 1024
"""The most bytes of a report."""


class Stopped(LabError):
    """The grading was stopped, so there is no grade."""


class Grading:
    """One grading of the learner's own work or of another folder. `run` it in a thread, and `stop` it from another."""

    def __init__(
        self, exercise: str, on_news: Callable[[str], None], folder: Path | None = None, seed: int | None = None
    ) -> None:
        """`seed`: which instance, of an exercise that has many."""
        words = [exercise] if folder is None else [exercise, str(folder.absolute())]
        self._words = words if seed is None else [*words, "--seed", str(seed)]
        self._on_news = on_news
        self._stopping = threading.Event()
        self.warnings: list[str] = []
        """The warnings of the command, one line each."""

    def stop(self) -> None:
        """Make `run` end. It raises Stopped when everything is cleaned up."""
        self._stopping.set()

    def run(self) -> Report:
        """Grade, and return the report. `on_news` gets a line for each step.

        Raises LabError if there is no report (InputError for unusable input). In any case the process and its children
        have ended.
        """
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "layerwise.cli", "grade", *self._words, "--json"],
            env={**os.environ, "LAYERWISE_PROGRESS": "lines"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, said = self._follow(process)
            status = process.wait(timeout=CLEANING_SECONDS)
        except subprocess.TimeoutExpired:
            raise LabError("the grading closed its output but did not end, and was stopped") from None
        finally:
            _end(process)
        if status in (0, 1, 3) and output:
            return _report(output)
        fault = InputError if status == 2 else LabError
        raise fault(said or f"the grading ended with status {status} and said nothing")

    def _follow(self, process: subprocess.Popen[bytes]) -> tuple[bytes, str]:
        """Return all of standard output, and the last message on standard error."""
        assert process.stdout is not None
        assert process.stderr is not None
        deadline = time.monotonic() + MAX_SECONDS
        output, pending, said = bytearray(), b"", ""
        with selectors.DefaultSelector() as selector:
            for stream in (process.stdout, process.stderr):
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                if self._stopping.is_set():
                    raise Stopped("the grading was stopped: nothing was judged and nothing is recorded")
                if time.monotonic() > deadline:
                    raise LabError(f"the grading did not end within {MAX_SECONDS / 60:.0f} minutes and was stopped")
                for key, _ in selector.select(0.2):
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stdout:
                        output += chunk
                        if len(output) > MAX_REPORT:
                            raise LabError("the grading wrote far too large a report and was stopped")
                    else:
                        *lines, pending = (pending + chunk)[-65536:].split(b"\n")
                        for line in lines:
                            said = self._hear(line.decode("utf-8", "replace").strip()) or said
        return bytes(output), said

    def _hear(self, line: str) -> str:
        """Pass news on. Returns the message of `lab` itself about a fault."""
        if line.startswith("lab: warning: "):
            self.warnings.append(line.removeprefix("lab: warning: "))
        elif line.startswith("lab: "):
            return line.removeprefix("lab: ")
        elif line:
            self._on_news(line)
        return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a running grading. It gets time to remove what it created; then it and all its children are killed."""
    if process.poll() is None:
        # Only the process itself: it ends its own children, in the right order.
        process.terminate()
        _drain(process, time.monotonic() + CLEANING_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=CLEANING_SECONDS)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _drain(process: subprocess.Popen[bytes], deadline: float) -> None:
    """Read and discard the output of a process until it ends, so that a full pipe does not block it."""
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ)
        while process.poll() is None and time.monotonic() < deadline:
            if not selector.get_map():
                time.sleep(0.05)
            for key, _ in selector.select(0.05) if selector.get_map() else ():
                if not os.read(key.fd, 65536):
                    selector.unregister(key.fileobj)


def _report(output: bytes) -> Report:
    try:
        return Report.from_dict(json.loads(output))
    except (ValueError, RecursionError) as problem:
        raise LabError(f"the grading wrote something that is not a report ({problem}); please report it") from None
