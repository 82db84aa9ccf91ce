"""The part of Go's regular expression syntax that the pattern of an ignore file can become, read into states.

What a pattern means follows from Go's syntax too: `\\d` is any digit, `\\b` a word's edge, an unknown escape an error.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from grader.facts.context.go_glob import BadPattern

Test = Callable[[str], bool]

_ALNUM = frozenset(string.ascii_letters + string.digits)
_WORD = _ALNUM | {"_"}
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


@dataclass(frozen=True)
class Part:
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


def parts_of(expression: str) -> list[Part]:
    """Return the states of a regular expression, in order. Raises BadPattern if Go cannot compile it."""
    return _Reader(expression).read()


def holds(edge: str, before: str, char: str) -> bool:
    """Return whether an assertion holds between two characters, empty at the path's ends."""
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

    def read(self) -> list[Part]:
        parts: list[Part] = []
        while self.at < len(self.text):
            if self._take("(.*/)?"):
                # Two states: outside, which may be passed over, and inside, which must end in a slash.
                parts.append(Part(_is("/"), stays=_any, skip=2, step=2))
                parts.append(Part(_is("/"), stays=_any))
            elif self._take("^"):
                parts.append(Part(_never, edge="begin"))
            elif self._take("$"):
                parts.append(Part(_never, edge="end"))
            elif self._take("\\Q"):
                literal, _, rest = self.text[self.at :].partition("\\E")
                self.text, self.at = rest, 0
                parts += [Part(_is(char)) for char in literal]
            elif (edge := self._edge()) is not None:
                parts.append(edge)
            else:
                parts.append(self._single())
        # Only "$" says that the path ends here, and \Q may have swallowed it.
        parts.append(Part(_never, stays=lambda char: True, skip=1))
        return parts

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def _edge(self) -> Part | None:
        for token, edge in (("\\A", "begin"), ("\\z", "end"), ("\\b", "word"), ("\\B", "inner")):
            if self._take(token):
                return Part(_never, edge=edge)
        return None

    def _single(self) -> Part:
        test = _any if self._take(".") else self._class() if self._take("[") else self._escape_or_char()
        if self._take("*"):
            return Part(_never, stays=test, skip=1)
        return Part(test)

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
                raise BadPattern(f"'\\{letter}{category}' is not a character class")
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
        raise BadPattern(f"'\\{char}' is not an escape in a pattern (folders are divided by '/', not by a backslash)")

    def _octal(self, first: str) -> str:
        digits = first
        while len(digits) < 3 and self.text[self.at : self.at + 1] in tuple("01234567"):
            digits += self.text[self.at]
            self.at += 1
        if first != "0" and len(digits) == 1:
            raise BadPattern(f"'\\{first}' is not an escape in a pattern")
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
        raise BadPattern(f"'[:{name}:]' is not a character class")
    return _among(chars, negated=name.startswith("^"))
