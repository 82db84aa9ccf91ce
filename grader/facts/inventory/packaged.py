"""Which programs a package brought as they are now, and which took the place of one, by Debian's or Alpine's lists.

That a list names a program proves little: anybody may set the set-uid bit of a program that came without it, or write a
line into a list. So the package must be installed, the layer that has the program must have the list too, as an
installation leaves them, and Debian's checksum must be that of the program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from grader.facts.image.filesystem import Content
from grader.facts.inventory import debian

if TYPE_CHECKING:
    from grader.facts.image.image import Image
    from grader.facts.image.tar import Member, Sink

MAX_LIST = 16 << 20
"""Bytes read of a list."""
_INFO = "var/lib/dpkg/info"
_ALPINE = ("lib/apk/db/installed", "usr/lib/apk/db/installed")


def packaged(image: Image, paths: Sequence[str]) -> frozenset[str]:
    """Return those of the paths that a package brought as they are.

    Raises SubmissionFault or EngineFailure if the image cannot be read.
    """
    states = [path for path in image.files if debian.is_list(path)]
    texts = _texts(image, [*_lists(image), *states, *(path for path in _ALPINE if path in image.files)])
    installed = {listed.name for path in states for listed in debian.parse(texts[path])}
    named = [(path, place) for place, path in _named(texts, paths) if _came_with(image, path, place)]
    same = _same(image, {(path, place) for path, place in named if place not in _ALPINE}, unlisted=False)
    return frozenset(
        path
        for path, place in named
        if place in _ALPINE or (debian.package_of(place) in installed and same.get((path, place), True))
    )


def replaced(image: Image, paths: Sequence[str]) -> frozenset[str]:
    """Return those of the paths that hold another program than any Debian package with that path brought.

    Raises SubmissionFault or EngineFailure if the image cannot be read.
    """
    named = {(path, place) for place, path in _named(_texts(image, _lists(image)), paths)}
    same = _same(image, named, unlisted=True)
    others = {path for (path, _), agrees in same.items() if not agrees}
    return frozenset(others - {path for path, place in named if same.get((path, place), True)})


def _lists(image: Image) -> list[str]:
    return [f"{_INFO}/{name}" for name in image.files.listing(_INFO) if name.endswith(".list")]


def _texts(image: Image, paths: Collection[str]) -> dict[str, str]:
    read = image.read_all(paths, MAX_LIST)
    return {path: (data or b"").decode("utf-8", "surrogateescape") for path, data in read.items()}


def _named(texts: Mapping[str, str], paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each list that names one of the paths, with that path."""
    wanted: dict[str, list[str]] = {}
    for path in paths:  # two of them, where /bin is a folder beside /usr/bin
        wanted.setdefault(_merged(path), []).append(path)
    for place, text in texts.items():
        folder = ""
        for line in text.splitlines() if place in _ALPINE or place.endswith(".list") else ():
            if place in _ALPINE:
                if line.startswith("F:"):
                    folder = line[2:]
                name = f"{folder}/{line[2:]}" if line.startswith("R:") else ""
            else:
                name = line.lstrip("/")
            for path in wanted.get(_merged(name), ()):
                yield place, path


def _came_with(image: Image, path: str, place: str) -> bool:
    """Whether the layer that has the file has the list as well."""
    file = image.files.get(path)
    return file is not None and any(member.path == place for member in image.layers[file.layer].members)


def _same(image: Image, named: Collection[tuple[str, str]], *, unlisted: bool) -> dict[tuple[str, str], bool]:
    """Return, for each path and the list that names it, whether its package's checksums name what the path holds.

    A package without checksums is left out. `unlisted` is what a path gets that is not among its package's checksums.
    """
    sums = {place: place.removesuffix(".list") + ".md5sums" for _, place in named}
    texts = _texts(image, list(sums.values()))
    wanted = {place: dict(_digests_by_path(texts[path])) for place, path in sums.items()}
    digests = _digests(image, {path for path, place in named if wanted[place]})
    return {
        (path, place): wanted[place][_merged(path)] == digests.get(path) if _merged(path) in wanted[place] else unlisted
        for path, place in named
        if wanted[place]
    }


def _digests_by_path(sums: str) -> Iterator[tuple[str, str]]:
    for line in sums.splitlines():
        digest, _, path = line.partition("  ")
        yield _merged(path), digest


def _digests(image: Image, paths: Collection[str]) -> dict[str, str]:
    """Return the MD5 digests of these files: programs of any size, so they are not kept."""
    contents = {path: content for path in paths if (content := image.shown(path))}
    hashing = _Hashing(contents.values())
    if contents:
        image.visit(hashing, {content.layer for content in contents.values()})
    return {path: hashing.found[content].hexdigest() for path, content in contents.items()}


class _Hashing:
    """Hashes files as they are read."""

    def __init__(self, wanted: Collection[Content]) -> None:
        self.found = {content: hashlib.md5(usedforsecurity=False) for content in wanted}

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        state = self.found.get(Content(layer, number))
        return _Hash(state) if state else None


class _Hash:
    def __init__(self, state: hashlib._Hash) -> None:
        self._state = state

    def write(self, data: memoryview) -> None:
        self._state.update(data)

    def close(self) -> None:
        pass


def _merged(path: str) -> str:
    """A path as if /bin, /sbin and /lib were links into /usr, as they are on most distributions."""
    return path.removeprefix("usr/")
