"""What a container sees: the layers on top of each other, and what each hides of those below.

A later layer hides a path by an entry of the same name, by a whiteout (`.wh.NAME`), by marking a folder opaque
(`.wh..wh..opq`), or by replacing a folder with something else. Folders merge. A folder without an entry of its own, but
with something in it, replaces a link or a file of that name below. Hard links share their content. What the entries of
one layer make of each other is in `changeset`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from grader.facts.image.changeset import GONE, IMPLIED, MAX_IMPLIED, MAX_LINKS, OPAQUE, WHITEOUT, Changeset, is_mark
from grader.facts.image.tar import BadArchive, Member, normal


class Content(NamedTuple):
    """Where the content of a file is: the layer (from 0), and the number of the member in it."""

    layer: int
    number: int


class File(NamedTuple):
    """What a container sees at a path. For a hard link, all but the path and layer are those of the file it shares."""

    path: str
    kind: str
    size: int
    mode: int
    uid: int
    gid: int
    link: str
    capability: bytes
    layer: int


class Waste(NamedTuple):
    """A file that a layer holds and no container sees."""

    layer: int
    path: str
    size: int
    overwritten: bool
    """Whether a later entry replaced it. If not, it was deleted, or its folder was."""


class FileSystem:
    """The file system of an image. Paths have no leading slash; the root is the empty path."""

    def __init__(self, layers: Sequence[Sequence[Member]]) -> None:
        """Raises BadArchive if no engine could unpack one of the layers."""
        self._layers = layers
        overlay = _Overlay(layers)
        self._seen = overlay.visible
        self._implied = overlay.implied
        self._links = overlay.links

    def __contains__(self, path: str) -> bool:
        return self.get(path) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def get(self, path: str) -> File | None:
        """Return what is at that path, and None if there is nothing. A link is not followed."""
        path = normal(path)
        found = self._seen.get(path)
        if found is None:
            # Archives may leave out the entries of folders.
            return File(path, "folder", 0, 0o755, 0, 0, "", b"", 0) if path in self._folders else None
        shared = self._shared(found)
        member = self._layers[shared.layer][shared.number]
        return File(path, *member[1:], layer=found.layer)

    def resolve(self, path: str) -> str | None:
        """Follow every symbolic link on the path, as a process in the container would.

        Returns None if it leads nowhere, or in a circle.
        """
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
        """Return what a process finds at that path, with links followed, and None if there is nothing."""
        resolved = self.resolve(path)
        return None if resolved is None else self.get(resolved)

    def content(self, path: str) -> Content | None:
        """Return where the content of a regular file is, and None if there is no such file. Links are followed."""
        resolved = self.resolve(path)
        found = None if resolved is None else self._seen.get(resolved)
        if found is None:
            return None
        shared = self._shared(found)
        return shared if self._layers[shared.layer][shared.number].kind == "file" else None

    def listing(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; empty if there is no such folder."""
        return sorted(self._folders.get(normal(folder), ()))

    def waste(self, first: int = 0) -> list[Waste]:
        """Return the files that the layers from `first` up hold and no container sees, the largest first."""
        used = {self._shared(content) for content in self._seen.values()}
        found = []
        for layer in range(first, len(self._layers)):
            for number, member in enumerate(self._layers[layer]):
                if member.kind == "file" and member.size and (layer, number) not in used and not is_mark(member.path):
                    found.append(Waste(layer, member.path, member.size, member.path in self._seen))
        return sorted(found, key=lambda waste: (-waste.size, waste.layer, waste.path))

    def hidden_by(self, wasted: Iterable[Waste]) -> dict[Waste, int]:
        """Return the layer that hides each of these: the first above its own that replaces or deletes the file or a
        folder that it is in. What its own layer hides is left out."""
        marks: dict[str, list[tuple[Waste, bool]]] = {}  # what hides it, except a folder of that name if True
        for item in wasted:
            at, own = item.path, True
            while at:
                folder, _, name = at.rpartition("/")
                marks.setdefault(at, []).append((item, not own))
                for mark in (WHITEOUT + name, OPAQUE) if folder else (WHITEOUT + name,):
                    marks.setdefault(f"{folder}/{mark}" if folder else mark, []).append((item, False))
                at, own = folder, False
        found: dict[Waste, int] = {}
        for layer in range(len(self._layers) - 1, -1, -1):
            for path, is_folder in _touched(self._layers[layer]):
                for item, merges in marks.get(path, ()):
                    if item.layer < layer and not (merges and is_folder):
                        found[item] = layer
        return found

    @cached_property
    def _folders(self) -> dict[str, set[str]]:
        """The names in each folder, also in folders that have no entry of their own."""
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
        for path in self._implied:
            folders.setdefault(path, set())
            parent, _, name = path.rpartition("/")
            folders.setdefault(parent, set()).add(name)
        return folders

    def _shared(self, content: Content) -> Content:
        """Return the member that holds the content: the target of a hard link, or the member itself."""
        return self._links.get(content, content)


def _touched(members: Iterable[Member]) -> Iterator[tuple[str, bool]]:
    """Yield every path that a layer writes to, also those of folders without an entry, and whether it is a folder."""
    folders = {""}
    for member in members:
        yield member.path, member.kind == "folder"
        folder = member.path.rpartition("/")[0]
        while folder not in folders:
            folders.add(folder)
            yield folder, True
            folder = folder.rpartition("/")[0]


class _Overlay:
    """Lays the layers over each other, from the top down: every entry that nothing above hides is visible."""

    def __init__(self, layers: Sequence[Sequence[Member]]) -> None:
        self._layers = layers
        self.visible: dict[str, Content] = {}
        self.implied: set[str] = set()
        """Visible folders that have no entry of their own."""
        self.links: dict[Content, Content] = {}
        """For hard links the member of the same layer that has their content."""
        self._above: dict[str, bool] = {}
        """Paths in higher layers, and whether always a folder: then lower ones merge with it."""
        self._cleared: set[str] = set()
        """Folders whose content in lower layers is hidden."""
        implied = 0
        for layer in range(len(layers) - 1, -1, -1):
            try:
                changes = Changeset(layers[layer])
            except BadArchive as problem:
                raise BadArchive(f"in layer {layer + 1}, {problem}") from None
            implied += changes.implied
            if implied > MAX_IMPLIED:
                raise BadArchive("too many folders have no entry in its layers")
            self._add(layer, changes)

    def _add(self, layer: int, changes: Changeset) -> None:
        above, implied = self._above, self.implied
        hidden: dict[str, bool] = {}
        new: list[str] = []
        for path, number in changes.entries.items():
            if number == GONE or path in above or (path in implied and not changes.is_folder(number)):
                continue
            if _hidden(path.rpartition("/")[0], hidden, above, self._cleared):
                continue
            if number == IMPLIED:
                new.append(path)
            else:
                self.visible[path] = Content(layer, number)
                implied.discard(path)
        # Only now, since a layer's marks do not hide anything in the layer itself.
        for path, number in changes.entries.items():
            if number != IMPLIED:
                above[path] = above.get(path, True) and changes.is_folder(number)
        implied.update(new)
        self._cleared |= changes.opaque
        for number, target in changes.shared.items():
            self.links[Content(layer, number)] = Content(layer, target)


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
