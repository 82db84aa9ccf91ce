"""Expand the words of a command, as far as the Dockerfile alone determines them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Protocol

from grader.facts.dockerfile import pattern
from grader.facts.dockerfile.pattern import PatternError
from grader.facts.shell.tokens import Part, Token, tokenize

MAX_FIELDS = 1000  # words that one word may become
MAX_TEXT = 1 << 20  # characters of one word, and of all that a word becomes
MAX_PIECES = 20_000  # of everything that a word with a loop variable becomes
_BLANKS = re.compile(r"[ \t\n]+")
_CAT = re.compile(r"\s*(?:cat\s+(?:--\s+)?|<\s*)([^\s;&|<>()]+)\s*")
_WHICH = re.compile(r"\s*(?:which|command\s+-v|type\s+-p)\s+([\w./+-]+)\s*")  # $(which pip) install ...
_BRACES = re.compile(r"\{([^{}]*)\}")
MAX_BRACES = 500  # words that braces make of one word


@dataclass(frozen=True)
class Word:
    """One argument of a command."""

    text: str  # without quotes; variables are replaced if their value is known
    raw: str  # as written
    known: bool = True  # False: a part that only the running shell can determine is missing from the text
    file: str = ""  # the word becomes the words of this file: $(cat FILE), xargs < FILE
    offset: int = field(default=-1, compare=False, repr=False)  # where it begins in its script; -1 outside of a script


@dataclass(frozen=True)
class Value:
    """The value of a shell variable: several texts after `for x in a b`, not known after `x=$(date)`."""

    texts: tuple[str, ...]
    known: bool = True


class Variables(Protocol):
    """Gives the value of a variable by its name."""

    def get(self, name: str) -> Value | None:
        """The value of the variable `name`; None if nothing has set it."""


@dataclass(frozen=True)
class _Fragment:
    text: str
    known: bool
    quoted: bool
    choices: tuple[str, ...] = ()


def expand_word(token: Token, variables: Variables, *, braces: bool = False, split: bool = True) -> list[Word]:
    """Return the arguments that a word becomes. Unquoted values split at blanks; a loop variable gives all its values.

    With `braces`, {a,b} expands as in bash. Without `split`, values do not split at blanks (as in an assignment).
    """
    fragments = [_fragment(part, variables) for part in token.parts]
    file = _file_of(token.parts)
    alternatives = next((f.choices for f in fragments if len(f.choices) > 1), ())
    if len(alternatives) * len(fragments) > MAX_PIECES:
        return [_unknown(token)]
    words: list[Word] = []
    size = 0
    for choice in alternatives or ("",):
        chosen = [_chosen(fragment, alternatives, choice) for fragment in fragments]
        joined = _joined(chosen, token, file, split)
        words += joined
        size += sum(len(word.text) for word in joined)
        if len(words) > MAX_FIELDS or size > MAX_TEXT:
            words = [*words[:MAX_FIELDS], _unknown(token)]
            break
    if braces and "{" in token.text:
        words = [replace(word, text=text) for word in words for text in _braces(word.text)]
    return words


def _unknown(token: Token) -> Word:
    """The replacement for a word that expands too far."""
    return Word("", token.text[:200], known=False, offset=token.offset)


def _chosen(fragment: _Fragment, alternatives: tuple[str, ...], choice: str) -> _Fragment:
    """The fragment with one value of the loop variable. A second loop variable in the same word is not known."""
    if len(fragment.choices) < 2:
        return fragment
    same = fragment.choices == alternatives
    return _Fragment(choice if same else fragment.text, fragment.known and same, fragment.quoted)


def expand_text(text: str, variables: Variables) -> tuple[str, bool]:
    """Expand a text that has only variables and substitutions (a here-document).

    Returns the expanded text, and whether all of it is known.
    """
    pieces: list[str] = []
    room = MAX_TEXT
    known = True
    for part in _here_parts(text):
        fragment = _fragment(part, variables)
        pieces.append(fragment.text[:room])
        room -= len(pieces[-1])
        known = known and fragment.known
    return "".join(pieces), known


def _here_parts(text: str) -> list[Part]:
    quoted = '"' + text.replace('"', '\\"') + '"'
    return list(tokenize(quoted)[0].parts)


def _fragment(part: Part, variables: Variables) -> _Fragment:
    if part.kind == "text":
        return _Fragment(part.text, True, part.quoted)
    if part.kind != "variable":
        found = _WHICH.fullmatch(part.text) if part.kind == "command" else None
        return _Fragment(found[1], True, part.quoted) if found else _Fragment("", False, part.quoted)
    value = variables.get(part.text)
    if not part.operator:
        if value is None:
            return _Fragment("", False, part.quoted)
        return _Fragment(value.texts[0] if value.texts else "", value.known, part.quoted, value.texts)
    text, known = _modified(part.operator, value, variables)
    return _Fragment(text, known, part.quoted)


def _modified(operator: str, value: Value | None, variables: Variables) -> tuple[str, bool]:
    """Evaluate ${name operator operand}. Returns the text, and whether all of it is known."""
    text = value.texts[0] if value and value.texts else ""
    known = value is not None and value.known
    empty_counts = operator.startswith(":")
    action = operator[1:2] if empty_counts else operator[:1]
    operand = operator[2:] if empty_counts else operator[1:]
    missing = value is None or (known and empty_counts and not text)
    if action in ("-", "="):
        return _operand(operand, variables) if missing else (text, known)
    if action == "+":
        return ("", value is not None) if missing else _operand(operand, variables)
    if action == "?":
        return text, known
    if not known or empty_counts or action not in ("#", "%", "/"):
        return "", False
    doubled = operand.startswith(action)
    operand = operand[1:] if doubled else operand
    try:
        if action == "/":
            wanted, _, replacement = operand.partition("/")
            replaced = pattern.replace(wanted, text, replacement, every=doubled, limit=MAX_TEXT)
            return replaced, "$" not in operand
        trim = pattern.trim_prefix if action == "#" else pattern.trim_suffix
        return trim(operand, text, doubled), not set("$[") & set(operand)
    except PatternError:
        return "", False


def _operand(text: str, variables: Variables) -> tuple[str, bool]:
    tokens = tokenize(text)
    if len(tokens) == 2 and tokens[0].kind == "word" and len(text) < 4096:
        words = [_simple(part, variables) for part in tokens[0].parts]
        return "".join(word for word, _ in words), all(known for _, known in words)
    return text, not set("$`") & set(text)


def _simple(part: Part, variables: Variables) -> tuple[str, bool]:
    """Expand a part of an operand. A variable that has an operator of its own is not known."""
    if part.kind == "text":
        return part.text, True
    value = variables.get(part.text) if part.kind == "variable" and not part.operator else None
    return (value.texts[0], value.known) if value and value.texts else ("", False)


def _joined(fragments: list[_Fragment], token: Token, file: str, split: bool) -> list[Word]:
    words: list[Word] = []
    current: list[str] = []
    open_word = False  # an empty quoted piece makes a word too
    known = True
    size = 0
    for fragment in fragments:
        size += len(fragment.text)
        if size > MAX_TEXT:
            return [_unknown(token)]
        pieces = [fragment.text]
        if split and not fragment.quoted and fragment.text and _BLANKS.search(fragment.text):
            pieces = _BLANKS.split(fragment.text, maxsplit=MAX_FIELDS)
        for number, piece in enumerate(pieces):
            if number and open_word:
                words.append(Word("".join(current), token.text, known, offset=token.offset))
                current, open_word, known = [], False, True
            current.append(piece)
            open_word = open_word or bool(piece) or fragment.quoted or not fragment.known
            known = known and fragment.known
    if open_word:
        words.append(Word("".join(current), token.text, known, file, token.offset))
    return words


def _file_of(parts: tuple[Part, ...]) -> str:
    if len(parts) == 1 and parts[0].kind == "command" and not parts[0].quoted:
        match = _CAT.fullmatch(parts[0].text)
        if match:
            return match[1].strip("\"'")
    return ""


def _braces(text: str) -> list[str]:
    """Expand {a,b} as bash does, but not nested, and at most to MAX_BRACES words."""
    texts = [text]
    for _ in range(8):
        found = [next((match for match in _BRACES.finditer(item) if "," in match[1]), None) for item in texts]
        count = sum(match[1].count(",") + 1 if match else 1 for match in found)
        if count == len(texts) or count > MAX_BRACES:
            break
        texts = [one for item, match in zip(texts, found, strict=True) for one in _choices(item, match)]
    return texts


def _choices(item: str, match: re.Match[str] | None) -> list[str]:
    if match is None:
        return [item]
    return [item[: match.start()] + choice + item[match.end() :] for choice in match[1].split(",")]
