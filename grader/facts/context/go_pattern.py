"""The wildcard patterns of Docker's ignore files, as a state machine.

moby/patternmatcher writes a pattern as a Go regular expression. Here the same expression is read (`go_regexp`) and run
as a nondeterministic automaton whose states are the bits of one whole number: time is linear in the path's length,
whatever the pattern. Steps once taken are remembered.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.facts.context.go_glob import BadPattern, check_glob
from grader.facts.context.go_regexp import Part, holds, parts_of

_QUOTED = frozenset(".+()|{}$")
_REMEMBERED = 20_000
"""Steps remembered by one machine before it starts afresh."""


def require(pattern: str, written: str) -> None:
    """ValueError naming the pattern as `written` where it is malformed, or no such regular expression can be."""
    try:
        check_glob(pattern)
        compile_pattern(pattern)
    except BadPattern as problem:
        raise ValueError(f"{written!r}: {problem}") from None


class Machine:
    """A compiled pattern."""

    def matches(self, path: str) -> bool:
        """Whether the pattern matches the whole path."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Exact(Machine):
    text: str

    def matches(self, path: str) -> bool:
        return path == self.text


@dataclass(frozen=True)
class _Prefix(Machine):
    text: str

    def matches(self, path: str) -> bool:
        return path.startswith(self.text)


@dataclass(frozen=True)
class _Suffix(Machine):
    text: str

    def matches(self, path: str) -> bool:
        return path.endswith(self.text) or (self.text.startswith("/") and path == self.text[1:])


def compile_pattern(pattern: str) -> Machine:
    """The machine of a cleaned pattern. BadPattern where Go cannot compile the expression it becomes."""
    expression, shape = _expression(pattern)
    if shape == "exact":
        return _Exact(pattern)
    if shape == "prefix":
        return _Prefix(pattern[:-2])
    if shape == "suffix":
        return _Suffix(pattern[2:])
    return Automaton(parts_of(expression + "$"))


def _expression(pattern: str) -> tuple[str, str]:
    """The pattern as a Go regular expression without `$`, and how patternmatcher goes about matching it."""
    out, shape, at = "^", "exact", 0
    first = True
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*" and pattern[at : at + 1] == "*":
            at += 1
            if pattern[at : at + 1] == "/":
                at += 1
            if at < len(pattern):
                out, shape = out + "(.*/)?", "expression"
            elif shape == "exact":
                shape = "prefix"
            else:
                out, shape = out + ".*", "expression"
            if first:
                shape = "suffix"
        elif char in "*?":
            out, shape = out + ("[^/]*" if char == "*" else "[^/]"), "expression"
        elif char in _QUOTED:
            out += "\\" + char
        elif char == "\\":
            out, shape = out + char + pattern[at : at + 1], "expression"
            at += 1
        else:
            out += char
            if char in "[]":
                shape = "expression"
        first = False
    return out, shape


class Automaton(Machine):
    """A sequence of parts, run over a path; bit n of the state says that part n may come next."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._goal = 1 << len(parts)
        self._edges = any(part.edge for part in parts)
        self._steps: dict[tuple[int, str, str], int] = {}

    def matches(self, path: str) -> bool:
        state, before = 1, ""
        for char in path:
            key = (state, before, char)
            found = self._steps.get(key)
            if found is None:
                if len(self._steps) >= _REMEMBERED:
                    self._steps.clear()
                found = self._steps[key] = self._step(*key)
            state = found
            if not state:
                return False
            if self._edges:
                before = char
        return bool(self._reach(state, before, "") & self._goal)

    def _reach(self, state: int, before: str, char: str) -> int:
        """The state with all parts that can come next without consuming a character."""
        for number, part in enumerate(self._parts):
            if state >> number & 1:
                if part.skip:
                    state |= 1 << number + part.skip
                if part.edge and holds(part.edge, before, char):
                    state |= 1 << number + 1
        return state

    def _step(self, state: int, before: str, char: str) -> int:
        state = self._reach(state, before, char)
        after = 0
        for number, part in enumerate(self._parts):
            if state >> number & 1:
                if part.stays is not None and part.stays(char):
                    after |= 1 << number + (part.skip == 2)
                if part.test(char):
                    after |= 1 << number + part.step
        return after
