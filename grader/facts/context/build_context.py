"""Find the files of the build context that reach the builder, because the ignore file does not exclude them.

BuildKit transfers only what COPY, ADD and bind mounts request. So what matters is what they may request: what a
`COPY . .` would copy. The Dockerfile and the ignore file are read in another way, and can be excluded like any file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain, islice, repeat
from pathlib import Path

from grader.errors import SubmissionFault
from grader.facts.context import ignore_file
from grader.facts.context.go_glob import BadPattern
from grader.facts.context.go_pattern import compile_pattern
from grader.facts.context.ignore_file import IgnoreDecision, IgnoreRules, Rule

IGNORE_FILE = ".dockerignore"
MAX_LINKS = 40
"""The most symbolic links followed on the way to one file."""


class Type(StrEnum):
    """The type of a path in the context."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """A device, a socket or a pipe, which no builder accepts."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path below the context's root, with `/` between folders. `bytes` is 0 except for files."""

    path: str
    type: Type
    bytes: int


@dataclass(frozen=True, slots=True)
class Excluded:
    """An excluded path, and the rule that excludes it. The content of an excluded folder is not listed."""

    entry: Entry
    rule: Rule


class BuildContext:
    """A build context as its builder sees it. Everything is read when it is needed, and only once.

    Its members raise SubmissionFault if BuildKit would fail on the ignore file, or if a folder cannot be read.
    """

    def __init__(self, root: Path, dockerfile: Path | None = None) -> None:
        """`root` is the folder of the context, `dockerfile` the Dockerfile's path (by default `Dockerfile` in `root`).

        The Dockerfile matters because an ignore file named after it replaces .dockerignore.
        """
        self.root = root
        self.dockerfile = dockerfile if dockerfile is not None else root / "Dockerfile"

    @cached_property
    def _ignore(self) -> tuple[str | None, IgnoreRules]:
        own = self.dockerfile.with_name(self.dockerfile.name + IGNORE_FILE)
        for path, folder in ((own, own.parent), (self.root / IGNORE_FILE, self.root)):
            found = _resolve(folder, path.name)
            content = _read(folder, found, ignore_file.MAX_BYTES + 1) if found else None
            if content is not None:
                name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name
                return name, ignore_file.parse(content, name)
        return None, IgnoreRules()

    @property
    def ignore_file(self) -> str | None:
        """The ignore file that applies, relative to the context's root if it is below it; None without one."""
        return self._ignore[0]

    @property
    def rules(self) -> IgnoreRules:
        return self._ignore[1]

    @cached_property
    def _walked(self) -> tuple[tuple[Entry, ...], tuple[Excluded, ...]]:
        held: list[Excluded] = []
        sent = tuple(_walk(self.root, self.rules, held))
        return sent, tuple(held)

    @property
    def sent(self) -> tuple[Entry, ...]:
        """The entries that reach the builder, in the order of a sorted walk. A folder comes before its content."""
        return self._walked[0]

    @property
    def held(self) -> tuple[Excluded, ...]:
        """The excluded entries. Only the topmost path is listed, unless a path below it is included again."""
        return self._walked[1]

    @property
    def size(self) -> int:
        """The bytes of all files that reach the builder."""
        return sum(entry.bytes for entry in self.sent)

    def outcome(self, path: str) -> IgnoreDecision:
        """What the ignore file decides about a path below the root. The path need not exist."""
        return self.rules.judge_deep(path)

    @cached_property
    def everything(self) -> tuple[Entry, ...]:
        """Every entry of the folder, whatever the ignore file says."""
        return tuple(_walk(self.root, IgnoreRules(), []))

    def read(self, path: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file, through links inside the context; None if the builder cannot get it."""
        path = ignore_file.clean_path(path)
        found = _resolve(self.root, path)
        if found is None or any(self.outcome(one).held for one in dict.fromkeys((path, found))):
            return None
        return _read(self.root, found, limit)

    def find(self, path: str) -> Entry | None:
        """The entry at a path below the root, excluded or not; None if there is none."""
        found = _resolve(self.root, ignore_file.clean_path(path))
        try:
            return _described(found, os.lstat(self.root / found)) if found is not None else None
        except (OSError, ValueError):
            return None

    def real_path(self, path: str) -> str | None:
        """The path of a file below the root with all links followed; None if that is no file."""
        found = self.find(path)
        return found.path if found is not None and found.type is Type.FILE else None

    def matching(self, pattern: str, limit: int) -> list[str]:
        """The first `limit` paths below the root that match a wildcard of COPY, sorted, excluded or not."""
        found: Iterable[str] = [""]
        for part in ignore_file.clean_path(pattern).split("/"):
            found = chain.from_iterable(map(self._children, found, repeat(part)))
        return list(islice(found, limit))

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
    """A folder that is being walked."""

    names: Iterator[os.DirEntry[str]]
    outcome: IgnoreDecision | None
    waiting: Entry | None
    """The folder itself, if it is excluded and not sent yet. It is sent as soon as something in it is."""


def _walk(root: Path, rules: IgnoreRules, held: list[Excluded]) -> Iterator[Entry]:
    """Yield the entries below `root` that reach the builder, in the transfer's order. Adds the others to `held`."""
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
                held.append(Excluded(entry, outcome.rule))
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
    """The path without links, followed as if `root` were the whole file system; None for a loop."""
    top = os.fspath(root)
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
            destination = os.readlink("/".join([top, *at, part]))
        except (OSError, ValueError):  # ValueError: no file's name holds a NUL
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
    """The first bytes of a regular file; None if there is none. Raises SubmissionFault if it cannot be read."""
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
