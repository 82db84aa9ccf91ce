"""Containers of a submission's image: bounded, without new privileges, without network by default, and removed at last.

with started(engine, image) as running:  # as the image starts by itself
    running.processes()
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from grader.errors import EngineFailure, NotObservable
from grader.facts.engine.control import can_start_another
from grader.facts.engine.engine import Engine, Output
from grader.facts.engine.errors import NEVER_BEGAN, ContainerRefused, in_short
from grader.facts.engine.output_reader import OutputReader
from grader.facts.image.users import TABLES
from grader.lib.cancel import on_cancel

MEMORY = 1 << 30
"""Bytes of memory of a container, which gets no swap."""
CPUS = 2.0
PROCESSES = 256
FILE_SIZE = 4 << 30
"""Bytes of the largest file that a container may write."""
NO_HEALTHCHECK = {"test": ["NONE"]}
"""For the setting `healthcheck`: the image's own check is not run."""


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
        self.reader = reader

    @property
    def state(self) -> Mapping[str, Any]:
        """`State` of the container: Running, Pid, ExitCode, OOMKilled, Health."""
        return _state(self.engine, self.id)

    @property
    def output(self) -> tuple[str, str]:
        """Standard output and error so far, bounded."""
        return self.reader.text(0), self.reader.text(1)

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
    host = {**_bounds(engine), **(host or {})}
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
        yield Running(engine, container, OutputReader(output))


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
        # The output is read as it comes. The engine keeps its beginning: see `run_command`.
        "log_config": {"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}},
    }


def _state(engine: Engine, container: str) -> Mapping[str, Any]:
    try:
        state: Mapping[str, Any] = engine.inspect_container(container)["State"]
    except KeyError:
        raise EngineFailure("a container of the grader was removed by someone else: grade again") from None
    return state
