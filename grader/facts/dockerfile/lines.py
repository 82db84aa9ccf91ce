"""Read logical lines from bytes: directives, comments, continuations, heredocs (BuildKit's frontend/dockerfile/parser).

The order of the steps is BuildKit's, with its oddities: directives apply only at the very top, comments and blank
lines inside a continuation are skipped, and a heredoc is recognised by its word in the joined line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from grader.facts.dockerfile.lex import SPACES, ExpansionError, expand
from grader.facts.dockerfile.model import Directive, Heredoc

MAX_BYTES = 1 << 20
MAX_LINE = 65536  # bytes including the line end; BuildKit reads no longer line

_BLANKS = "\t\n\f\r "
_DIRECTIVE = re.compile(rf"([a-zA-Z][a-zA-Z0-9]*)[{_BLANKS}]*=(.+)\Z")
_KNOWN_DIRECTIVES = ("syntax", "escape", "check")
_HEREDOC = re.compile(r"([0-9]*)<<(-?)([^<]*)\Z")


class Fault(Exception):
    """A fault in the file, without the file's name."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True)
class LogicalLine:
    """The text of one instruction, with its continuations joined."""

    text: str
    line: int
    end_line: int
    pieces: tuple[tuple[int, int], ...]


class Reader:
    """Reads the file once. `directives`, `escape` and `blanks` are complete when `logical_lines` is exhausted."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            raise Fault(f"the file is larger than {MAX_BYTES} bytes", 0)
        self._lines = _physical_lines(data)
        self._at = 0
        self._directives_over = False
        self.directives: list[Directive] = []
        self.escape = "\\"
        self.blanks: list[int] = []

    def logical_lines(self) -> Iterator[LogicalLine]:
        while self._at < len(self._lines):
            text = self._lines[self._at].rstrip("\r\n").lstrip(SPACES)
            self._at += 1
            self._directive(text)
            if text.startswith("#"):
                continue
            start = self._at
            text, continued = self._continuation(text)
            if not text and not continued:
                continue
            pieces = [(0, start)]
            parts = [text]
            length = len(text)
            while continued and self._at < len(self._lines):
                text = self._lines[self._at].rstrip("\r\n")
                self._at += 1
                stripped = text.lstrip(SPACES)
                if stripped.startswith("#"):
                    continue
                if not stripped:
                    self.blanks.append(self._at)
                    continue
                text, continued = self._continuation(text)
                pieces.append((length, self._at))
                parts.append(text)
                length += len(text)
            yield LogicalLine("".join(parts), start, self._at, tuple(pieces))

    def frontend(self) -> Directive | None:
        """The `# syntax=` directive, which BuildKit reads before it parses. It may also follow a `#!` line."""
        shebang = bool(self._lines) and self._lines[0].startswith("#!")
        for number, text in enumerate(self._lines[shebang:], 1 + shebang):
            directive = _directive(text.rstrip("\r\n").lstrip(SPACES), number)
            if not directive or directive.name == "syntax":
                return directive
        return None

    def heredocs(self, line: LogicalLine) -> tuple[Heredoc, ...]:
        """Read the bodies of the heredocs that `line` opens. The caller decides whether the line may open any."""
        documents = []
        try:
            words = expand(line.text, {}, raw_quotes=True, raw_escapes=True, keep_unset=True).words
        except ExpansionError:
            words = []
        for word in words:
            try:
                document = parse_heredoc(word)
            except ExpansionError as error:
                raise Fault(str(error), line.line) from None
            if document:
                documents.append(self._body(document, line.line))
        return tuple(documents)

    def _body(self, document: Heredoc, opened: int) -> Heredoc:
        start = self._at
        while self._at < len(self._lines):
            text = self._lines[self._at].rstrip("\r\n")
            self._at += 1
            if (text.lstrip("\t") if document.chomp else text) == document.name:
                content = "".join(self._lines[start : self._at - 1])
                return replace(document, content=content, line=start + 1, end_line=self._at)
        raise Fault(f"unterminated heredoc: no line is just {document.name}", opened)

    def _continuation(self, text: str) -> tuple[str, bool]:
        stripped = text.rstrip(" \t")
        if stripped.endswith(self.escape) and not stripped.endswith(self.escape * 2):
            return stripped[:-1], True
        return text, False

    def _directive(self, text: str) -> None:
        if self._directives_over:
            return
        directive = _directive(text, self._at)
        if not directive:
            self._directives_over = True
            return
        if any(earlier.name == directive.name for earlier in self.directives):
            raise Fault(f"only one {directive.name} parser directive can be used", self._at)
        if directive.name == "escape":
            if directive.value not in ("\\", "`"):
                raise Fault(f"invalid escape token '{directive.value}': it must be ` or \\", self._at)
            self.escape = directive.value
        self.directives.append(directive)


def _directive(text: str, line: int) -> Directive | None:
    match = _DIRECTIVE.match(text[1:].lstrip(SPACES)) if text.startswith("#") else None
    name = match[1].lower() if match else ""
    if match is None or name not in _KNOWN_DIRECTIVES:
        return None
    return Directive(name, match[2].strip(_BLANKS) or match[2][-1], line)


def _physical_lines(data: bytes) -> list[str]:
    """The lines with their ends. Only a newline ends a line. Bytes that are not UTF-8 become U+FFFD."""
    lines = [part + b"\n" for part in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE or (len(line) == MAX_LINE and not line.endswith(b"\n")):
            raise Fault(f"a line is longer than {MAX_LINE - 1} bytes", number)
    if lines:
        lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
    return [line.decode("utf-8", "replace") for line in lines]


def parse_heredoc(word: str) -> Heredoc | None:
    """The heredoc that a word such as `<<EOF` or `3<<-"EOF"` opens, without its body; None if it opens none."""
    match = _HEREDOC.match(word)
    if not match or not match[3]:  # `<<-` alone: to a shell the name is the next word, to BuildKit it opens nothing
        return None
    names = expand(match[3], {}, keep_unset=True).words
    if len(names) != 1:
        return None
    raw = expand(match[3], {}, raw_quotes=True, keep_unset=True).words
    if len(raw) != 1:
        raise ExpansionError(f"the heredoc word {match[3]} cannot be read")
    name = names[0]
    unquoted = _quotes(name) == _quotes(raw[0])
    descriptor = int(match[1][:9] or "0")
    return Heredoc(name, unquoted, match[2] == "-", descriptor, content="", line=0, end_line=0)


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')
