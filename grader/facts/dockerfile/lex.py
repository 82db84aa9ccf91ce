"""Expand words as BuildKit does: quotes, escapes, $name and the ${name...} forms (frontend/dockerfile/shell/lex.go).

This is not a shell. It expands the words of an instruction before anything is executed. The commands of a RUN are
expanded by the shell in the container.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from grader.facts.dockerfile.pattern import PatternError, replace, trim_prefix, trim_suffix

MAX_WORD = 128 * 1024  # characters; the kernel accepts no longer argument or environment string either
MAX_DEPTH = 100  # ${a:-${b:-...}} inside each other

_Trim = Callable[[str, str, bool], str]
_SPECIAL_PARAMETERS = frozenset("@*#?-$!0")


class ExpansionError(Exception):
    """BuildKit refuses to expand the word. The message has no line."""


class EmptyPattern(ExpansionError):
    """${name#} or ${name%}. BuildKit 0.13 panics on it, and the whole engine goes down. Later versions ignore it."""


# White space as Go defines it. Python's str.isspace also accepts the separators U+001C to U+001F.
SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_SPACE_SET = frozenset(SPACES)
_BLANKS = re.compile(f"[{SPACES}]+")


def is_space(char: str) -> bool:
    return char in _SPACE_SET


@dataclass
class Expansion:
    """The result of expanding one word."""

    text: str
    words: list[str]
    unset: set[str] = field(default_factory=set)  # variables that it uses and that are not set


def expand(
    word: str,
    env: Mapping[str, str],
    *,
    escape: str = "\\",
    raw_quotes: bool = False,
    raw_escapes: bool = False,
    process_quotes: bool = True,
    keep_unset: bool = False,
    require: bool = True,
) -> Expansion:
    """Expand `word`. Raises ExpansionError if BuildKit refuses the word, or if the result would be too large.

    `raw_quotes` and `raw_escapes` keep those characters in the result. `keep_unset` keeps `$name` of unset variables.
    Without `process_quotes`, quotes are ordinary characters. Without `require`, ${name:?} accepts a variable that is
    not set, because a base image may set it.
    """
    return _Lexer(word, env, escape, raw_quotes, raw_escapes, process_quotes, keep_unset, require=require).run()


def refuse_empty_patterns(text: str, escape: str) -> None:
    """Raise EmptyPattern if a text has an empty pattern that BuildKit expands only for its log.

    Such texts are the whole of a RUN, COPY, ADD or WORKDIR. Every variable may be set, since a base image may set any.
    Other faults do not matter in the log.
    """
    lexer = _Lexer(text, {}, escape, True, False, True, True, refuse_empty=True)
    try:
        lexer.run()
    except EmptyPattern:
        raise
    except ExpansionError:
        pass


class _Words:
    """Splits the result at unquoted white space, after expansion."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._current: list[str] = []

    def add(self, text: str) -> None:
        for number, piece in enumerate(_BLANKS.split(text)):
            if number:
                self._flush()
            self.add_raw(piece)

    def add_raw(self, text: str) -> None:
        if text:
            self._current.append(text)

    def _flush(self) -> None:
        if self._current:
            self.words.append("".join(self._current))
            self._current = []

    def finish(self) -> list[str]:
        self._flush()
        return self.words


class _Lexer:
    def __init__(
        self,
        word: str,
        env: Mapping[str, str],
        escape: str,
        raw_quotes: bool,
        raw_escapes: bool,
        process_quotes: bool,
        keep_unset: bool,
        *,
        refuse_empty: bool = False,
        require: bool = True,
    ) -> None:
        self._text = word.removeprefix("\ufeff")
        self._at = 0
        self._env = env
        self._escape = escape
        self._raw_quotes = raw_quotes
        self._raw_escapes = raw_escapes
        self._process_quotes = process_quotes
        self._keep_unset = keep_unset
        self._require = require
        self._refuse_empty = refuse_empty or not keep_unset
        self._unset: set[str] = set()
        self._depth = 0
        self._produced = 0

    def run(self) -> Expansion:
        text, words = self._until("", self._raw_escapes)
        return Expansion(text, words, self._unset)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        return char

    def _get(self, name: str) -> str | None:
        value = self._env.get(name)
        if value is None:
            self._unset.add(name)
        else:
            self._produced += len(value)
            if self._produced > MAX_WORD:
                raise ExpansionError(f"a word expands to more than {MAX_WORD} characters")
        return value

    def _until(self, stop: str, raw_escapes: bool) -> tuple[str, list[str]]:
        """Read up to the unquoted character `stop` (which is consumed), or to the end if it is empty."""
        if self._depth > MAX_DEPTH:
            raise ExpansionError(f"variables are nested more than {MAX_DEPTH} deep")
        outer, self._raw_escapes = self._raw_escapes, raw_escapes
        self._depth += 1
        try:
            return self._scan(stop)
        finally:
            self._raw_escapes = outer
            self._depth -= 1

    def _scan(self, stop: str) -> tuple[str, list[str]]:
        result: list[str] = []
        words = _Words()
        ordinary = re.compile(f"[^$'\"{re.escape(self._escape + stop)}]+")
        while char := self._peek():
            if char == stop:
                self._at += 1
                return "".join(result), words.finish()
            if char == "$":
                value = self._dollar()
                words.add(value)
                result.append(value)
            elif char in "'\"" and self._process_quotes:
                value = self._single_quoted() if char == "'" else self._double_quoted()
                words.add_raw(value)
                result.append(value)
            elif char == self._escape:
                self._at += 1
                if self._raw_escapes:
                    words.add_raw(char)
                    result.append(char)
                char = self._next()
                words.add_raw(char)
                result.append(char)
            else:
                match = ordinary.match(self._text, self._at)
                plain = match[0] if match else char
                self._at += len(plain)
                words.add(plain)
                result.append(plain)
        if stop:
            raise ExpansionError(f"unexpected end of statement while looking for matching {stop}")
        return "".join(result), words.finish()

    def _single_quoted(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            self._at = len(self._text)
            raise ExpansionError("unexpected end of statement while looking for matching single-quote")
        quoted = self._text[self._at : end + 1] if self._raw_quotes else self._text[self._at + 1 : end]
        self._at = end + 1
        return quoted

    def _double_quoted(self) -> str:
        result: list[str] = []
        quote = self._next()
        if self._raw_quotes:
            result.append(quote)
        while True:
            char = self._peek()
            if not char:
                raise ExpansionError("unexpected end of statement while looking for matching double-quote")
            if char == '"':
                self._at += 1
                if self._raw_quotes:
                    result.append(char)
                return "".join(result)
            if char == "$":
                result.append(self._dollar())
                continue
            self._at += 1
            if char == self._escape:
                if self._raw_escapes:
                    result.append(char)
                following = self._peek()
                if not following:
                    continue
                if following in ('"', "$", self._escape):
                    char = self._next()
            result.append(char)

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._get(name)
            return f"${name}" if value is None and self._keep_unset else value or ""
        self._at += 1
        if not self._peek():
            raise ExpansionError("syntax error: missing '}'")
        if self._peek() in "{}:":
            raise ExpansionError("syntax error: bad substitution")
        return self._braced(self._name())

    def _braced(self, name: str) -> str:
        operator = self._next()
        if operator == "}":
            value = self._get(name)
            return f"${{{name}}}" if value is None and self._keep_unset else value or ""
        if operator == "/":
            return self._replaced(name)
        if not operator or operator not in ":+-?#%":
            raise ExpansionError(f"unsupported modifier ({operator}) in substitution")
        empty_counts = operator == ":"
        action = self._next() if empty_counts else operator
        written = operator + action if empty_counts else operator
        word = self._operand("}", action in "#%" and action != "", "syntax error: missing '}'")
        if action in ("#", "%") and not word and self._refuse_empty:
            raise EmptyPattern(f"the pattern in ${{{name}{written}}} is empty; some builders crash on it: leave it out")
        value = self._get(name)
        if value is None and self._keep_unset:
            return f"${{{name}{written}{word}}}"
        missing = value is None or (empty_counts and not value)
        match action:
            case "-":
                return word if missing else value or ""
            case "+":
                return "" if missing else word
            case "?":
                if missing and (self._require or value is not None):
                    state = "unset" if value is None else "empty"
                    raise ExpansionError(f"{name}: {word or f'is not allowed to be {state}'}")
                return value or ""
            case "#" | "%":
                longest = word.startswith(action)
                trim = trim_prefix if action == "#" else trim_suffix
                return self._matched(trim, word.removeprefix(action), value or "", longest)
            case _:
                raise ExpansionError(f"unsupported modifier ({written}) in substitution")

    def _replaced(self, name: str) -> str:
        every = self._peek() == "/"
        if every:
            self._at += 1
        pattern = self._operand("/", True, "syntax error: missing '/' in ${}")
        replacement = self._operand("}", True, "syntax error: missing '}'")
        value = self._get(name)
        if value is None and self._keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        try:
            result = replace(pattern, value or "", replacement, every=every, limit=MAX_WORD)
        except PatternError as error:
            raise ExpansionError(f"invalid pattern ({pattern}) in substitution: {error}") from None
        self._produced += len(result)
        if self._produced > MAX_WORD:
            raise ExpansionError(f"a word expands to more than {MAX_WORD} characters")
        return result

    def _operand(self, stop: str, raw_escapes: bool, at_end: str) -> str:
        try:
            return self._until(stop, raw_escapes)[0]
        except ExpansionError:
            if not self._peek():
                raise ExpansionError(at_end) from None
            raise

    def _matched(self, trim: _Trim, pattern: str, value: str, longest: bool) -> str:
        try:
            return trim(pattern, value, longest)
        except PatternError as error:
            raise ExpansionError(f"invalid pattern ({pattern}) in substitution: {error}") from None

    def _name(self) -> str:
        start = self._at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self._at += 1
        elif first and first in _SPECIAL_PARAMETERS:
            self._at += 1
        else:
            while (char := self._peek()) and (char.isalpha() or char.isdecimal() or char == "_"):
                self._at += 1
        return self._text[start : self._at]
