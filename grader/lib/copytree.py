"""Copy an untrusted folder: bounded, without following links, and safe even if the folder changes in the meantime.

Every step opens a name relative to an open directory with O_NOFOLLOW and looks at what was opened, not at what the name
meant a moment ago. Nothing recurses, and the depth is bounded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.errors import SubmissionUnusable
from grader.lib.text import clean
from grader.lib.units import format_size

_CHUNK = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True)
class Limits:
    """How large a submission may be. `bytes` is the apparent size, so a sparse file counts in full."""

    entries: int = 50_000
    bytes: int = 2_000_000_000
    depth: int = 100
    path_bytes: int = 2_000


def copy_tree(source: Path, target: Path, limits: Limits) -> int:
    """Copy the folder `source` to the new folder `target`. Returns the number of entries copied.

    Modes and modification times are kept, owners are not. Hard links become separate files. Raises SubmissionUnusable
    if the source is refused or above the limits, and OSError only for trouble with `target`.
    """
    return _Copy(source, limits).run(target)


@dataclass
class _Level:
    """A directory that is being copied: both sides open, and the names left to copy."""

    source: int
    target: int
    path: str
    names: Iterator[str]
    status: os.stat_result


class _Copy:
    def __init__(self, source: Path, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.entries = 0
        self.bytes = 0
        self.links: list[str] = []

    def run(self, target: Path) -> int:
        try:
            root = os.open(self.source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise SubmissionUnusable(f"no such folder: {self.source}") from None
        except NotADirectoryError:
            raise SubmissionUnusable(f"{self.source} is not a folder: give the folder with the Dockerfile") from None
        except OSError as problem:
            raise SubmissionUnusable(f"{self.source} cannot be read: {problem.strerror}") from None
        levels: list[_Level] = []
        try:
            names = self._list(root, "")
            target.mkdir(mode=0o700)
            levels.append(_Level(root, os.open(target, _DIRECTORY), "", iter(names), os.fstat(root)))
        except BaseException:
            os.close(root)
            raise
        try:
            while levels:
                level = levels[-1]
                name = next(level.names, None)
                if name is None:
                    self._finish(levels.pop())
                elif (inner := self._entry(level, name)) is not None:
                    levels.append(inner)
                    if len(levels) > self.limits.depth:
                        self._refuse(inner.path, f"is more than {self.limits.depth} folders deep")
        finally:
            for level in levels:
                os.close(level.source)
                os.close(level.target)
        for link in self.links:
            self._require_inside(target, link)
        return self.entries

    def _list(self, directory: int, path: str) -> list[str]:
        try:
            with os.scandir(directory) as found:
                names = []
                for entry in found:
                    names.append(entry.name)
                    if self.entries + len(names) > self.limits.entries:
                        self._refuse(path or ".", f"brings the folder to more than {self.limits.entries:,} files")
                return sorted(names)
        except OSError as problem:
            raise self._unreadable(path or ".", problem) from None

    def _entry(self, level: _Level, name: str) -> _Level | None:
        path = f"{level.path}/{name}" if level.path else name
        if len(os.fsencode(path)) > self.limits.path_bytes:
            self._refuse(path, f"has a path of more than {self.limits.path_bytes} bytes")
        self.entries += 1
        try:
            mode = os.stat(name, dir_fd=level.source, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                destination = os.readlink(name, dir_fd=level.source)
            elif stat.S_ISREG(mode):
                source = os.open(name, _FILE, dir_fd=level.source)
            elif stat.S_ISDIR(mode):
                source = os.open(name, _DIRECTORY, dir_fd=level.source)
            else:
                self._refuse(path, f"is {_kind(mode)}")
        except OSError as problem:
            raise self._unreadable(path, problem) from None
        if stat.S_ISLNK(mode):
            os.symlink(destination, name, dir_fd=level.target)
            self.links.append(path)
            return None
        try:
            if stat.S_ISREG(mode):
                self._file(source, name, level.target, path)
                os.close(source)
                return None
            names = self._list(source, path)
            os.mkdir(name, 0o700, dir_fd=level.target)
            inner = os.open(name, _DIRECTORY, dir_fd=level.target)
            return _Level(source, inner, path, iter(names), os.fstat(source))
        except BaseException:
            os.close(source)
            raise

    def _file(self, source: int, name: str, directory: int, path: str) -> None:
        status = os.fstat(source)
        if not stat.S_ISREG(status.st_mode):
            self._refuse(path, f"is {_kind(status.st_mode)}")
        self._count(status.st_size, path)
        target = os.open(name, _NEW, 0o600, dir_fd=directory)
        try:
            left = status.st_size
            # No more than was counted: a file that grows in the meantime is cut.
            while left and (chunk := self._read(source, min(_CHUNK, left), path)):
                left -= len(chunk)
                view = memoryview(chunk)
                while view:
                    view = view[os.write(target, view) :]
            _keep(target, status)
        finally:
            os.close(target)

    def _read(self, source: int, count: int, path: str) -> bytes:
        try:
            return os.read(source, count)
        except OSError as problem:
            raise self._unreadable(path, problem) from None

    def _count(self, size: int, path: str) -> None:
        self.bytes += size
        if self.bytes > self.limits.bytes:
            self._refuse(path, f"makes the folder larger than {format_size(self.limits.bytes)}")

    def _finish(self, level: _Level) -> None:
        _keep(level.target, level.status)
        os.close(level.source)
        os.close(level.target)

    def _require_inside(self, root: Path, link: str) -> None:
        """Refuse a link that leaves the folder, followed as the system follows it. Loops and dead ends are fine."""
        todo = list(PurePosixPath(link).parts)[::-1]
        at: list[str] = []
        hops = 0
        while todo:
            part = todo.pop()
            if part == "..":
                if not at:
                    self._refuse(link, "is a link that leaves the folder")
                at.pop()
                continue
            if part == ".":
                continue
            try:
                destination = os.readlink(os.path.join(root, *at, part))
            except OSError:
                at.append(part)
                continue
            hops += 1
            if destination.startswith("/"):
                self._refuse(link, "is a link that leaves the folder")
            if hops > 40:
                return
            todo += list(PurePosixPath(destination).parts)[::-1]

    def _refuse(self, path: str, why: str) -> None:
        raise SubmissionUnusable(f"{clean(path, 200)!r} in {self.source} {why}: remove it, then grade again")

    def _unreadable(self, path: str, problem: OSError) -> SubmissionUnusable:
        return SubmissionUnusable(f"{clean(path, 200)!r} in {self.source} cannot be read: {problem.strerror}")


def _keep(descriptor: int, status: os.stat_result) -> None:
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))


def _kind(mode: int) -> str:
    for test, word in (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a device"),
        (stat.S_ISCHR, "a device"),
    ):
        if test(mode):
            return word
    return "neither a file nor a folder"
