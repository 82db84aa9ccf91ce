"""The wildcards of ${name#pattern} and ${name/pattern/text}: `*` is any run, `?` any one character, never a newline.

Matched by walking the set of reachable pattern positions, so that no pattern, however hostile, backtracks. BuildKit
turns them into regular expressions (shell/lex.go) with the same outcome.
"""

from __future__ import annotations

MAX_WORK = 2_000_000  # steps of matching, about a second


class PatternError(Exception):
    """A pattern that BuildKit refuses, or one that is too long to be meant seriously."""


_ANY = "any"  # one character
_RUN = "run"  # any number of characters
_Token = tuple[str, str]  # (kind, the literal character)


def _compile(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            if not tokens or tokens[-1][0] != _RUN:
                tokens.append((_RUN, ""))
        elif char == "?":
            tokens.append((_ANY, ""))
        elif char == "\\":
            following = pattern[at : at + 1]
            if following and following in "}/":  # escaped for the sake of ${}, not of the pattern
                continue
            if not following or following not in "*?\\":
                raise PatternError(f"invalid escape '\\{following}'")
            at += 1
            tokens.append(("", following))
        else:
            tokens.append(("", char))
    return tokens


class _Matcher:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._work = 0

    def end(self, value: str, start: int, longest: bool) -> int | None:
        """Where a match beginning at `start` ends, None without one."""
        last = len(self._tokens)
        found: int | None = None
        current = self._closure({0})
        at = start
        while current:
            if last in current:
                found = at
                if not longest:
                    break
            if at >= len(value):
                break
            self._work += len(current)
            if self._work > MAX_WORK:
                raise PatternError("it takes too long to match")
            current = self._closure(self._step(current, value[at]))
            at += 1
        return found

    def _step(self, current: set[int], char: str) -> set[int]:
        following = set()
        for position in current:
            if position == len(self._tokens):
                continue
            kind, literal = self._tokens[position]
            if kind == _RUN:
                if char != "\n":
                    following.add(position)
            elif (kind == _ANY and char != "\n") or (not kind and literal == char):
                following.add(position + 1)
        return following

    def _closure(self, positions: set[int]) -> set[int]:
        """A run may be empty: the position after it is reachable as well."""
        for position in tuple(positions):
            if position < len(self._tokens) and self._tokens[position][0] == _RUN:
                positions.add(position + 1)
        return positions


def trim_prefix(pattern: str, value: str, longest: bool) -> str:
    """`value` without the shortest (or longest) beginning that matches."""
    end = _Matcher(_compile(pattern)).end(value, 0, longest)
    return value if end is None else value[end:]


def trim_suffix(pattern: str, value: str, longest: bool) -> str:
    """`value` without the shortest (or longest) ending that matches."""
    end = _Matcher(_compile(pattern)[::-1]).end(value[::-1], 0, longest)
    return value if end is None else value[: len(value) - end]


def replace(pattern: str, value: str, replacement: str, *, every: bool) -> str:
    """`value` with the first (or every) match replaced; a match is as long as can be."""
    matcher = _Matcher(_compile(pattern))
    result: list[str] = []
    copied = 0  # how much of the value is in the result
    previous_end = -1
    at = 0
    while at <= len(value):
        end = matcher.end(value, at, True)
        if end is None or (end == at and at == previous_end):  # as in Go: no empty match right after a match
            at += 1
            continue
        result += [value[copied:at], replacement]
        copied = previous_end = end
        if not every:
            break
        at = end if end > at else at + 1
    result.append(value[copied:])
    return "".join(result)
