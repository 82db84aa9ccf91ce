"""Mark every container, image and folder of a grading with its process, so that what a crash leaves is recognised.

A mark is ``HOST-PID-START``: a hash of the machine and its process namespace, the process id, and when that process
started (process ids are reused). It is valid as a label, an image tag and a file name. Nobody can tell from here
whether a process of another machine on a shared engine still runs, so its things are left alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

_MARK = re.compile(r"([0-9a-f]{12})-(\d+)-(\d+)")


def mark() -> str:
    """The mark of this process."""
    pid = os.getpid()
    return f"{_host()}-{pid}-{_start(pid) or 0}"


def is_stale(text: str) -> bool:
    """Whether `text` begins with the mark of a process of this machine that has ended. False if nobody can tell."""
    match = _MARK.match(text)
    if not match or match[1] != _host():
        return False
    start = _start(int(match[2]))
    if start is None:
        return not _exists(int(match[2]))
    return start != int(match[3])


@cache
def _host() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):  # systems other than Linux have neither
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _start(pid: int) -> int | None:
    """When the process started, in clock ticks since boot. None if it does not exist or the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
