"""Releases of the scanner that an attacker published. Imports no other fact, so that any command can use it."""

from __future__ import annotations

import mmap
from functools import cache
from pathlib import Path

COMPROMISED = ("0.69.4", "0.69.5", "0.69.6")
"""Releases of March 2026 with a credential stealer in them (CVE-2026-33634). They are never run."""


def is_compromised(program: Path) -> bool:
    """Whether a Trivy binary is one of these releases. Its bytes tell: asking it for its version would run it."""
    try:
        found = program.stat()
        return _is_compromised(program.resolve(), found.st_size, found.st_mtime_ns)
    except OSError:
        return True  # what cannot be read is not run


@cache
def _is_compromised(program: Path, _size: int, _changed: int) -> bool:
    try:
        with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(_names(content, version.encode()) for version in COMPROMISED)
    except (OSError, ValueError):
        return True


def _names(content: mmap.mmap, version: bytes) -> bool:
    """Whether the version occurs in the bytes, and not as part of a longer one."""
    at = content.find(version)
    while at >= 0:
        around = content[max(0, at - 1) : at] + content[at + len(version) : at + len(version) + 1]
        if not any(byte in b"0123456789." for byte in around):
            return True
        at = content.find(version, at + 1)
    return False
