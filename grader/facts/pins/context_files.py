"""Read the build context as COPY, ADD and bind mounts do. Answers are cached, within bounds."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from dataclasses import dataclass

from grader.facts.context.build_context import BuildContext, Type
from grader.facts.context.ignore_file import clean_path
from grader.facts.dockerfile.evaluate import normalised_path

MAX_FILE = 8_000_000
"""The most bytes read of one file. Lock files can have several megabytes."""
MAX_MATCHES = 1_000
"""The most files that one wildcard of a COPY may match."""
MAX_KEPT = 64_000_000
"""The most characters of files that are cached."""


@dataclass(frozen=True)
class Found:
    """The content of a file.

    `name` and `line` tell a person where its first line is: in a file of the context, or in a here-document of the
    Dockerfile. `exported` is true for requirements that a tool wrote from its own lock file.
    """

    content: str
    name: str
    line: int = 1
    exported: bool = False


@dataclass(frozen=True)
class Unknown:
    """The reason why a file's content is not known. `absent`: it should be in the build context, but is not."""

    path: str
    why: str
    absent: bool = False


ABSENT = "it is not in the build context"


class ContextFiles:
    """The files of a build context. Paths are absolute: the context is the root."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._room = MAX_KEPT
        self._read: dict[str, Found | Unknown] = {}
        self._types: dict[str, Type | None] = {}
        self._matches: dict[str, list[str]] = {}
        self._members: dict[str, frozenset[str]] = {}

    def read(self, source: str, path: str) -> Found | Unknown:
        """The file at `source`. `path` is its path in the image, for the reason if it is not known."""
        found = self._read.get(source) or self._read_first(source)
        return found if isinstance(found, Found) else Unknown(path, found.why, found.absent)

    def _read_first(self, source: str) -> Found | Unknown:
        found = self._look(source)
        size = len(found.content) if isinstance(found, Found) else 0
        if size <= self._room:
            self._room -= size
            self._read[source] = found
        return found

    def _look(self, source: str) -> Found | Unknown:
        name = source.lstrip("/")
        content = self._context.read(name, MAX_FILE + 1) if name else None
        if content is None:
            held = name and self._context.find(name) is not None and self._context.outcome(clean_path(name)).held
            why = f"{self._context.ignore_file} excludes {name}" if held else ABSENT
            return Unknown(source, why, absent=not held)
        if len(content) > MAX_FILE:
            return Unknown(source, "it is too large to be read")
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        return Found(text, name)

    def type(self, source: str) -> Type | None:
        """The type of what is at a path, even if the ignore file excludes it; None if nothing is there."""
        if source not in self._types:
            entry = self._context.find(source.lstrip("/"))
            self._types[source] = entry.type if entry is not None else None
        return self._types[source]

    def matching(self, pattern: str) -> list[str]:
        """The paths that match a wildcard."""
        if pattern not in self._matches:
            self._matches[pattern] = ["/" + path for path in self._context.matching(pattern.lstrip("/"), MAX_MATCHES)]
        return self._matches[pattern]

    def members(self, source: str) -> frozenset[str]:
        """The paths in an archive that ADD unpacks; empty for a file that is not an archive."""
        if source not in self._members:
            self._members[source] = frozenset(self._unpacked(source))
        return self._members[source]

    def _unpacked(self, source: str) -> set[str]:
        content = self._context.read(clean_path(source).lstrip("/"), MAX_FILE) if ".t" in source else None
        members: set[str] = set()
        try:
            with tarfile.open(fileobj=io.BytesIO(content or b"")) as archive:
                for member in archive:
                    members.add(normalised_path("/", member.name))
        except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError):
            pass
        return members
