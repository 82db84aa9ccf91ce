"""Split a POSIX shell script (with common bash additions) into words with their quoting, operators and redirections.

Nothing is expanded here. An invalid script gives tokens too: an unclosed quote ends with the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby

MAX_TOKENS = 50_000  # of one script; the rest of a longer script is not read

_OPERATOR = re.compile(r";;&|&>>|<<<|<<-|&&|\|\||;;|;&|\|&|&>|>>|<<|<&|>&|<>|>\||[;&|()<>]")
_META = frozenset(" \t\n;&|()<>")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = frozenset("@*#?-$!0123456789")
_BRACED = re.compile(r"(#?)([A-Za-z_][A-Za-z0-9_]*|[@*#?$!0-9-]|[1-9][0-9]+)(\[[^]]*\])?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Part:
    """A piece of a word. `kind` is text, variable, command (a substitution's script) or other (arithmetic, arrays)."""

    kind: str
    text: str  # the text, the variable's name, or the script
    quoted: bool = False
    operator: str = ""  # for ${name:-operand}: everything after the name
    offset: int = 0  # where the script of a substitution begins


@dataclass
class Token:
    """A token of a script. `kind` is word, operator, redirect, newline or end."""

    kind: str
    text: str  # the operator, or the word as written
    offset: int
    parts: tuple[Part, ...] = ()
    body: str = ""  # of a here-document, once its line has ended
    body_offset: int = 0
    body_quoted: bool = False
    following: Token | None = field(default=None, repr=False)  # for a redirect: the word that names its target

    @property
    def plain(self) -> str:
        """The word if nothing in it is quoted or replaced, else "". Only such words can be keywords."""
        return self.text if len(self.parts) == 1 and self.parts[0].kind == "text" and not self.parts[0].quoted else ""


def tokenize(text: str) -> list[Token]:
    """Return the tokens of `text`, closed by a token of kind `end`.

    Its offset is the end of `text`, unless there were too many tokens. The time is in proportion to the length.
    """
    return _Tokenizer(text).run()


class _Tokenizer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._tokens: list[Token] = []
        self._open_documents: list[Token] = []

    def run(self) -> list[Token]:
        text = self._text
        while self._at < len(text) and len(self._tokens) < MAX_TOKENS:
            char = text[self._at]
            if char in " \t\r":
                self._at += 1
            elif text.startswith("\\\n", self._at):
                self._at += 2
            elif char == "\n":
                self._tokens.append(Token("newline", "\n", self._at))
                self._at += 1
                self._read_documents()
            elif char == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            elif char in "<>" and text.startswith("(", self._at + 1):
                self._word()
            elif char in "<>" or text.startswith("&>", self._at):
                self._redirect("")
            elif char in ";&|()":
                operator = self._operator()
                self._tokens.append(Token("operator", operator, self._at))
                self._at += len(operator)
            else:
                self._word()
        self._read_documents()
        self._tokens.append(Token("end", "", self._at))
        return self._tokens

    def _operator(self) -> str:
        match = _OPERATOR.match(self._text, self._at)
        return match[0] if match else self._text[self._at]

    def _redirect(self, descriptor: str) -> None:
        operator = self._operator()
        token = Token("redirect", descriptor + operator, self._at)
        self._at += len(operator)
        while self._text.startswith((" ", "\t"), self._at):
            self._at += 1
        if self._at < len(self._text) and self._text[self._at] not in "\n;&|()<>":
            self._word()
            token.following = self._tokens.pop()
        self._tokens.append(token)
        if operator in ("<<", "<<-") and token.following:
            self._open_documents.append(token)

    def _read_documents(self) -> None:
        for token in self._open_documents:
            word = token.following
            if word:
                name = "".join(part.text for part in word.parts)
                token.body_quoted = any(part.quoted for part in word.parts)
                token.body_offset = self._at
                token.body = self._read_body(name, token.text.endswith("-"))
        self._open_documents = []

    def _read_body(self, name: str, strip_tabs: bool) -> str:
        lines: list[str] = []
        while self._at < len(self._text):
            end = self._text.find("\n", self._at)
            end = len(self._text) if end < 0 else end + 1
            line = self._text[self._at : end]
            self._at = end
            if strip_tabs:
                line = line.lstrip("\t")
            if line.rstrip("\r\n") == name:
                break
            lines.append(line)
        return "".join(lines)

    def _word(self) -> None:
        start = self._at
        parts: list[Part] = []
        text = self._text
        while self._at < len(text):
            char = text[self._at]
            if char in _META and not (char in "<>" and text.startswith("(", self._at + 1)):
                break
            parts += self._part(char)
        written = text[start : self._at]
        if self._at < len(text) and text[self._at] in "<>" and written.isdigit():
            self._redirect(written)
            return
        self._tokens.append(Token("word", written, start, tuple(_merged(parts))))

    def _part(self, char: str) -> list[Part]:
        text = self._text
        if char == "\\":
            following = text[self._at + 1 : self._at + 2]
            self._at += 2
            return [] if following in ("", "\n") else [Part("text", following, quoted=True)]
        if char == "'":
            return [self._single(self._at + 1)]
        if char == '"':
            return self._double()
        if char == "$" and text.startswith("$'", self._at):
            return [self._ansi()]
        if char == "$" and text.startswith('$"', self._at):
            self._at += 1
            return self._double()
        if char in "$`" or char in "<>":
            return [self._substitution(False)]
        end = self._at + 1
        while end < len(text) and text[end] not in _META and text[end] not in "\\'\"$`":
            end += 1
        part = Part("text", text[self._at : end])
        self._at = end
        return [part]

    def _single(self, start: int) -> Part:
        end = self._text.find("'", start)
        end = len(self._text) if end < 0 else end
        self._at = end + 1
        return Part("text", self._text[start:end], quoted=True)

    def _ansi(self) -> Part:
        """Read $'...'. Its escapes are not decoded: names and versions do not need them."""
        at = self._at + 2
        while at < len(self._text) and self._text[at] != "'":
            at += 2 if self._text[at] == "\\" else 1
        content = self._text[self._at + 2 : at]
        self._at = at + 1
        return Part("text" if "\\" not in content else "other", content, quoted=True)

    def _double(self) -> list[Part]:
        parts: list[Part] = [Part("text", "", quoted=True)]
        literal: list[str] = []
        text = self._text
        self._at += 1
        while self._at < len(text) and text[self._at] != '"':
            char = text[self._at]
            if char == "\\":
                following = text[self._at + 1 : self._at + 2]
                self._at += 2
                if following != "\n":
                    literal.append(following if following in '$`"\\' else char + following)
            elif char in "$`":
                parts.append(Part("text", "".join(literal), quoted=True))
                literal = []
                parts.append(self._substitution(True))
            else:
                end = self._at + 1
                while end < len(text) and text[end] not in '\\"$`':
                    end += 1
                literal.append(text[self._at : end])
                self._at = end
        self._at += 1
        parts.append(Part("text", "".join(literal), quoted=True))
        return parts

    def _substitution(self, quoted: bool) -> Part:
        text = self._text
        start = self._at
        if text.startswith("`", start):
            end = start + 1
            while end < len(text) and text[end] != "`":
                end += 2 if text[end] == "\\" else 1
            self._at = end + 1
            return Part("command", text[start + 1 : end], quoted, offset=start + 1)
        if text.startswith("$((", start):
            self._at = _closing(text, start + 2) + 1
            return Part("other", text[start : self._at], quoted)
        if text.startswith("(", start + 1):  # $( ... ), <( ... ), >( ... )
            end = _closing(text, start + 2)
            self._at = end + 1
            return Part("command", text[start + 2 : end], quoted, operator=text[start], offset=start + 2)
        if text.startswith("${", start):
            end = _closing(text, start + 2, "{", "}")
            self._at = end + 1
            match = _BRACED.fullmatch(text[start + 2 : end])
            if not match or match[1] or match[3]:
                return Part("other", text[start : self._at], quoted)
            return Part("variable", match[2], quoted, operator=match[4])
        match = _NAME.match(text, start + 1)
        if match:
            self._at = match.end()
            return Part("variable", match[0], quoted)
        if text[start + 1 : start + 2] in _SPECIAL:
            self._at = start + 2
            return Part("variable", text[start + 1], quoted)
        self._at = start + 1
        return Part("text", "$", quoted)


def _closing(text: str, at: int, opening: str = "(", closing: str = ")") -> int:
    """The offset of the bracket that closes the one opened just before `at`, or the end of the text. Follows quotes."""
    stack = [closing]
    while at < len(text):
        char = text[at]
        quote = stack[-1] == '"'
        if char == "\\":
            at += 2
            continue
        if char == "'" and not quote:
            end = text.find("'", at + 1)
            at = len(text) if end < 0 else end
        elif char == stack[-1]:
            stack.pop()
            if not stack:
                return at
        elif char == '"' and not quote:
            stack.append('"')
        elif text.startswith(("$(", "${"), at):
            stack.append(")" if text[at + 1] == "(" else "}")
            at += 1
        elif char == opening and stack[-1] == closing:
            stack.append(closing)
        at += 1
    return len(text)


def _merged(parts: list[Part]) -> list[Part]:
    """Join neighbouring texts with the same quoting, and drop empty unquoted ones."""
    merged: list[Part] = []
    for (is_text, quoted), group in groupby(parts, lambda part: (part.kind == "text", part.quoted)):
        if not is_text:
            merged += group
        elif (text := "".join(part.text for part in group)) or quoted:
            merged.append(Part("text", text, quoted))
    return merged
