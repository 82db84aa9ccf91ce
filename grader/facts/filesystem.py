"""What a container sees: layers laid over each other, with what each hides of those below.

A later layer hides a path by an entry of the same name, by a whiteout (`.wh.NAME`), by marking a folder opaque
(`.wh..wh..opq`), or by putting something that is no folder where a folder was. Folders merge. Hard links share one
content. See the OCI image specification, "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from grader.facts.tar import Member, normal

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
MAX_LINKS = 40
"""Symbolic links followed on the way to one file."""


class Content(NamedTuple):
    """Where a file's content is: layer (from 0) and number of the member in it."""

    layer: int
    number: int


class File(NamedTuple):
    """What a container sees at a path. For a hard link everything but the path is that of the file it shares."""

    path: str
    kind: str
    size: int
    mode: int
    uid: int
    gid: int
    link: str
    layer: int


class Waste(NamedTuple):
    """A file that a layer carries and no container sees."""

    layer: int
    path: str
    size: int
    overwritten: bool
    """A later entry took its place; else it was deleted, or its folder was."""


class FileSystem:
    """The file system of an image. Paths have no leading slash; the root is the empty path."""

    def __init__(self, layers: Sequence[Sequence[Member]]) -> None:
        self._layers = layers
        self._seen = _overlay(layers)

    def __contains__(self, path: str) -> bool:
        return self.get(path) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def get(self, path: str) -> File | None:
        """What is at that path, a link itself where it is one; None where there is nothing."""
        path = normal(path)
        found = self._seen.get(path)
        if found is None:
            # Archives may leave out the entries of folders.
            return File(path, "folder", 0, 0o755, 0, 0, "", 0) if path in self._folders else None
        shared = self._shared(found)
        member = self._layers[shared.layer][shared.number]
        return File(path, *member[1:], layer=found.layer)

    def resolve(self, path: str) -> str | None:
        """The path with every symbolic link on the way followed, as a process in the container would; None where it
        ends nowhere, or in a circle."""
        todo = normal(path).split("/")[::-1]
        at: list[str] = []
        hops = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                at = at[:-1]
                continue
            found = self.get("/".join([*at, part]))
            if found is None:
                return None
            if found.kind != "symlink":
                if todo and found.kind != "folder":
                    return None
                at.append(part)
                continue
            hops += 1
            if hops > MAX_LINKS:
                return None
            if found.link.startswith("/"):
                at = []
            todo += found.link.split("/")[::-1]
        return "/".join(at)

    def stat(self, path: str) -> File | None:
        """What a process finds at that path, links followed; None where there is nothing."""
        resolved = self.resolve(path)
        return None if resolved is None else self.get(resolved)

    def content(self, path: str) -> Content | None:
        """Where the content of the regular file at that path is, links followed; None where there is no such file."""
        resolved = self.resolve(path)
        found = None if resolved is None else self._seen.get(resolved)
        if found is None:
            return None
        shared = self._shared(found)
        return shared if self._layers[shared.layer][shared.number].kind == "file" else None

    def listing(self, folder: str) -> list[str]:
        """Names in a folder, sorted; empty where there is none."""
        return sorted(self._folders.get(normal(folder), ()))

    def waste(self, first: int = 0) -> list[Waste]:
        """The files that the layers from `first` up carry and no container sees, largest first."""
        used = {self._shared(content) for content in self._seen.values()}
        found = []
        for layer in range(first, len(self._layers)):
            for number, member in enumerate(self._layers[layer]):
                if member.kind == "file" and member.size and (layer, number) not in used and not _is_mark(member.path):
                    found.append(Waste(layer, member.path, member.size, member.path in self._seen))
        return sorted(found, key=lambda waste: (-waste.size, waste.layer, waste.path))

    def hidden_by(self, wasted: Iterable[Waste]) -> dict[Waste, int]:
        """The layer that hides each of these: the first above it (or itself) that replaces or deletes the file, or a
        folder it is in."""
        marks: dict[str, list[tuple[Waste, bool]]] = {}  # what hides it, and whether a folder of that name does not
        for item in wasted:
            at, own = item.path, True
            while at:
                folder, _, name = at.rpartition("/")
                marks.setdefault(at, []).append((item, not own))
                for mark in (WHITEOUT + name, OPAQUE):
                    marks.setdefault(f"{folder}/{mark}" if folder else mark, []).append((item, False))
                at, own = folder, False
        found: dict[Waste, int] = {}
        for layer in range(len(self._layers) - 1, -1, -1):
            for member in self._layers[layer]:
                for item, merges in marks.get(member.path, ()):
                    if item.layer < layer and not (merges and member.kind == "folder"):
                        found[item] = layer
        return found

    @cached_property
    def _folders(self) -> dict[str, set[str]]:
        """The names in each folder, also where folders have no entry of their own."""
        folders: dict[str, set[str]] = {"": set()}
        for path, found in self._seen.items():
            at = path
            while at:
                parent, _, name = at.rpartition("/")
                if parent in folders:
                    folders[parent].add(name)
                    break
                folders[parent] = {name}
                at = parent
            if self._layers[found.layer][found.number].kind == "folder":
                folders.setdefault(path, set())
        return folders

    def _shared(self, content: Content) -> Content:
        """The member that holds the content: for a hard link the one it links to, else itself."""
        for _ in range(MAX_LINKS):
            member = self._layers[content.layer][content.number]
            if member.kind != "hardlink":
                break
            target = self._last.get((content.layer, member.link))
            layer = content.layer
            while target is None and layer:
                layer -= 1
                target = self._last.get((layer, member.link))
            if target is None or Content(layer, target) == content:
                break
            content = Content(layer, target)
        return content

    @cached_property
    def _last(self) -> dict[tuple[int, str], int]:
        """For what hard links name: the number of that path's last entry in each layer."""
        named = {member.link for members in self._layers for member in members if member.kind == "hardlink"}
        last: dict[tuple[int, str], int] = {}
        if named:
            for layer, members in enumerate(self._layers):
                for number, member in enumerate(members):
                    if member.path in named:
                        last[layer, member.path] = number
        return last


def _is_mark(path: str) -> bool:
    return path.rpartition("/")[2].startswith(WHITEOUT)


def _overlay(layers: Sequence[Sequence[Member]]) -> dict[str, Content]:
    """What is visible, from the top layer down: each entry is, unless something above hides it."""
    visible: dict[str, Content] = {}
    above: dict[str, bool] = {}  # paths that higher layers have, and whether always as a folder: then lower ones merge
    cleared: set[str] = set()  # folders whose content in lower layers is hidden
    for layer in range(len(layers) - 1, -1, -1):
        members = layers[layer]
        hidden: dict[str, bool] = {}
        gone: list[str] = []
        opaque: list[str] = []
        for number in range(len(members) - 1, -1, -1):  # backwards: of a path that occurs twice the last entry counts
            path = members[number].path
            parent, _, name = path.rpartition("/")
            if not name.startswith(WHITEOUT):
                if path and path not in above and path not in visible and not _hidden(parent, hidden, above, cleared):
                    visible[path] = Content(layer, number)
            elif name == OPAQUE:
                opaque.append(parent)
            elif not name.startswith(WHITEOUT + WHITEOUT):  # other marks of that form are a storage driver's own
                target = name.removeprefix(WHITEOUT)
                gone.append(f"{parent}/{target}" if parent else target)
        # Only now, since none of it touches this layer itself.
        for member in members:
            if not _is_mark(member.path):
                above[member.path] = above.get(member.path, True) and member.kind == "folder"
        for path in gone:
            above[path] = False
        cleared.update(opaque)
    return visible


def _hidden(folder: str, known: dict[str, bool], above: dict[str, bool], cleared: set[str]) -> bool:
    """Whether higher layers hide what this layer has in that folder."""
    at, answer = folder, False
    while True:
        if at in known:
            answer = known[at]
            break
        if at in cleared or not above.get(at, True):
            answer = True
            break
        if not at:
            break
        at = at.rpartition("/")[0]
    known[folder] = answer
    return answer
