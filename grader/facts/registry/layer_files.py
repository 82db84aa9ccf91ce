"""What a layer has at each path, in a form in which the layers of two builds can be compared."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from grader.facts.image.changeset import OPAQUE, WHITEOUT
from grader.facts.image.filesystem import FileSystem
from grader.facts.image.image import Image, Layer
from grader.facts.image.tar import Member, Sink


class Entry(NamedTuple):
    """What a layer has at a path. `content` is a digest, or empty if it is not compared."""

    kind: str
    mode: int
    uid: int
    gid: int
    link: str
    content: str

    def __str__(self) -> str:
        text = f"{self.kind}, mode {self.mode:o}, owner {self.uid}:{self.gid}"
        text += f", to {self.link}" if self.link else ""
        return text + (f", sha256 {self.content[:12]}" if self.content else "")


@dataclass(frozen=True)
class LayerFiles:
    """A layer by path. Folders are kept apart, since builders differ in whether they list an unchanged folder."""

    files: Mapping[str, Entry]
    folders: Mapping[str, Entry]
    seen: FileSystem
    """What a container of the whole image sees."""


DELETED = Entry("deletion", 0, 0, 0, "", "")


def layer_files(image: Image, layer: Layer, content: Mapping[tuple[int, int], str]) -> LayerFiles:
    """Return a layer by path, with the contents that are known by layer and number of the member (see `digests`)."""
    files: dict[str, Entry] = {}
    folders: dict[str, Entry] = {}
    first = _first(image, layer)
    for number, member in enumerate(layer.members):
        folder, _, name = member.path.rpartition("/")
        if name == OPAQUE:
            below = FileSystem([other.members for other in image.layers[: layer.index]])
            for hidden in below.listing(folder):
                files.setdefault(posixpath.join(folder, WHITEOUT + hidden), DELETED)
        elif name.startswith(WHITEOUT):
            files[member.path] = DELETED
        elif member.kind == "hardlink" and member.link in files:
            files[member.path] = files[member.link]
        else:
            entry = Entry(*_meta(member), member.link, content.get((first, number), ""))
            (folders if member.kind == "folder" else files)[member.path] = entry
    # A path that is replaced needs no whiteout.
    for path in [path for path, entry in files.items() if entry is DELETED]:
        folder, _, name = path.rpartition("/")
        instead = posixpath.join(folder, name.removeprefix(WHITEOUT))
        if instead in files or instead in folders:
            del files[path]
    return LayerFiles(files, folders, image.files)


def _meta(member: Member) -> tuple[str, int, int, int]:
    return member.kind, 0 if member.kind == "symlink" else member.mode, member.uid, member.gid


def kind_at(files: FileSystem, path: str) -> str:
    """What a container sees at a path: "file", "folder", "symlink", …, or "nothing"."""
    found = files.get(path)
    return found.kind if found else "nothing"


def digests(image: Image, layers: Collection[int]) -> Mapping[tuple[int, int], str]:
    """Return the digest of every file in these layers, by layer (where it occurs first) and number of the member."""
    hashing = _Hashing()
    if layers:
        image.visit(hashing, {_first(image, image.layers[index]) for index in layers})
    return hashing.found


def _first(image: Image, layer: Layer) -> int:
    return next(other.index for other in image.layers if other.diff_id == layer.diff_id)


class _Hashing:
    def __init__(self) -> None:
        self.found: dict[tuple[int, int], str] = {}

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        return _Hash(self.found, (layer, number))


class _Hash:
    def __init__(self, found: dict[tuple[int, int], str], key: tuple[int, int]) -> None:
        self._found = found
        self._key = key
        self._state = hashlib.sha256()

    def write(self, data: memoryview) -> None:
        self._state.update(data)

    def close(self) -> None:
        self._found[self._key] = self._state.hexdigest()
