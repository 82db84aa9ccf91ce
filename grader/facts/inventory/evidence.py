"""What an image shows of its packages.

That is their lists in every layer, which a scanner reads and a later layer may hide, and files of packages that the
advisories know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from grader.errors import SubmissionFault
from grader.facts.image.changeset import OPAQUE, WHITEOUT
from grader.facts.image.filesystem import Content
from grader.facts.image.sparse import Beginning
from grader.facts.image.tar import Member, Sink
from grader.facts.inventory import known_code
from grader.facts.inventory.known_code import CodeFile, Sign

if TYPE_CHECKING:
    from grader.facts.image.image import Image

MAX_LIST = 16 << 20
"""Bytes read of one list. Debian's own has about one million."""
MAX_LISTS = 256 << 20
"""Bytes of all lists together."""

_LISTS = re.compile(
    r"""
      (?:.*/)? [^/]+ \.dist-info/ (?:METADATA|RECORD)
    | (?:.*/)? [^/]+ \.egg-info (?:/PKG-INFO)?
    | (?:.*/)? [^/]+ \.egg/EGG-INFO/PKG-INFO
    | (?:.*/)? package\.json
    | (?:.*/)? node_modules/\.package-lock\.json
    | var/lib/dpkg/ (?:status | status\.d/[^/]+ | info/[^/]+\.list)
    """,
    re.VERBOSE,
)


class List(NamedTuple):
    """A package list in a layer. `number` is the number of the member in that layer."""

    layer: int
    number: int
    path: str
    text: str


class Evidence:
    """What the layers of an image show of its package lists."""

    def __init__(self, image: Image) -> None:
        self.layers = image.layers
        self.files = image.files
        self._image = image
        first: dict[str, int] = {}
        self._place = [first.setdefault(layer.diff_id, layer.index) for layer in image.layers]
        wanted: dict[Content, frozenset[Sign]] = {}
        for content, signs in known_code.wanted(image.files).items():
            at = self._at(content)
            wanted[at] = wanted.get(at, frozenset()) | signs
        reading = _Reading(wanted)
        image.visit(reading)
        self._read = reading.lists
        self._code = reading.code

    def _at(self, content: Content) -> Content:
        """Return where a content is read: a layer that occurs twice is read at its first place."""
        return Content(self._place[content.layer], content.number)

    @cached_property
    def code(self) -> tuple[CodeFile, ...]:
        """The files of known packages that a container sees, with links followed."""
        return known_code.code_files(self.files, lambda content: self._code.get(self._at(content)))

    @cached_property
    def lists(self) -> tuple[List, ...]:
        """Every list in every layer, from the bottom, also those that a later layer hides."""
        return tuple(
            List(layer.index, number, member.path, _text(self._read[at]))
            for layer in self.layers
            for number, member in enumerate(layer.members)
            if (at := self._at(Content(layer.index, number))) in self._read
        )

    @cached_property
    def visible(self) -> Mapping[str, str]:
        """The texts of the lists that a container sees, by path, with links followed."""
        found: dict[str, str] = {}
        elsewhere = []
        for path in self.files:
            if not _LISTS.fullmatch(path):
                continue
            content = self.files.content(path)
            if content is None:
                continue
            if (at := self._at(content)) in self._read:
                found[path] = _text(self._read[at])
            else:
                elsewhere.append(path)
        read = self._image.read_all(elsewhere, 1 << 20) if elsewhere else {}
        return found | {path: _text(data or b"") for path, data in read.items()}

    @cached_property
    def _sizes(self) -> Mapping[str, list[tuple[int, int]]]:
        """For each path, the layers that have a file there, and its size."""
        found: dict[str, list[tuple[int, int]]] = {}
        for layer in self.layers:
            for member in layer.members:
                if member.kind == "file":
                    found.setdefault(member.path, []).append((layer.index, member.size))
        return found

    def still_there(self, paths: Iterator[str], layer: int, *, rewritten: bool) -> bool:
        """Whether a container sees most of the files at these paths as `layer` and those below it left them.

        With `rewritten`, a file of the same size from a later layer counts too: a change of owner writes it again.
        """
        there = total = 0
        for path in paths:
            before = [(at, size) for at, size in self._sizes.get(path, ()) if at <= layer]
            if not before:
                continue
            total += 1
            seen = self.files.get(path)
            if seen is None or seen.kind != "file":
                continue
            there += seen.layer <= layer or (rewritten and seen.size == before[-1][1])
        return there * 2 > total > 0

    def size_at(self, path: str, layer: int) -> int:
        """Return the size of the file that `layer` and those below it have at this path; 0 for none."""
        return next((size for at, size in reversed(self._sizes.get(path, ())) if at <= layer), 0)

    def changed_by(self, path: str) -> int | None:
        """Return the highest layer that writes that path, or deletes or replaces it or a folder that it is in."""
        parts = path.split("/")
        folders = ["/".join(parts[:number]) for number in range(len(parts))]
        marks = {path}
        for folder, name in zip(folders, parts, strict=True):
            marks |= {f"{folder}/{WHITEOUT}{name}".lstrip("/"), f"{folder}/{OPAQUE}".lstrip("/")}
        for layer in reversed(self.layers):
            for member in layer.members:
                if member.path in marks or (member.kind != "folder" and member.path in folders):
                    return layer.index
        return None

    def real(self, path: str) -> str:
        """Follow the links on the way to a path's folder: Debian's `/lib` is `/usr/lib`."""
        folder, _, name = path.strip("/").rpartition("/")
        resolved = self.files.resolve(folder)
        return "/".join(part for part in (folder if resolved is None else resolved, name) if part)


class _Reading:
    """Keeps the content of every list, and what is found in the code that is wanted."""

    def __init__(self, wanted: Mapping[Content, frozenset[Sign]]) -> None:
        self.lists: dict[Content, bytearray] = {}
        self.code: dict[Content, known_code.Read] = {}
        self._wanted = wanted
        self._total = 0

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        content = Content(layer, number)
        if signs := self._wanted.get(content):
            return _Search(self.code, content, signs)
        if not _LISTS.fullmatch(member.path):
            return None
        self._total += min(member.size, MAX_LIST)
        if self._total > MAX_LISTS:
            raise SubmissionFault(f"the image's package lists hold more than {MAX_LISTS >> 20} MiB")
        data = self.lists[content] = bytearray()
        return Beginning(data, MAX_LIST)


class _Search:
    """Looks for signs in a file as it is read."""

    def __init__(self, found: dict[Content, known_code.Read], content: Content, signs: frozenset[Sign]) -> None:
        self._found = found
        self._content = content
        self._reader = known_code.Reader(signs)

    def write(self, data: memoryview) -> None:
        self._reader.write(data)

    def close(self) -> None:
        self._found[self._content] = self._reader.read


def _text(data: bytes | bytearray) -> str:
    return bytes(data).decode("utf-8", "replace")


class HiddenPackage(NamedTuple):
    """A package whose files a container has, but which the scanner cannot see, or takes for another.

    `package` is such as "flask 2.2.2". `layer` (from 0) is the one that hides its list, None if it is not known.
    """

    package: str
    path: str
    layer: int | None
    how: str
    """What is wrong with the list, as the end of a sentence."""
