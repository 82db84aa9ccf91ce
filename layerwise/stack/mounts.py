"""What is mounted where on this machine (Linux)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")


def mounts() -> Iterator[tuple[str, str]]:
    """Each mount's folder, and the type of its filesystem ("ext4"). Nothing on a system without /proc."""
    try:
        lines = TABLE.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        left, _, right = line.partition(" - ")
        # Spaces and the like are written as octal numbers: proc(5).
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), left.split()[4])
        yield point, right.split()[0]
