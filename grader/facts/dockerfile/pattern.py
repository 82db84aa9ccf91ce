"""Match the wildcards of ${name#pattern} and ${name/pattern/text}.

`*` matches any characters and `?` any one character, but never a newline. BuildKit turns patterns into regular
expressions (shell/lex.go). Here a pattern is split at its stars, and the pieces are searched one after the other. The
result is the same, and the time is linear for every pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_WORK = 20_000_000  # piece length * value length, for pieces with `?`


class PatternError(Exception):
    """BuildKit refuses the pattern, or it is too long to be meant seriously."""


@dataclass(frozen=True)
class _Piece:
    """The part between two stars: its characters, with None for `?`."""

    characters: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.characters)

    def find(self, value: str, start: int, *, last: bool = False) -> int:
        """The first (or last) position of the piece at or after `start`; -1 if it does not occur."""
        if None not in self.characters:
            text = "".join(filter(None, self.characters))
            return value.rfind(text, start) if last else value.find(text, start)
        if len(self) * len(value) > MAX_WORK:
            raise PatternError("the pattern and the value are too long")
        expression = re.compile("".join("." if c is None else re.escape(c) for c in self.characters))
        if not last:
            found = expression.search(value, start)
            return found.start() if found else -1
        return next((n for n in range(len(value) - len(self), start - 1, -1) if expression.match(value, n)), -1)


def _pieces(pattern: str) -> list[_Piece]:
    pieces: list[list[str | None]] = [[]]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            pieces.append([])
        elif char == "?":
            pieces[-1].append(None)
        elif char == "\\":
            following = pattern[at : at + 1]
            if following and following in "}/":  # escaped because of ${}, not for the pattern
                continue
            if not following or following not in "*?\\":
                raise PatternError(f"invalid escape '\\{following}'")
            at += 1
            pieces[-1].append(following)
        else:
            pieces[-1].append(char)
    return [_Piece(tuple(piece)) for piece in pieces]


def _match(pieces: list[_Piece], value: str, start: int, *, longest: bool) -> tuple[int, int] | None:
    """The leftmost match, as (start, end). Each piece is taken at its first match, to leave most room for the rest."""
    first, *others = pieces
    start = first.find(value, start)
    if start < 0:
        return None
    at = start + len(first)
    for number, piece in enumerate(others, 1):
        last = longest and number == len(others)
        if last and not len(piece):
            return start, len(value)
        found = piece.find(value, at, last=last)
        if found < 0:
            return None
        at = found + len(piece)
    return start, at


def _match_at_start(pieces: list[_Piece], value: str, longest: bool) -> int | None:
    if pieces[0].find(value[: len(pieces[0])], 0) < 0:
        return None
    found = _match(pieces, value, 0, longest=longest)
    return found[1] if found else None


def trim_prefix(pattern: str, value: str, longest: bool) -> str:
    """Return `value` without its shortest (or longest) beginning that matches."""
    line = value.partition("\n")[0]
    end = _match_at_start(_pieces(pattern), line, longest)
    return value if end is None else value[end:]


def trim_suffix(pattern: str, value: str, longest: bool) -> str:
    """Return `value` without its shortest (or longest) ending that matches."""
    backwards = [_Piece(piece.characters[::-1]) for piece in reversed(_pieces(pattern))]
    line = value[::-1].partition("\n")[0]
    end = _match_at_start(backwards, line, longest)
    return value if end is None else value[: len(value) - end]


def replace(pattern: str, value: str, replacement: str, *, every: bool, limit: int = 1 << 20) -> str:
    """`value` with the first (or every) match replaced; a match is as long as can be.

    Once the result is longer than `limit`, nothing more is replaced.
    """
    pieces = _pieces(pattern)
    most = limit // max(1, len(replacement)) + 1 if every else 1
    result: list[str] = []
    replaced = 0
    for number, line in enumerate(value.split("\n")):
        if number:
            result.append("\n")
        replaced += _replace_in_line(pieces, line, replacement, most - replaced, result)
    return "".join(result)


def _replace_in_line(pieces: list[_Piece], line: str, replacement: str, most: int, result: list[str]) -> int:
    """Add the line with at most so many matches replaced. Returns how many there were."""
    at = replaced = 0
    previous_end = -1
    while at <= len(line) and replaced < most:
        found = _match(pieces, line, at, longest=True)
        if not found:
            break
        start, end = found
        if start == end == previous_end:  # as in Go: no empty match right after a match
            result.append(line[at : at + 1])
            at += 1
            continue
        result += [line[at:start], replacement]
        replaced += 1
        at = previous_end = end
        if start == end:
            result.append(line[at : at + 1])
            at += 1
    result.append(line[at:])
    return replaced
