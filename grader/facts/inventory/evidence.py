"""The package lists of an image, in every layer: what a scanner reads, and what a later layer hides from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from grader.errors import SubmissionFault
from grader.facts.filesystem import Content
from grader.facts.tar import Member, Sink

if TYPE_CHECKING:
    from grader.facts.image import Image

MAX_LIST = 16 << 20
"""Bytes read of one list; Debian's own come to one."""
MAX_LISTS = 256 << 20
"""Bytes of all lists together."""

_LISTS = re.compile(
    r"""
      (?:.*/)? [^/]+ \.dist-info/ (?:METADATA|RECORD)
    | (?:.*/)? [^/]+ \.egg-info (?:/PKG-INFO)?
    | (?:.*/)? node_modules/ (?:@[^/]+/)? [^/]+ /package\.json
    | (?:.*/)? node_modules/\.package-lock\.json
    | var/lib/dpkg/ (?:status | status\.d/[^/]+ | info/[^/]+\.list)
    """,
    re.VERBOSE,
)


class List(NamedTuple):
    """A package list as a layer has it. `number` is the member of that layer."""

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
        reading = _Reading()
        image.visit(reading)
        self._read = reading.found

    @cached_property
    def lists(self) -> tuple[List, ...]:
        """Every list of every layer, from the bottom, also those that a later layer hides."""
        return tuple(
            List(layer.index, number, member.path, _text(self._read[Content(self._place[layer.index], number)]))
            for layer in self.layers
            for number, member in enumerate(layer.members)
            if Content(self._place[layer.index], number) in self._read
        )

    @cached_property
    def visible(self) -> Mapping[str, str]:
        """The lists that a container sees, by path; empty texts for those that are links to elsewhere."""
        found: dict[str, str] = {}
        elsewhere = []
        for path in self.files:
            if not _LISTS.fullmatch(path):
                continue
            content = self.files.content(path)
            if content is None:
                continue
            place = Content(self._place[content.layer], content.number)
            if place in self._read:
                found[path] = _text(self._read[place])
            else:
                elsewhere.append(path)
        read = self._image.read_all(elsewhere, 1 << 20) if elsewhere else {}
        return found | {path: _text(data or b"") for path, data in read.items()}

    @cached_property
    def _sizes(self) -> Mapping[str, list[tuple[int, int]]]:
        """For each path, the layers that have a file there, with its size."""
        found: dict[str, list[tuple[int, int]]] = {}
        for layer in self.layers:
            for member in layer.members:
                if member.kind == "file":
                    found.setdefault(member.path, []).append((layer.index, member.size))
        return found

    def still_there(self, paths: Iterator[str], layer: int, *, rewritten: bool) -> bool:
        """Whether most of the files at these paths, as `layer` and those below left them, are what a container sees.

        With `rewritten`, a file of the same size that a later layer wrote counts too: a change of owner writes it anew.
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

    def real(self, path: str) -> str:
        """The path with the links in its folder's names followed: Debian's `/lib` is `/usr/lib`."""
        folder, _, name = path.strip("/").rpartition("/")
        resolved = self.files.resolve(folder)
        return "/".join(part for part in (folder if resolved is None else resolved, name) if part)


class _Reading:
    """Keeps the content of every list."""

    def __init__(self) -> None:
        self.found: dict[Content, bytearray] = {}
        self._total = 0

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        if not _LISTS.fullmatch(member.path):
            return None
        self._total += min(member.size, MAX_LIST)
        if self._total > MAX_LISTS:
            raise SubmissionFault(f"the image's package lists hold more than {MAX_LISTS >> 20} MiB")
        data = self.found[Content(layer, number)] = bytearray()
        return _Keep(data)


class _Keep:
    def __init__(self, data: bytearray) -> None:
        self._data = data

    def write(self, data: memoryview) -> None:
        self._data += data[: max(0, MAX_LIST - len(self._data))]

    def close(self) -> None:
        pass


def _text(data: bytes | bytearray) -> str:
    return bytes(data).decode("utf-8", "replace")


class Blinding(NamedTuple):
    """A package whose files a container has, and which the scanner cannot see, or sees as another.

    `package` is such as "flask 2.2.2". `layer` (from 0) is the one that hides its list, None where none tells.
    """

    package: str
    path: str
    layer: int | None
    how: str
    """What became of the list, as the end of a sentence."""
