"""What reaches the builder: the files of the build context that the ignore file lets through.

BuildKit transfers only what COPY, ADD and bind mounts ask for, so what counts is what may be asked for: what a
`COPY . .` would copy. The Dockerfile and the ignore file are read apart from that, and can be held back like any file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from grader.errors import SubmissionFault
from grader.facts import ignore
from grader.facts.gopattern import BadPattern, compile_pattern
from grader.facts.ignore import IgnoreRules, Outcome, Rule

IGNORE_FILE = ".dockerignore"
MAX_LINKS = 40
"""Symbolic links followed on the way to one file."""


class Type(StrEnum):
    """What a path of the context is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """A device, a socket or a pipe: no builder takes it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path below the context's root, with `/` between folders. `bytes` is 0 for all but files."""

    path: str
    type: Type
    bytes: int


@dataclass(frozen=True, slots=True)
class Held:
    """A path that is held back, and the rule that does; for a folder, what is in it is not listed."""

    entry: Entry
    rule: Rule


class BuildContext:
    """A folder as its builder sees it. Nothing is read until it is asked for, and then once.

    SubmissionFault where BuildKit would fail over the ignore file or a folder cannot be read.
    """

    def __init__(self, root: Path, dockerfile: Path | None = None) -> None:
        """`root` is the context's folder; `dockerfile` the Dockerfile's path (default: `Dockerfile` in the root),
        because an ignore file named after it takes the place of .dockerignore."""
        self.root = root
        self.dockerfile = dockerfile if dockerfile is not None else root / "Dockerfile"

    @cached_property
    def _ignore(self) -> tuple[str | None, IgnoreRules]:
        own = self.dockerfile.with_name(self.dockerfile.name + IGNORE_FILE)
        for path, folder in ((own, own.parent), (self.root / IGNORE_FILE, self.root)):
            found = _resolve(folder, path.name)
            content = _read(folder, found, ignore.MAX_BYTES + 1) if found else None
            if content is not None:
                name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name
                return name, ignore.parse(content, name)
        return None, IgnoreRules()

    @property
    def ignore_file(self) -> str | None:
        """The ignore file in force, relative to the context's root where it is below it; None without one."""
        return self._ignore[0]

    @property
    def rules(self) -> IgnoreRules:
        return self._ignore[1]

    @cached_property
    def _walked(self) -> tuple[tuple[Entry, ...], tuple[Held, ...]]:
        held: list[Held] = []
        sent = tuple(_walk(self.root, self.rules, held))
        return sent, tuple(held)

    @property
    def sent(self) -> tuple[Entry, ...]:
        """What the ignore file lets through, in the order of a sorted walk; a folder comes before what is in it."""
        return self._walked[0]

    @property
    def held(self) -> tuple[Held, ...]:
        """What it holds back: the topmost path only, unless something below is let in again."""
        return self._walked[1]

    @property
    def size(self) -> int:
        """Bytes of all files sent."""
        return sum(entry.bytes for entry in self.sent)

    def outcome(self, path: str) -> Outcome:
        """What the ignore file says of a path below the root, whether or not it exists."""
        return self.rules.judge_deep(path)

    @cached_property
    def everything(self) -> tuple[Entry, ...]:
        """All of the folder, whatever the ignore file says."""
        return tuple(_walk(self.root, IgnoreRules(), []))

    def read(self, path: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file, links inside the context followed; None where there is no file that the
        builder can have."""
        path = ignore.clean_path(path)
        found = _resolve(self.root, path)
        if found is None or self.outcome(path).held or self.outcome(found).held:
            return None
        return _read(self.root, found, limit)

    def find(self, path: str) -> Entry | None:
        """What is at a path below the root, sent or not; None where nothing is."""
        found = _resolve(self.root, ignore.clean_path(path))
        try:
            return _described(found, os.lstat(self.root / found)) if found is not None else None
        except (OSError, ValueError):
            return None

    def matching(self, pattern: str, limit: int) -> list[str]:
        """The first `limit` paths below the root that a wildcard of COPY names, sent or not, sorted."""
        found = [""]
        for part in ignore.clean_path(pattern).split("/"):
            found = [path for folder in found for path in self._children(folder, part)][:limit]
        return found

    def _children(self, folder: str, part: str) -> Iterator[str]:
        beginning = f"{folder}/" if folder else ""
        if not set("*?[\\") & set(part):
            if self.find(beginning + part) is not None:
                yield beginning + part
            return
        # As in a Dockerfile: no pattern crosses a slash, and `**` is just `*`.
        try:
            machine = compile_pattern(re.sub(r"\*+", "*", part))
            names = sorted(os.listdir(self.root / folder))
        except (BadPattern, OSError):
            return
        yield from (beginning + name for name in names if machine.matches(name))


@dataclass
class _Folder:
    """A folder being walked."""

    names: Iterator[os.DirEntry[str]]
    outcome: Outcome | None
    waiting: Entry | None
    """The folder itself, while it is held back: it goes along as soon as something in it does."""


def _walk(root: Path, rules: IgnoreRules, held: list[Held]) -> Iterator[Entry]:
    """What the rules let through below `root`, as the transfer walks it; what they hold back goes into `held`."""
    stack = [_Folder(_list(root, ""), None, None)]
    while stack:
        folder = stack[-1]
        found = next(folder.names, None)
        if found is None:
            stack.pop()
            continue
        entry = _entry(root, found)
        outcome = rules.judge(entry.path, folder.outcome)
        if outcome.held:
            assert outcome.rule is not None
            if folder.outcome is None or not folder.outcome.held:
                held.append(Held(entry, outcome.rule))
        else:
            for above in stack:
                if above.waiting is not None:
                    yield above.waiting
                    above.waiting = None
            yield entry
        if entry.type is Type.FOLDER and not (outcome.held and rules.passes_over(entry.path)):
            stack.append(_Folder(_list(root, entry.path), outcome, entry if outcome.held else None))


def _list(root: Path, path: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(root / path) as found:
            return iter(sorted(found, key=lambda entry: entry.name))
    except OSError as problem:
        raise SubmissionFault(
            f"the folder {path or '.'} of the build context cannot be read: {problem.strerror}"
        ) from None


def _entry(root: Path, found: os.DirEntry[str]) -> Entry:
    path = found.path[len(os.fspath(root)) :].lstrip("/")
    try:
        status = found.stat(follow_symlinks=False)
    except OSError as problem:
        raise SubmissionFault(f"{path} in the build context cannot be read: {problem.strerror}") from None
    return _described(path, status)


def _described(path: str, status: os.stat_result) -> Entry:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return Entry(path, Type.FILE, status.st_size)
    kind = Type.FOLDER if stat.S_ISDIR(mode) else Type.LINK if stat.S_ISLNK(mode) else Type.OTHER
    return Entry(path, kind, 0)


def _resolve(root: Path, path: str) -> str | None:
    """Where a path leads when links are followed as if `root` were the whole file system; None for a loop."""
    todo = path.split("/")[::-1]
    at: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            at = at[:-1]
            continue
        try:
            destination = os.readlink(root.joinpath(*at, part))
        except OSError:
            at.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            return None
        if destination.startswith("/"):
            at = []
        todo += destination.split("/")[::-1]
    return "/".join(at)


def _read(root: Path, path: str, limit: int) -> bytes | None:
    """The first bytes of a regular file; None where there is none. SubmissionFault where it cannot be read."""
    try:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return None
    except OSError as problem:
        raise SubmissionFault(f"{path} cannot be read: {problem.strerror}", where=(path, 1)) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        parts: list[bytes] = []
        while limit > 0 and (part := os.read(descriptor, limit)):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)
    except OSError as problem:
        raise SubmissionFault(f"{path} cannot be read: {problem.strerror}", where=(path, 1)) from None
    finally:
        os.close(descriptor)
