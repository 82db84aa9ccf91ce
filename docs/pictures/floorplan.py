"""Boxes on floors, and arrows that run down between them: around what is in their way, and apart from each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

APART = 13
"""Between two arrows that run side by side, and between an arrow and a wall."""
CORNER = 6

Arrow = tuple[str, str]
Points = list[tuple[int, int]]


class Box(NamedTuple):
    """A rectangle; a line, if it has no width or no height."""

    left: int
    top: int
    right: int
    bottom: int


class Floorplan:
    """Boxes by name. Put all of them there before the arrows."""

    def __init__(self, width: int) -> None:
        self.boxes: dict[str, Box] = {}
        self._width = width
        self._lines: list[Box] = []
        """The parts of the arrows that are laid."""

    def arrows(self, pairs: Iterable[Arrow], gap: int) -> list[Points]:
        """The corners of each arrow. Short ones are laid first. They turn in the `gap` under a box and over one.

        Raises ValueError if one would run up, or finds no way.
        """
        return [self._arrow(*pair, gap) for pair in sorted(pairs, key=lambda pair: (self._length(*pair), pair))]

    def _length(self, upper: str, lower: str) -> int:
        length = self.boxes[lower].top - self.boxes[upper].bottom
        if length <= 0:
            raise ValueError(f"an arrow would run up, from {upper} to {lower}: see tests/floors.py")
        return length

    def _arrow(self, upper: str, lower: str, gap: int) -> Points:
        """Down to where it turns, across to a free lane, down, across again, and down."""
        start, end = self.boxes[upper], self.boxes[lower]
        top, bottom = start.bottom, end.top
        begins, ends = self._ports(start, top, top + gap), self._ports(end, bottom - gap, bottom)
        lanes = [lane for lane in range(APART, self._width - APART) if self._is_free(lane, top, bottom)]
        if not (begins and ends and lanes):
            raise ValueError(f"no way from {upper} to {lower}: give a room another place in docs/pictures/house.py")
        narrow = min(start, end, key=lambda box: box.right - box.left)
        middle = (narrow.left + narrow.right) // 2
        begin, lane, finish = min(
            ((_nearest(lane, begins), lane, _nearest(lane, ends)) for lane in lanes),
            key=lambda way: (len({*way}), abs(way[0] - way[1]) + abs(way[2] - way[1]), abs(way[1] - middle)),
        )
        high, low = self._level(begin, lane, top, gap), self._level(lane, finish, bottom - gap, gap)
        points = [(begin, top), (begin, high), (lane, high), (lane, low), (finish, low), (finish, bottom)]
        self._lines += [Box(min(x, to_x), y, max(x, to_x), to_y) for (x, y), (to_x, to_y) in pairwise(points)]
        return points

    def _ports(self, box: Box, top: int, bottom: int) -> list[int]:
        """Where an arrow may leave a box, or reach it."""
        return [x for x in range(box.left + APART, box.right - APART + 1) if self._is_free(x, top, bottom)]

    def _is_free(self, x: int, top: int, bottom: int) -> bool:
        """Whether an upright line touches no box, and runs close to no other."""
        upright = [line for line in self._lines if line.left == line.right]
        return not any(
            box.left - APART < x < box.right + APART and box.top < bottom and top < box.bottom
            for box in [*self.boxes.values(), *upright]
        )

    def _level(self, one: int, other: int, top: int, gap: int) -> int:
        """Where in the gap below `top` an arrow turns, so that it does not lie on another."""
        left, right = sorted((one, other))
        level = [line for line in self._lines if line.top == line.bottom and line.left < right and left < line.right]
        heights = [top + gap * share // 20 for share in (10, 4, 16, 7, 13)]
        return next(height for height in heights if all(abs(line.top - height) > 3 for line in level))


def _nearest(x: int, ports: Sequence[int]) -> int:
    return min(ports, key=lambda port: (abs(port - x), port))


def corners(points: Points) -> Points:
    """The points without those between which nothing turns."""
    drawn = [point for number, point in enumerate(points) if number == 0 or point != points[number - 1]]
    turns = [at for before, at, after in zip(drawn, drawn[1:], drawn[2:], strict=False) if before[0] != after[0]]
    return [drawn[0], *turns, drawn[-1]]


def path(points: Points) -> str:
    """An arrow as the data of an SVG path, with round corners."""
    first, *turns, last = corners(points)
    drawn = [f"M{first[0]} {first[1]}"]
    for before, (x, y), after in zip([first, *turns], turns, [*turns[1:], last], strict=False):
        (from_x, from_y), (to_x, to_y) = _near((x, y), before), _near((x, y), after)
        drawn.append(f"L{from_x} {from_y}Q{x} {y} {to_x} {to_y}")
    return "".join([*drawn, f"V{last[1] - 1}"])


def _near(corner: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """A point close to a corner, on the way to another."""
    x, y = (max(-CORNER, min(CORNER, (to - at) // 2)) for at, to in zip(corner, other, strict=True))
    return corner[0] + x, corner[1] + y
