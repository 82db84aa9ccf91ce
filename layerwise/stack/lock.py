"""Locks between processes: one `lab up` or `lab down` at a time, one that brings a base image, one for a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import TextIO

from layerwise.errors import LabError
from layerwise.stack.paths import Home

try:
    import fcntl
except ImportError:  # Windows itself; WSL2 has it
    fcntl = None  # type: ignore[assignment]


@contextmanager
def held(home: Home, what: str) -> Iterator[None]:
    """Hold the lab's lock, and make the lab's folder if necessary. The kernel releases it when the process ends.

    Raises LabError if another command holds the lock, or if the folder cannot be written.
    """
    if fcntl is None:
        raise LabError("Windows itself cannot run the lab; run it inside WSL2: wsl --install -d Debian")
    try:
        with _only_one(home, home.lock_file, f"lab {what} (pid {os.getpid()})"):
            yield
    except Held as problem:
        raise LabError(
            f"{problem.holder or 'another lab command'} is running; wait until it has finished, then run ./lab status"
        ) from None


class Held(Exception):
    """Another process holds the lock; `holder` is what it wrote there, or empty."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def only_one(home: Home, name: str) -> Iterator[None]:
    """Hold the lock of that name, which says the number of this process. The kernel releases it when the process ends.

    Raises Held if another holder has it, with the number of that process, and LabError if the lab's folder cannot be
    written. Windows itself has no such lock, and no lab.
    """
    if fcntl is None:
        yield
        return
    with _only_one(home, home.turns / name, str(os.getpid())):
        yield


@contextmanager
def _only_one(home: Home, path: Path, text: str) -> Iterator[None]:
    with _opened(home, path) as file:
        for last in (False, False, True):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not last:
                    sleep(0.05)  # it may be `is_held`, which is just looking
                    continue
                file.seek(0)
                raise Held(file.read(200).strip()) from None
        file.truncate(0)
        file.write(text)
        file.flush()
        yield


def is_held(home: Home) -> bool:
    """Whether a `lab up` or `lab down` is running."""
    if fcntl is None or not home.lock_file.exists():
        return False
    try:
        with home.lock_file.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def turn(home: Home, name: str, waiting: Callable[[bool], object]) -> Iterator[None]:
    """Wait until no other process does the job of that name, and keep others waiting until the block ends.

    `waiting` is called again and again while it waits, the first time with True, and may raise. Windows itself has no
    such lock, and no lab. Raises LabError if the lab's folder cannot be written.
    """
    if fcntl is None:
        yield
        return
    with _opened(home, home.turns / name) as file:
        first = True
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting(first)
                first = False
                sleep(0.2)
        yield


def _opened(home: Home, path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")
    except OSError as problem:
        raise LabError(
            f"cannot write in {home.path}: {problem.strerror}; set LAYERWISE_HOME to a folder you can write"
        ) from None
