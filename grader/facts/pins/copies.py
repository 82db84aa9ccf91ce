"""Find which sources of a COPY or ADD may end up at a path."""

from __future__ import annotations

import heapq
import posixpath
from collections.abc import Iterator

from grader.facts.context.build_context import Type
from grader.facts.context.go_glob import BadPattern
from grader.facts.context.go_pattern import Machine, compile_pattern
from grader.facts.context.ignore_file import clean_path
from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.dockerfile.model import Heredoc
from grader.facts.dockerfile.resolved import Step
from grader.facts.pins.context_files import ContextFiles

MAX_FOLDERS = 100
"""The most folders above a file that are compared with a wildcard."""


class Copying:
    """A COPY or ADD with a source and a target.

    Its sources are sorted by their type in the build context. The one or two target paths of a file are known
    beforehand; a folder may put anything below the target.
    """

    def __init__(self, step: Step, context: ContextFiles) -> None:
        self.step = step
        self._context = context
        written = step.args[-1]
        self.target = normalised_path(step.before.workdir, written)
        self.into = written.endswith(("/", "/.", "/..")) or written in (".", "..") or len(step.args) > 2
        """Whether the target is a folder for sure."""
        self.from_context = step.flag("from") is None
        excluded = [flag.partition("=")[2] for flag in step.flags if flag.startswith("--exclude=")]
        self._excluded = [_machine(clean_path(pattern).lstrip("/")) for pattern in excluded]
        self.cost = 1 + len(excluded)
        """The cost of one look at a source."""
        self.documents: dict[str, Heredoc] = {}
        for document in step.instruction.heredocs:
            path = normalised_path(self.target, document.name) if self.into else self.target
            if below(self.target, path) is not None:
                self.documents.setdefault(path, document)
        self._files: dict[str, list[int]] = {}
        self._folders: list[int] = []
        self.lacking = ""
        """The first source that is not in the build context, as an absolute path."""
        for number, source in enumerate(step.args[:-1]):
            self._sort(number, source)

    def _sort(self, number: int, source: str) -> None:
        whole = normalised_path("/", source)
        if self.fetches(source):
            paths = [self.target, *([self._inside(posixpath.basename(source))] if self.into else [])]
        elif not self.from_context or self._is_pattern(source) or (self.step.name == "ADD" and ".t" in source):
            paths = []
        elif (kind := self._context.type(whole)) is Type.FILE:
            paths = [self._inside(posixpath.basename(whole)), *([] if self.into else [self.target])]
        elif kind is None and not self._excluded:
            self.lacking = self.lacking or whole
            return
        else:
            paths = []
        for path in dict.fromkeys(paths):
            self._files.setdefault(path, []).append(number)
        if not paths:
            self._folders.append(number)

    def _inside(self, name: str) -> str:
        return f"{self.target.rstrip('/')}/{name}" if name else self.target

    def _is_pattern(self, source: str) -> bool:
        return self.step.flag("parents") is not None or bool(set("*?[") & set(source))

    def paths(self) -> list[str] | None:
        """The paths that it may write; None if that is anything below the target."""
        return None if self._folders else [*self.documents, *self._files]

    def lacks(self, path: str) -> bool:
        """Whether a source that is not in the build context would end up at a path below the target."""
        return bool(self.lacking) and not (self.into and path == self.target)

    def candidates(self, path: str) -> Iterator[str]:
        """The sources that may end up at a path below the target, in the order of the instruction."""
        numbers = heapq.merge(self._files.get(path, []), self._folders)
        return (self.step.args[number] for number in numbers)

    def unpacks(self, source: str, path: str) -> bool:
        """Whether a source is an archive that ADD unpacks, with a file that ends up at the path."""
        inside = below(self.target, path)
        return (
            self.step.name == "ADD"
            and self.from_context
            and bool(inside)
            and f"/{inside}" in self._context.members(source)
        )

    def fetches(self, source: str) -> bool:
        """Whether the source comes from the network."""
        return self.step.name == "ADD" and "://" in source

    def origins(self, source: str, path: str) -> list[str]:
        """The absolute paths in the source's own file system that could end up at a path below the target."""
        inside = below(self.target, path) or ""
        whole = normalised_path("/", source)
        if self.step.flag("parents") is not None:
            found = _with_parents(source, inside)
        elif self._is_pattern(source):
            found = self._matched(whole, inside)
        else:
            found = self._whole(whole, inside)
        return [origin for origin in found if not self._left_out(origin)]

    def _matched(self, whole: str, inside: str) -> list[str]:
        if not self.from_context:
            name = posixpath.join(posixpath.dirname(whole), inside)
            return [name] if inside and "/" not in inside and _matches(_machine(whole), name) else []
        found = []
        for entry in self._context.matching(whole):
            if (not inside and not self.into) or inside == posixpath.basename(entry):
                found.append(entry)
            if inside and self._context.type(entry) is not Type.FILE:
                found.append(normalised_path(entry, inside))
        return found

    def _whole(self, whole: str, inside: str) -> list[str]:
        found = []
        if not inside and not self.into:
            found.append(whole)
        if inside == posixpath.basename(whole):
            found.append(whole)
        if inside and not (self.from_context and self._context.type(whole) is Type.FILE):
            found.append(normalised_path(whole, inside))
        return found

    def _left_out(self, origin: str) -> bool:
        return any(_matches_beginning(machine, origin.lstrip("/")) for machine in self._excluded)


def below(folder: str, path: str) -> str | None:
    """The path relative to a folder ("" for the folder itself); None if it is not below the folder."""
    if path == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return path.removeprefix(prefix) if path.startswith(prefix) else None


def _with_parents(source: str, inside: str) -> list[str]:
    pivot = source.find("/./")
    kept = clean_path(source[pivot + 3 :] if pivot >= 0 else source).lstrip("/")
    base = normalised_path("/", source[:pivot]) if pivot >= 0 else "/"
    matches = inside == kept or inside.startswith(kept + "/") or _matches_beginning(_machine(kept), inside)
    return [normalised_path(base, inside)] if inside and matches else []


def _machine(pattern: str) -> Machine | None:
    """The compiled wildcard; None if it is malformed, so that it matches nothing."""
    try:
        return compile_pattern(pattern)
    except BadPattern:
        return None


def _matches(machine: Machine | None, path: str) -> bool:
    return machine is not None and machine.matches(path)


def _matches_beginning(machine: Machine | None, path: str) -> bool:
    """Whether a wildcard matches the path or a folder above it."""
    parts = path.split("/")
    above = range(1, min(len(parts), MAX_FOLDERS) + 1)
    return any(_matches(machine, "/".join(parts[:depth])) for depth in above)
