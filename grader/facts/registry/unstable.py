"""What a step makes anew each time it runs, such as random names: seen by running it twice.

What differs between two builds of one folder may differ in a third one as well. A third has other random names again,
so a name is recognised by its place: the folder in which the random part begins, how deep it goes, and what is there.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from grader.facts.registry.layer_files import Entry, LayerFiles, kind_at


class _Place(NamedTuple):
    """Where something with a random name is. Its content and where it leads to are left out."""

    folder: str
    depth: int
    kind: str
    mode: int
    uid: int
    gid: int


class Unstable:
    """What differs between a layer of the build and the same layer of a second build."""

    def __init__(self, ours: LayerFiles, second: LayerFiles) -> None:
        self._ours = ours
        self._mine = {**ours.folders, **ours.files}
        self._second = {**second.folders, **second.files}
        own = Counter(self._place(path, self._mine[path], second) for path in self._only(self._mine, second))
        new = Counter(self._place(path, self._second[path], ours) for path in self._only(self._second, ours))
        self._room = {place: new[place] for place in new}
        self._any_number = {place for place in new if own[place] != new[place]}

    def allows(self, path: str, mine: Entry | None, its: Entry | None) -> bool:
        """Whether a third build may have `its` at the path where the first has `mine`; None for nothing.

        What is more than the first has is counted: ask once for each path.
        """
        if its is None:
            return path not in self._second
        second = self._second.get(path)
        if mine is not None:
            return second is not None and _fields(mine, its) <= _fields(mine, second)
        if second is not None:
            return not _fields(second, its) - {"content"}
        place = self._place(path, its, self._ours)
        if place in self._any_number:
            return True
        self._room[place] = self._room.get(place, 0) - 1
        return self._room[place] >= 0

    @staticmethod
    def _only(these: Mapping[str, Entry], other: LayerFiles) -> Iterable[str]:
        return (path for path in these if path not in other.files and path not in other.folders)

    @staticmethod
    def _place(path: str, entry: Entry, other: LayerFiles) -> _Place:
        parts = path.split("/")
        depth = 1
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in other.folders and kind_at(other.seen, folder) != "folder":
                break
        return _Place(
            posixpath.join(*parts[: depth - 1]) if depth > 1 else "",
            len(parts) - depth,
            entry.kind,
            entry.mode,
            entry.uid,
            entry.gid,
        )


def _fields(one: Entry, other: Entry) -> set[str]:
    """The names of what differs."""
    pairs = zip(Entry._fields, one, other, strict=True)
    return {name for name, first, second in pairs if first != second}
