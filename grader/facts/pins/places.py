"""Look up things by the path that they concern, or by a path below it."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T")
_NUMBER = itemgetter(0)


class _Folder(Generic[T]):
    __slots__ = ("below", "things")

    def __init__(self) -> None:
        self.below: dict[str, _Folder[T]] = {}
        self.things: list[tuple[int, T]] = []


class Places(Generic[T]):
    """Things at absolute, normalised paths. Each is added with a number, and the numbers never decrease."""

    def __init__(self) -> None:
        self._files: dict[str, list[tuple[int, T]]] = {}
        self._root: _Folder[T] = _Folder()

    def add_file(self, path: str, number: int, thing: T) -> None:
        """Add a thing that concerns exactly this path."""
        self._files.setdefault(path, []).append((number, thing))

    def add_folder(self, path: str, number: int, thing: T) -> None:
        """Add a thing that concerns a path and all paths below it."""
        folder = self._root
        for name in _names(path):
            if name not in folder.below:
                folder.below[name] = _Folder()
            folder = folder.below[name]
        folder.things.append((number, thing))

    def of(self, path: str) -> Iterator[tuple[int, T]]:
        """The things that concern a path, lowest number first."""
        return iter(heapq.merge(*self._lists(path), key=_NUMBER))

    def before(self, path: str, number: int) -> Iterator[tuple[int, T]]:
        """The things that concern a path and have a lower number, highest number first.

        Of those with the same number, the one that concerns exactly this path is first.
        """
        lists = ((found, bisect_left(found, number, key=_NUMBER)) for found in self._lists(path))
        falling = [_falling(found, end) for found, end in lists if end]
        return falling[0] if len(falling) == 1 else iter(heapq.merge(*falling, key=_NUMBER, reverse=True))

    def _lists(self, path: str) -> list[list[tuple[int, T]]]:
        lists = [self._files[path]] if path in self._files else []
        folder = self._root
        if folder.things:
            lists.append(folder.things)
        for name in _names(path):
            below = folder.below.get(name)
            if below is None:
                break
            folder = below
            if folder.things:
                lists.append(folder.things)
        return lists


def _falling(found: list[tuple[int, T]], end: int) -> Iterator[tuple[int, T]]:
    return (found[at] for at in range(end - 1, -1, -1))


def _names(path: str) -> list[str]:
    return path[1:].split("/") if path != "/" else []
