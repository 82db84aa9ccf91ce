"""One `lab up` or `lab down` at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from layerwise.errors import LabError
from layerwise.stack.paths import Home

try:
    import fcntl
except ImportError:  # Windows itself; WSL2 has it
    fcntl = None  # type: ignore[assignment]


@contextmanager
def held(home: Home, what: str) -> Iterator[None]:
    """Hold the lab's lock; the kernel lets go of it when the process ends, however it ends.

    Makes the lab's folder if need be. Raises LabError when another command holds the lock, or the folder cannot be
    written.
    """
    if fcntl is None:
        raise LabError("Windows itself cannot run the lab; run it inside WSL2: wsl --install -d Debian")
    try:
        home.path.mkdir(parents=True, exist_ok=True)
        file = home.lock_file.open("a+", encoding="utf-8")
    except OSError as problem:
        raise LabError(
            f"cannot write in {home.path}: {problem.strerror}; set LAYERWISE_HOME to a folder you can write"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(200).strip() or "another lab command"
            raise LabError(f"{holder} is at work; wait until it is done, then run ./lab status") from None
        file.truncate(0)
        file.write(f"lab {what} (pid {os.getpid()})")
        file.flush()
        yield
