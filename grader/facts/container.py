"""Containers of a submission's image: bounded, without new privileges, without network unless asked for, and removed.

outcome = run(engine, image, ["id", "-u"])            # to its end, or until its time is over
with started(engine, image) as running:               # as the image starts by itself
    running.processes()
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from grader.errors import EngineFailure, GraderError, NotObservable
from grader.facts.engine import Engine, Output
from grader.halt import ended_by

MEMORY = 1 << 30
"""Bytes of memory of a container; there is no swap beside it."""
CPUS = 2.0
PROCESSES = 256
FILE_SIZE = 4 << 30
"""Bytes that one file may have which a container writes."""
OUTPUT = 1 << 20
"""Bytes kept of each of standard output and error: the beginning and the end."""
PATIENCE = 10.0
"""Seconds that the stream of a container's output may outlive the container."""
FLOOD = 256 << 20
"""Bytes of output after which a container is stopped."""


@dataclass(frozen=True)
class Outcome:
    """What became of a command. `exit_code` is None where it was stopped: out of time, or after too much output."""

    exit_code: int | None
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False
    flooded: bool = False
    out_of_memory: bool = False


@dataclass(frozen=True)
class Process:
    """A process of a container, with the user ids the kernel holds for it; None: not known."""

    pid: int
    main: bool
    real: int
    effective: int
    saved: int | None
    filesystem: int | None
    command: str
    """Its words, which it may have chosen itself."""
    program: str = ""
    """Path of what it executes, as the kernel has it; empty where an older `ps` does not tell."""

    @property
    def is_root(self) -> bool:
        """Whether any of its ids is 0: a process can go back to its saved id. Each thread has ids of its own: where
        one is root's, these are its."""
        return 0 in (self.real, self.effective, self.saved, self.filesystem)


def exit_code(state: Mapping[str, Any]) -> int | None:
    """The main process' exit status by a container's `State`; None while it runs."""
    return None if state.get("Running") else int(state.get("ExitCode") or 0)


class Running:
    """A container that was started. It may have ended since."""

    def __init__(self, engine: Engine, container: str, reader: _Reader) -> None:
        self.engine = engine
        self.id = container
        self._reader = reader

    @property
    def state(self) -> Mapping[str, Any]:
        """`State` of the container: Running, Pid, ExitCode, OOMKilled, Health."""
        return _state(self.engine, self.id)

    @property
    def output(self) -> tuple[str, str]:
        """Standard output and error so far, bounded."""
        return self._reader.text(0), self._reader.text(1)

    def wait(self, timeout: float) -> int | None:
        """The exit status of the main process, or None where it has not ended within `timeout` seconds."""
        return self.engine.wait(self.id, timeout)

    def signal(self, name: str) -> None:
        """Send the main process a signal such as "SIGTERM"; nothing happens where it has ended."""
        with contextlib.suppress(KeyError):
            self.engine.signal(self.id, name)

    def is_idle(self) -> bool:
        """Whether every thread of the container sleeps now; False where the engine's machine does not tell."""
        for threads in (True, False):  # a smaller ps (busybox) shows no threads
            try:
                _, rows = self.engine.top(self.id, "pid,stat", threads=threads)
            except KeyError:
                return True
            except EngineFailure:
                continue
            return not any(row[1].startswith(("R", "D")) for row in rows)
        return False

    def processes(self) -> list[Process]:
        """The container's processes now; empty where it has ended.

        Measured by `ps` on the engine's own machine, which needs nothing of the image. NotObservable without one.
        """
        main = int(self.state.get("Pid") or 0)
        for columns, threads, parse in _COLUMNS:
            try:
                _, rows = self.engine.top(self.id, columns, threads=threads)
            except KeyError:
                return []
            except EngineFailure as problem:
                if "executable file not found" in str(problem):
                    raise NotObservable(
                        "the engine's machine has no 'ps' to see a container's processes with: install procps there"
                    ) from None
                continue  # a smaller ps (busybox) knows fewer columns
            found: dict[int, Process] = {}
            for process in (parse(row, main) for row in rows):
                if process.pid not in found or process.is_root:
                    found[process.pid] = process
            programs = self._programs()
            return [replace(process, program=programs.get(process.pid, "")) for process in found.values()]
        raise NotObservable("the engine's machine has a 'ps' that does not tell user ids: install procps there")

    def _programs(self) -> Mapping[int, str]:
        """What each process executes; empty where that is not told (procps before 4.0, busybox)."""
        try:
            _, rows = self.engine.top(self.id, "pid,exe")
        except (KeyError, EngineFailure):
            return {}
        return {int(row[0]): row[1].removesuffix(" (deleted)") for row in rows if row[1].startswith("/")}


def _full(row: Sequence[str], main: int) -> Process:
    pid, real, effective, saved, filesystem = (int(cell) for cell in row[:5])
    return Process(pid, pid == main, real, effective, saved, filesystem, " ".join(row[5:]))


def _plain(row: Sequence[str], main: int) -> Process:
    # Names are those of the engine's machine: "root" is 0 there too, and a number is a number.
    real, effective = (int(cell) if cell.isdigit() else 0 if cell == "root" else -1 for cell in row[1:3])
    return Process(int(row[0]), int(row[0]) == main, real, effective, None, None, " ".join(row[3:]))


_COLUMNS = (("pid,ruid,euid,suid,fuid,args", True, _full), ("pid,ruser,user,args", False, _plain))
"""Columns, whether there is a row for each thread, and how a row is read."""


def run(
    engine: Engine,
    image: str,
    command: str | Sequence[str] | None = None,
    *,
    timeout: float,
    beside: str | None = None,
    env: Mapping[str, str] | None = None,
    programs: Mapping[str, bytes] | None = None,
    keep: str = "",
) -> Outcome:
    """Run a command in a fresh container until it ends, or until `timeout` seconds are over.

    A string goes through /bin/sh, a list is run as it is, both in place of the image's entrypoint; None is the image's
    own command. With `beside`, the id of a running container, it shares that one's network. `env` is added to the
    image's environment, the files of `programs`, by name, to its root folder. With `keep`, an image of that name is
    made of what the container left. ContainerRefused where it cannot be started.
    """
    own: dict[str, Any] = {}
    if isinstance(command, str):
        own = {"entrypoint": ["/bin/sh", "-c"], "command": [command]}
    elif command is not None:
        own = {"entrypoint": list(command[:1]), "command": list(command[1:])}
    if env:
        own["environment"] = dict(env)
    host = {"network_mode": f"container:{beside}"} if beside else {}
    with _started(engine, image, host, programs, **own) as (container, reader):
        began = time.monotonic()
        deadline = began + timeout
        code = None
        while code is None and not reader.flooded and (left := deadline - time.monotonic()) > 0:
            code = engine.wait(container, min(left, 1.0))
        seconds = time.monotonic() - began
        memory = bool(_state(engine, container).get("OOMKilled"))
        if code is None:
            with contextlib.suppress(KeyError):
                engine.signal(container, "SIGKILL")
        reader.finish()
        if keep:
            engine.commit(container, keep)
        flooded = code is None and reader.flooded
        return Outcome(code, reader.text(0), reader.text(1), seconds, code is None and not flooded, flooded, memory)


@contextmanager
def started(
    engine: Engine,
    image: str,
    host: Mapping[str, Any] | None = None,
    programs: Mapping[str, bytes] | None = None,
    **config: Any,
) -> Iterator[Running]:
    """The image as it starts by itself, removed when the block ends. ContainerRefused where it cannot be started.

    `host` and `config` are added to the container's settings, in the names of `Engine.create_container`; `programs`,
    by name, to its root folder.
    """
    with _started(engine, image, host or {}, programs, **config) as (container, reader):
        yield Running(engine, container, reader)


@dataclass(frozen=True)
class Seen:
    """The main process as it was seen running. `main` is None where it had ended before anybody could look."""

    main: Process | None
    others: Sequence[Process]
    exit_code: int | None
    """Where it has ended."""
    stderr: str


def watch(running: Running, patience: float) -> Seen:
    """Look at a container's processes until the main one is not root, has ended, or `patience` seconds are over.

    The patience is for entrypoints that start as root and drop it. One look is enough for a process that is not root:
    a container of ours gains no privileges.
    """
    deadline = time.monotonic() + patience
    seen: list[Process] = []
    while True:
        found = running.processes()
        main = next((process for process in found if process.main), None)
        if main:
            seen = found
        if main is None or not main.is_root or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return Seen(
        next((process for process in seen if process.main), None),
        [process for process in seen if not process.main],
        exit_code(running.state),
        running.output[1],
    )


@contextmanager
def _started(
    engine: Engine, image: str, host: Mapping[str, Any], programs: Mapping[str, bytes] | None, **config: Any
) -> Iterator[tuple[str, _Reader]]:
    """A container that has just been started, with these programs in it, and what reads its output."""
    try:
        container = engine.create_container(image, host={**_bounds(engine), **host}, **config)
    except KeyError as problem:
        raise EngineFailure(
            f"the image that was built is gone from the engine ({problem.args[0]}): grade again"
        ) from None
    with ExitStack() as stack:
        stack.callback(engine.remove_container, container)
        stack.enter_context(ended_by(lambda: engine.remove_container(container)))
        for name, content in (programs or {}).items():
            engine.put_program(container, name, content)
        yield container, _Reader(stack.enter_context(closing(engine.start_container(container))))


def _bounds(engine: Engine) -> dict[str, Any]:
    return {
        "network_mode": "none",
        "security_opt": ["no-new-privileges"],
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "nano_cpus": int(min(CPUS, engine.info.cpus) * 1e9),
        "pids_limit": PROCESSES,
        "ulimits": [{"Name": "fsize", "Soft": FILE_SIZE, "Hard": FILE_SIZE}, {"Name": "core", "Soft": 0, "Hard": 0}],
        # Output is read as it comes; the engine's disk keeps none of it.
        "log_config": {"Type": "none"},
    }


def _state(engine: Engine, container: str) -> Mapping[str, Any]:
    try:
        state: Mapping[str, Any] = engine.inspect_container(container)["State"]
    except KeyError:
        raise EngineFailure("a container of the grader was removed by someone else: grade again") from None
    return state


class _Reader:
    """Reads a container's output in a thread of its own, so that a flood never blocks and nothing of it piles up."""

    def __init__(self, stream: Output) -> None:
        self._stream = stream
        self._kept = (_Kept(), _Kept())
        self.flooded = False
        self._broken = ""
        self._thread = threading.Thread(target=self._read, name="container-output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        total = 0
        try:
            for pair in self._stream:
                for chunk, kept in zip(pair, self._kept, strict=True):
                    if chunk:
                        kept.add(chunk)
                        total += len(chunk)
                self.flooded = total > FLOOD
        except (GraderError, OSError, ValueError) as problem:
            self._broken = str(problem) or type(problem).__name__

    def finish(self) -> None:
        """Wait until all that was printed has been read. EngineFailure where the stream broke or does not end: what was
        read until then is not what was printed."""
        self._thread.join(PATIENCE)
        if self._thread.is_alive() or self._broken:
            why = self._broken or f"it goes on {PATIENCE:.0f} s after the container ended"
            raise EngineFailure(f"a container's output could not be read to its end ({why}): grade again")

    def text(self, stream: int) -> str:
        return self._kept[stream].text()


class _Kept:
    """The beginning and the end of a stream."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0

    def add(self, data: bytes) -> None:
        with self._lock:
            self._size += len(data)
            room = max(0, OUTPUT // 2 - len(self._head))
            self._head += data[:room]
            self._tail += data[room:]
            if len(self._tail) > OUTPUT:
                del self._tail[: -OUTPUT // 2]

    def text(self) -> str:
        with self._lock:
            tail = bytes(self._tail[-OUTPUT // 2 :])
            cut = self._size - len(self._head) - len(tail)
            middle = f"\n… {cut} bytes left out …\n".encode() if cut else b""
            return (bytes(self._head) + middle + tail).decode("utf-8", "replace")
