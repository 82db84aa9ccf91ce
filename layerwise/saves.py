"""Notice when somebody saves to a folder, by looking at it again and again.

Notifications would be missed on a file system that a container or another machine writes to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SETTLE = 0.3
"""Seconds without a change after which a save is over: editors write, rename and change modes one after the other."""
MAX_ENTRIES = 50_000
"""Files that are looked at. The grader refuses a submission with more."""
_PASSED_OVER = frozenset((".git", ".ipynb_checkpoints", "__pycache__", "4913"))
_SUFFIXES = ("~", ".swp", ".swo", ".swx", ".swpx")

Snapshot = dict[str, tuple[int, int, int, int]]


class Saves:
    """The saves of a folder. Call `poll` a few times a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.there = True
        """Whether the folder existed at the last look."""
        self.moving_since: float | None = None
        """The time of the first change of a save that is not over yet; None between saves."""
        self._seen: Snapshot | None = {}
        self._changed = 0.0
        self._first = True

    def poll(self, now: float) -> bool:
        """Whether a save has ended since the last call; the first call says yes. `now` is a time in seconds."""
        seen = snapshot(self.folder)
        self.there = seen is not None
        if self._first:
            self._first, self._seen = False, seen
            return True
        if seen != self._seen:
            self._seen, self._changed = seen, now
            self.moving_since = now if self.moving_since is None else self.moving_since
        if self.moving_since is None or now - self._changed < SETTLE:
            return False
        self.moving_since = None
        return True


def snapshot(folder: Path) -> Snapshot | None:
    """The contents of a folder, with times, sizes and modes; None if it does not exist.

    Links are not followed, and helper files of editors and tools are left out.
    """
    if not folder.is_dir():
        return None
    found: Snapshot = {}
    for entry in _walk(folder):
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        # A folder's own time changes with files that are left out.
        folder_only = entry.is_dir(follow_symlinks=False)
        times = (0, 0) if folder_only else (status.st_mtime_ns, status.st_size)
        found[entry.path] = (*times, status.st_mode, 0 if folder_only else status.st_ino)
        if len(found) >= MAX_ENTRIES:
            break
    return found


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    left = [os.fspath(folder)]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in inside:
            if entry.name in _PASSED_OVER or entry.name.endswith(_SUFFIXES) or entry.name.startswith((".#", "#")):
                continue
            yield entry
            if entry.is_dir(follow_symlinks=False):
                left.append(entry.path)
