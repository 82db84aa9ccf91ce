"""Containers of a submission's image: bounded, without new privileges, without network by default, and removed at last.

result = run(engine, image, ["id", "-u"])             # to its end, or until its time is over
with started(engine, image) as running:               # as the image starts by itself
    running.processes()
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal

from grader.errors import EngineFailure, NotObservable
from grader.facts.engine.control import can_start_another
from grader.facts.engine.engine import Engine, Output
from grader.facts.engine.errors import NEVER_BEGAN, ContainerRefused, in_short
from grader.facts.engine.output_reader import OUTPUT, OutputReader
from grader.facts.image.users import TABLES
from grader.lib.cancel import on_cancel

MEMORY = 1 << 30
"""Bytes of memory of a container, which gets no swap."""
CPUS = 2.0
PROCESSES = 256
FILE_SIZE = 4 << 30
"""Bytes of the largest file that a container may write."""
OUTPUT_GRACE = 2.0
"""Seconds after the end of a process at which an engine stops waiting for its output, and drops what has not come."""
QUICK = 5.0
"""Seconds that a process has to live for an engine to have opened its output, however busy it is."""
RUNS = 4
"""The most runs of a command whose output may be cut."""
NO_HEALTHCHECK = {"test": ["NONE"]}
"""For the setting `healthcheck`: the image's own check is not run."""
Stream = Literal["stdout", "stderr"]


class Missing(Enum):
    """What of a container's output may be missing, without an error that would tell of it."""

    NOTHING = auto()
    A_STREAM = auto()
    """All of one, or of both."""
    A_PART = auto()
    """Any part of it, such as the end."""


@dataclass(frozen=True)
class CommandResult:
    """How a command ended. `exit_code` is None if it was stopped: out of time, or after too much output."""

    exit_code: int | None
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False
    flooded: bool = False
    out_of_memory: bool = False

    def agrees(self, other: CommandResult) -> bool:
        """Whether it is the same result, whatever time it took."""
        return replace(self, seconds=0) == replace(other, seconds=0)

    def printed(self, stream: Stream) -> str:
        """What was printed to a stream."""
        return self.stdout if stream == "stdout" else self.stderr


@dataclass(frozen=True)
class Process:
    """A process of a container, with the user ids that the kernel has for it; None if one is not known."""

    pid: int
    main: bool
    real: int
    effective: int
    saved: int | None
    filesystem: int | None
    command: str
    """Its command line, which it may have changed itself."""
    program: str = ""
    """Path of what it executes, by the kernel; empty if an older `ps` does not tell."""

    @property
    def is_root(self) -> bool:
        """Whether any of its ids is 0: a process can go back to its saved id. If one of its threads is root, the ids
        are those of this thread."""
        return 0 in (self.real, self.effective, self.saved, self.filesystem)


def exit_code(state: Mapping[str, Any]) -> int | None:
    """Return the main process's exit status from a container's `State`, and None while it runs."""
    return None if state.get("Running") else int(state.get("ExitCode") or 0)


class Running:
    """A container that was started. It may have ended since."""

    def __init__(self, engine: Engine, container: str, reader: OutputReader) -> None:
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
        """Return the exit status of the main process, and None if it goes on after `timeout` seconds."""
        return self.engine.wait(self.id, timeout)

    def signal(self, name: str) -> None:
        """Send the main process a signal such as "SIGTERM". Does nothing if it has ended."""
        with contextlib.suppress(KeyError):
            self.engine.signal(self.id, name)

    def is_idle(self) -> bool:
        """Whether every thread of the container sleeps now. False if the engine's machine cannot tell."""
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
        """Return the container's processes now; empty if it has ended.

        They are read with `ps` on the engine's own machine, which needs nothing of the image. Raises NotObservable if
        that machine has no `ps`, or one that does not show user ids.
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
        raise NotObservable("the 'ps' of the engine's machine does not show user ids: install procps there")

    def _programs(self) -> Mapping[int, str]:
        """Return what each process executes; empty if `ps` does not tell (procps before 4.0, busybox)."""
        try:
            _, rows = self.engine.top(self.id, "pid,exe")
        except (KeyError, EngineFailure):
            return {}
        return {int(row[0]): row[1].removesuffix(" (deleted)") for row in rows if row[1].startswith("/")}


def _full(row: Sequence[str], main: int) -> Process:
    pid, real, effective, saved, filesystem = (int(cell) for cell in row[:5])
    return Process(pid, pid == main, real, effective, saved, filesystem, " ".join(row[5:]))


def _plain(row: Sequence[str], main: int) -> Process:
    # `ps` shows the names of the engine's machine, where "root" is 0 as well; users without a name show as numbers.
    real, effective = (int(cell) if cell.isdigit() else 0 if cell == "root" else -1 for cell in row[1:3])
    return Process(int(row[0]), int(row[0]) == main, real, effective, None, None, " ".join(row[3:]))


_COLUMNS = (("pid,ruid,euid,suid,fuid,args", True, _full), ("pid,ruser,user,args", False, _plain))
"""Columns of `ps`, whether to ask for a row for each thread, and how to read a row."""


def run(
    engine: Engine,
    image: str,
    command: str | Sequence[str] | None = None,
    *,
    timeout: float,
    network_of: str | None = None,
    env: Mapping[str, str] | None = None,
    archives: Sequence[bytes] = (),
    keep: str = "",
    judged: Sequence[Stream] = ("stdout", "stderr"),
) -> CommandResult:
    """Run a command in a fresh container until it ends, or until `timeout` seconds are over.

    A string is run by /bin/sh and a list as it is, both in place of the image's entrypoint; None runs the image's own
    command. The container shares the network of `network_of`, the id of a running container. `env` is added to the
    image's environment, and the files of `archives` (tar) to its root folder. With `keep`, an image of that name is
    made of what the container left.

    On a busy machine the engine loses what a quick program printed, now and then, and no error tells of it. A command
    whose output may be cut is run again, in another container, until two runs agree. A quick one with nothing on a
    stream in `judged` is run again, until that stream was empty twice or has something. Raises EngineFailure if RUNS
    runs are not enough.

    Raises ContainerRefused if the container cannot be started.
    """
    own: dict[str, Any] = {}
    if isinstance(command, str):
        own = {"entrypoint": ["/bin/sh", "-c"], "command": [command]}
    elif command is not None:
        own = {"entrypoint": list(command[:1]), "command": list(command[1:])}
    if env:
        own["environment"] = dict(env)
    host = {"network_mode": f"container:{network_of}"} if network_of else {}
    earlier: list[CommandResult] = []
    while len(earlier) < RUNS:
        called = time.monotonic()
        with _started(engine, image, host, archives, **own) as (container, reader):
            result, may_miss = _to_its_end(engine, container, reader, timeout, called)
            if _is_believed(result, may_miss, judged, earlier):
                if keep:
                    engine.commit(container, keep)
                return result
        earlier.append(result)
    raise EngineFailure(
        f"the engine's machine is too busy: what a container printed may be cut, {RUNS} times in a row. Grade again"
    )


def _to_its_end(
    engine: Engine, container: str, reader: OutputReader, timeout: float, called: float
) -> tuple[CommandResult, Missing]:
    """Return the result of a container that was asked for at the time `called`, and what of its output may be
    missing."""
    began = time.monotonic()
    deadline = began + timeout
    code = None
    while code is None and not reader.flooded and (left := deadline - time.monotonic()) > 0:
        code = engine.wait(container, min(left, 1.0))
    ended = time.monotonic()
    state = _state(engine, container)
    may_miss = Missing.NOTHING
    if code is None:  # It has failed, whatever it printed.
        with contextlib.suppress(KeyError):
            engine.signal(container, "SIGKILL")
    elif ended - called >= OUTPUT_GRACE and _noticed_late(engine, state):
        may_miss = Missing.A_PART
    elif _lived(state) < QUICK:
        may_miss = Missing.A_STREAM
    reader.finish()
    if code is not None:
        reader.complete(*engine.logs(container, OUTPUT))
    flooded = code is None and reader.flooded
    result = CommandResult(
        code,
        reader.text(0),
        reader.text(1),
        ended - began,
        code is None and not flooded,
        flooded,
        bool(state.get("OOMKilled")),
    )
    return result, may_miss


def _is_believed(
    result: CommandResult, may_miss: Missing, judged: Sequence[Stream], earlier: Sequence[CommandResult]
) -> bool:
    """Whether nothing is missing, as far as the earlier runs tell."""
    if may_miss is Missing.A_PART:
        return any(result.agrees(other) for other in earlier)
    if may_miss is Missing.A_STREAM:
        empty = [stream for stream in judged if not result.printed(stream)]
        return all(any(not other.printed(stream) for other in earlier) for stream in empty)
    return True


def _noticed_late(engine: Engine, state: Mapping[str, Any]) -> bool:
    """Whether the engine was so late in saying that a container has ended that it may have dropped output: no error
    tells of that.

    moby waits OUTPUT_GRACE seconds for the output (handleContainerExit in daemon/monitor.go), and so does containerd's
    shim.
    """
    return (engine.now() - _moment(state, "FinishedAt")).total_seconds() >= OUTPUT_GRACE


def _lived(state: Mapping[str, Any]) -> float:
    """Return for how many seconds a container's process lived.

    dockerd opens the named pipes of the two streams in threads of their own. If one of them does not get its turn until
    the process has ended, dockerd closes the pipe unread ("reading from a closed fifo" in its log), and attach and log
    are empty: with Docker 26.1 in some 3 of 1,000 runs beside eight busy processes on two cores.
    """
    return (_moment(state, "FinishedAt") - _moment(state, "StartedAt")).total_seconds()


def _moment(state: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(str(state[name]))


@contextmanager
def started(
    engine: Engine,
    image: str,
    host: Mapping[str, Any] | None = None,
    archives: Sequence[bytes] = (),
    **config: Any,
) -> Iterator[Running]:
    """Start the image as it starts by itself, and remove the container when the block ends.

    `host` and `config` are added to the container's settings, in the names of `Engine.create_container`, and the files
    of `archives` (tar) to its root folder.

    Raises ContainerRefused if the container cannot be started.
    """
    with _started(engine, image, host or {}, archives, **config) as (container, reader):
        yield Running(engine, container, reader)


@contextmanager
def _started(
    engine: Engine, image: str, host: Mapping[str, Any], archives: Sequence[bytes], **config: Any
) -> Iterator[tuple[str, OutputReader]]:
    """Start a container with these files in it. Yields its id, and the reader of its output."""
    host = {**_bounds(engine), **host}
    with ExitStack() as stack:

        def begin() -> tuple[str, Output]:
            container = engine.create_container(image, host=host, **config)
            stack.callback(engine.remove_container, container)
            stack.enter_context(on_cancel(lambda: engine.remove_container(container)))
            for archive in archives:
                engine.put_archive(container, archive)
            _require_user_tables(engine, container)
            return container, stack.enter_context(closing(engine.start_container(container)))

        try:
            container, output = _begun(begin, lambda: can_start_another(engine, host, config.get("ports")))
        except KeyError as problem:
            raise EngineFailure(
                f"the image that was built, or its container, is gone from the engine ({problem.args[0]}): grade again"
            ) from None
        yield container, OutputReader(output)


def _begun(begin: Callable[[], tuple[str, Output]], another_starts: Callable[[], bool]) -> tuple[str, Output]:
    """Return what `begin` returns. Raises ContainerRefused if the engine refuses it twice, but starts another one."""
    try:
        return begin()
    except EngineFailure as problem:
        if NEVER_BEGAN.search(str(problem)) or not another_starts():
            raise
    try:  # once more: it may have been bad luck
        return begin()
    except EngineFailure as problem:
        if NEVER_BEGAN.search(str(problem)):
            raise
        raise ContainerRefused(in_short(str(problem))) from None


def _require_user_tables(engine: Engine, container: str) -> None:
    """Raise ContainerRefused if what names the image's users is no file: dockerd opens it before the container starts,
    and waits at a named pipe for ever, holding what belongs to the container."""
    for table in TABLES:
        kind = engine.kind_of(container, table)
        if kind not in ("", "file"):
            what = "a link that leads nowhere" if kind == "link" else f"a {kind}"
            raise ContainerRefused(f"the image's {table} is {what}, not a file")


def _bounds(engine: Engine) -> dict[str, Any]:
    return {
        "network_mode": "none",
        "security_opt": ["no-new-privileges"],
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "nano_cpus": int(min(CPUS, engine.info.cpus) * 1e9),
        "pids_limit": PROCESSES,
        "ulimits": [{"Name": "fsize", "Soft": FILE_SIZE, "Hard": FILE_SIZE}, {"Name": "core", "Soft": 0, "Hard": 0}],
        # The output is read as it comes. The engine keeps its beginning: see `run`.
        "log_config": {"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}},
    }


def _state(engine: Engine, container: str) -> Mapping[str, Any]:
    try:
        state: Mapping[str, Any] = engine.inspect_container(container)["State"]
    except KeyError:
        raise EngineFailure("a container of the grader was removed by someone else: grade again") from None
    return state
