"""Which programs a package brought as they are now, by Debian's or Alpine's own lists.

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
    lists = [f"{_INFO}/{name}" for name in image.files.listing(_INFO) if name.endswith(".list")]
    states = [path for path in image.files if debian.is_list(path)]
    read = image.read_all([*lists, *states, *(path for path in _ALPINE if path in image.files)], MAX_LIST)
    texts = {path: (data or b"").decode("utf-8", "surrogateescape") for path, data in read.items()}
    installed = {listed.name for path in states for listed in debian.parse(texts[path])}
    named = [(path, place) for place, path in _named(texts, paths) if _came_with(image, path, place)]
    checked = _checked(image, {path: place for path, place in named if place not in _ALPINE})
    return frozenset(
        path
        for path, place in named
        if place in _ALPINE or (debian.package_of(place) in installed and checked.get(path, True))
    )


def _named(texts: Mapping[str, str], paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each list that names one of the paths, with that path."""
    wanted = {_merged(path): path for path in paths}
    for place, text in texts.items():
        folder = ""
        for line in text.splitlines() if place in _ALPINE or place.endswith(".list") else ():
            if place in _ALPINE:
                if line.startswith("F:"):
                    folder = line[2:]
                name = f"{folder}/{line[2:]}" if line.startswith("R:") else ""
            else:
                name = line.lstrip("/")
            if _merged(name) in wanted:
                yield place, wanted[_merged(name)]


def _came_with(image: Image, path: str, place: str) -> bool:
    """Whether the layer that has the file has the list as well."""
    file = image.files.get(path)
    return file is not None and any(member.path == place for member in image.layers[file.layer].members)


def _checked(image: Image, places: Mapping[str, str]) -> dict[str, bool]:
    """Return whether each file is the one that its package's checksums name, if the package has any."""
    sums = {path: place.removesuffix(".list") + ".md5sums" for path, place in places.items()}
    read = image.read_all(sums.values(), MAX_LIST)
    digests = _digests(image, places)
    found = {}
    for path, place in sums.items():
        listed = (read.get(place) or b"").decode("utf-8", "surrogateescape").splitlines()
        wanted = {_merged(name): digest for digest, _, name in (line.partition("  ") for line in listed)}
        if wanted:
            found[path] = wanted.get(_merged(path)) == digests.get(path)
    return found


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
