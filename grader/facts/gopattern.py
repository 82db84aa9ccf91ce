"""The wildcard patterns of Docker's ignore files, as a state machine.

moby/patternmatcher writes a pattern as a Go regular expression, so that what it means follows from Go's syntax too
(`\\d` is any digit, `\\b` a word's edge, an unknown escape an error). Here the same expression is read and run as a
nondeterministic automaton whose states are the bits of one whole number: time is linear in the path's length, whatever
the pattern. Steps once taken are remembered.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

Test = Callable[[str], bool]

_ALNUM = frozenset(string.ascii_letters + string.digits)
_WORD = _ALNUM | {"_"}
_QUOTED = frozenset(".+()|{}$")
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PERL = {"d": frozenset(string.digits), "s": frozenset("\t\n\f\r "), "w": _WORD}
_POSIX = {
    "alnum": _ALNUM,
    "alpha": frozenset(string.ascii_letters),
    "ascii": frozenset(map(chr, range(128))),
    "blank": frozenset("\t "),
    "cntrl": frozenset([*map(chr, range(32)), "\x7f"]),
    "digit": frozenset(string.digits),
    "graph": frozenset(map(chr, range(33, 127))),
    "lower": frozenset(string.ascii_lowercase),
    "print": frozenset(map(chr, range(32, 127))),
    "punct": frozenset(string.punctuation),
    "space": frozenset("\t\n\v\f\r "),
    "upper": frozenset(string.ascii_uppercase),
    "word": _WORD,
    "xdigit": frozenset(string.hexdigits),
}
_REMEMBERED = 20_000
"""Steps remembered by one machine before it starts afresh."""


class BadPattern(ValueError):
    """A pattern that BuildKit refuses, or a regular expression that Go does."""


def check_glob(pattern: str) -> None:
    """BadPattern where BuildKit calls the pattern malformed: an unclosed class, a backslash at the end.

    BuildKit asks Go's filepath.Match whether the pattern matches `.`, only to see whether that is an error. What stands
    behind the first `*` is looked at only when what stands before it matched.
    """
    name = "."
    while pattern:
        chunk, star, pattern = _next_chunk(pattern)
        if not chunk:
            return
        rests = [_match_chunk(chunk, name)]
        if star and not _fits(rests[0], pattern):
            rests += [_match_chunk(chunk, name[skip:]) for skip in range(1, len(name) + 1)]
        found = next((rest for rest in rests if _fits(rest, pattern)), None)
        if found is None:
            return
        name = found


def require(pattern: str, written: str) -> None:
    """ValueError naming the pattern as `written` where it is malformed, or no such regular expression can be."""
    try:
        check_glob(pattern)
        compile_pattern(pattern)
    except BadPattern as problem:
        raise ValueError(f"{written!r}: {problem}") from None


def _fits(rest: str | None, pattern: str) -> bool:
    return rest is not None and (not rest or bool(pattern))


def _next_chunk(pattern: str) -> tuple[str, bool, str]:
    """What stands before the next `*`, whether a `*` came first, and what is left of the pattern."""
    begin = len(pattern) - len(pattern.lstrip("*"))
    at, inside = begin, False
    while at < len(pattern) and (inside or pattern[at] != "*"):
        if pattern[at] in "[]":
            inside = pattern[at] == "["
        at += 2 if pattern[at] == "\\" else 1
    return pattern[begin:at], begin > 0, pattern[at:]


def _match_chunk(chunk: str, name: str) -> str | None:
    """What is left of `name` behind a chunk without `*`; None where it does not match. Reads all of the chunk."""
    at, failed = 0, False
    while at < len(chunk):
        char, name = name[:1], name[1:]
        match = bool(char) and char != "/"
        if chunk[at] == "[":
            at, within = _match_class(chunk, at + 1, char)
            match = bool(char) and within
        elif chunk[at] == "?":
            at += 1
        else:
            if chunk[at] == "\\":
                at += 1
                if at == len(chunk):
                    raise BadPattern("a pattern cannot end in a backslash")
            match = char == chunk[at]
            at += 1
        failed = failed or not match
    return None if failed else name


def _match_class(chunk: str, at: int, char: str) -> tuple[int, bool]:
    """Where a class ends, and whether the character is in it."""
    negated = chunk[at : at + 1] == "^"
    at += negated
    first, within = True, False
    while first or chunk[at : at + 1] != "]":
        at, low = _class_member(chunk, at)
        high = low
        if chunk[at] == "-":
            at, high = _class_member(chunk, at + 1)
        within = within or low <= char <= high
        first = False
    return at + 1, within != negated


def _class_member(chunk: str, at: int) -> tuple[int, str]:
    if chunk[at : at + 1] in ("", "-", "]"):
        raise BadPattern("a [class] of the pattern is malformed")
    if chunk[at] == "\\":
        at += 1
    if at + 1 >= len(chunk):
        raise BadPattern("a [class] of the pattern is not closed")
    return at + 1, chunk[at]


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
    return Automaton(_Reader(expression + "$").read())


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


@dataclass(frozen=True)
class _Part:
    """One state: what it consumes to move on, to stay, and whether (and how far) it moves on without consuming."""

    test: Test
    stays: Test | None = None
    skip: int = 0
    edge: str = ""
    """An assertion in place of a character: begin, end, word, inner."""
    step: int = 1


def _never(char: str) -> bool:
    return False


def _any(char: str) -> bool:
    return char != "\n"


class Automaton(Machine):
    """A sequence of parts, run over a path; bit n of the state says that part n may come next."""

    def __init__(self, parts: list[_Part]) -> None:
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
                if part.edge and _holds(part.edge, before, char):
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


def _holds(edge: str, before: str, char: str) -> bool:
    if edge == "begin":
        return not before
    if edge == "end":
        return not char
    return ((before in _WORD) != (char in _WORD)) == (edge == "word")


class _Reader:
    """Reads the part of Go's regular expression syntax that patternmatcher can produce."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self) -> list[_Part]:
        parts: list[_Part] = []
        while self.at < len(self.text):
            if self._take("(.*/)?"):
                # Two states: outside, which may be passed over, and inside, which must end in a slash.
                parts.append(_Part(_is("/"), stays=_any, skip=2, step=2))
                parts.append(_Part(_is("/"), stays=_any))
            elif self._take("^"):
                parts.append(_Part(_never, edge="begin"))
            elif self._take("$"):
                parts.append(_Part(_never, edge="end"))
            elif self._take("\\Q"):
                literal, _, rest = self.text[self.at :].partition("\\E")
                self.text, self.at = rest, 0
                parts += [_Part(_is(char)) for char in literal]
            elif (edge := self._edge()) is not None:
                parts.append(edge)
            else:
                parts.append(self._single())
        # Only "$" says that the path ends here, and \Q may have swallowed it.
        parts.append(_Part(_never, stays=lambda char: True, skip=1))
        return parts

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def _edge(self) -> _Part | None:
        for token, edge in (("\\A", "begin"), ("\\z", "end"), ("\\b", "word"), ("\\B", "inner")):
            if self._take(token):
                return _Part(_never, edge=edge)
        return None

    def _single(self) -> _Part:
        test = _any if self._take(".") else self._class() if self._take("[") else self._escape_or_char()
        if self._take("*"):
            return _Part(_never, stays=test, skip=1)
        return _Part(test)

    def _escape_or_char(self) -> Test:
        group = self._group()
        return group if group is not None else _is(self._char())

    def _group(self) -> Test | None:
        """A class with a name of its own: a Perl one, or a one-letter Unicode category."""
        if self.text[self.at : self.at + 1] != "\\":
            return None
        letter = self.text[self.at + 1 : self.at + 2]
        if letter.lower() in _PERL and letter:
            self.at += 2
            return _among(_PERL[letter.lower()], negated=letter.isupper())
        if letter in ("p", "P"):
            category = self.text[self.at + 2 : self.at + 3]
            if category not in tuple("CLMNPSZ"):
                raise BadPattern(f"'\\{letter}{category}' is no character class of a pattern")
            self.at += 3
            return _category(category, negated=letter == "P")
        return None

    def _char(self) -> str:
        char = self.text[self.at]
        self.at += 1
        if char != "\\":
            return char
        char = self.text[self.at : self.at + 1]
        self.at += 1
        if char in _CONTROLS and char:
            return _CONTROLS[char]
        if char == "x":
            digits = self.text[self.at : self.at + 2]
            if len(digits) == 2 and set(digits) <= set(string.hexdigits):
                self.at += 2
                return chr(int(digits, 16))
        elif char and char in "01234567":
            return self._octal(char)
        elif char and char.isascii() and char not in _ALNUM:
            return char
        raise BadPattern(f"'\\{char}' is no escape of a pattern (folders are divided by '/', not by a backslash)")

    def _octal(self, first: str) -> str:
        digits = first
        while len(digits) < 3 and self.text[self.at : self.at + 1] in tuple("01234567"):
            digits += self.text[self.at]
            self.at += 1
        if first != "0" and len(digits) == 1:
            raise BadPattern(f"'\\{first}' is no escape of a pattern")
        return chr(int(digits, 8))

    def _class(self) -> Test:
        negated = self._take("^")
        tests: list[Test] = []
        while not tests or not self._take("]"):
            if self.at >= len(self.text):
                raise BadPattern("a [class] is not closed")
            tests.append(self._member())
        return lambda char: any(test(char) for test in tests) != negated

    def _member(self) -> Test:
        if self._take("[:"):
            name, closed, _ = self.text[self.at :].partition(":]")
            if closed:
                self.at += len(name) + 2
                return _posix(name)
            self.at -= 2
        group = self._group()
        if group is not None:
            return group
        low = self._char()
        if self.text[self.at : self.at + 1] == "-" and self.text[self.at + 1 : self.at + 2] not in ("", "]"):
            self.at += 1
            high = self._char()
            if high < low:
                raise BadPattern(f"the range '{low}-{high}' of a [class] runs backwards")
            return lambda char: low <= char <= high
        return _is(low)


def _is(wanted: str) -> Test:
    return lambda char: char == wanted


def _among(chars: frozenset[str], negated: bool) -> Test:
    return lambda char: (char in chars) != negated


def _category(letter: str, negated: bool) -> Test:
    # Go's tables leave out unassigned code points, which Python calls Cn.
    return lambda char: ((kind := unicodedata.category(char))[0] == letter and kind != "Cn") != negated


def _posix(name: str) -> Test:
    chars = _POSIX.get(name.removeprefix("^"))
    if chars is None:
        raise BadPattern(f"'[:{name}:]' is no character class of a pattern")
    return _among(chars, negated=name.startswith("^"))
