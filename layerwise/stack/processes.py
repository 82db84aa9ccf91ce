"""Processes of this machine, read from /proc (Linux)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def all_pids() -> Iterator[int]:
    """The pids that can be seen."""
    for entry in os.listdir(PROC):
        if entry.isdigit():
            yield int(entry)


def environment_values(name: str) -> Iterator[tuple[int, str]]:
    """(pid, value) of the running processes that were started with this variable in their environment, as far as we may
    see."""
    begin = f"{name}=".encode()
    for pid in all_pids():
        try:
            variables = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for variable in variables:
            if variable.startswith(begin):
                yield pid, os.fsdecode(variable.removeprefix(begin))


def with_environment(name: str, value: str) -> list[int]:
    """The pids of running processes that were started with NAME=VALUE in their environment, as far as we may see."""
    return [pid for pid, found in environment_values(name) if found == value]


def shares_network(pid: int) -> bool:
    """Whether the process is in our network namespace; not if it has ended or if we may not see that."""
    try:
        return os.readlink(PROC / str(pid) / "ns" / "net") == os.readlink(PROC / "self" / "ns" / "net")
    except OSError:
        return False


def command_line(pid: int) -> str:
    """The command line of a process, or an empty text."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def namespace_pid(pid: int) -> int:
    """The process's pid in its innermost pid namespace (1 for that namespace's first process), 0 if it has ended."""
    try:
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    except (OSError, ValueError):
        pass
    return 0


def is_alive(pid: int) -> bool:
    """Whether the process runs. One that has ended, and that its parent has not collected, does not."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process that still exists."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def wait_gone(pids: Iterable[int], seconds: float) -> list[int]:
    """Wait until these processes have ended, at most `seconds`; returns those that have not."""
    deadline = time.monotonic() + seconds
    left = [pid for pid in pids if is_alive(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [pid for pid in left if is_alive(pid)]
    return left


def listener(port: int) -> str:
    """The program that listens on a TCP port of this machine, as "name (pid N)"; empty if it cannot be found."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for pid in all_pids() if inodes else ():
        if inodes.intersection(_open_files(pid)):
            name = Path(command_line(pid).split(" ")[0] or "?").name
            return f"{name} (pid {pid})"
    return ""


def _open_files(pid: int) -> set[str]:
    """What the process has open, without what it closes meanwhile; nothing if we may not see that."""
    folder = PROC / str(pid) / "fd"
    found = set()
    try:
        for handle in os.listdir(folder):
            with suppress(OSError):
                found.add(os.readlink(folder / handle))
    except OSError:
        pass
    return found
