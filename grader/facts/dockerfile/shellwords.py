"""What the words of a command come to, as far as the Dockerfile can tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from grader.facts.dockerfile import pattern
from grader.facts.dockerfile.pattern import PatternError
from grader.facts.dockerfile.shelltokens import Part, Token, tokenize

MAX_FIELDS = 1000  # words that one word may become
MAX_TEXT = 1 << 20  # characters of one word
_BLANKS = re.compile(r"[ \t\n]+")
_CAT = re.compile(r"\s*(?:cat\s+(?:--\s+)?|<\s*)([^\s;&|<>()]+)\s*")
_WHICH = re.compile(r"\s*(?:which|command\s+-v|type\s+-p)\s+([\w./+-]+)\s*")  # $(which pip) install ...
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


@dataclass(frozen=True)
class Word:
    """One argument of a command."""

    text: str  # quotes taken off, variables replaced where their value is known
    raw: str  # as written
    known: bool = True  # False: the text is not all of it, something only the running shell can tell is missing
    file: str = ""  # the word stands for the words of this file: $(cat FILE), xargs < FILE
    offset: int = field(default=-1, compare=False, repr=False)  # where it begins in its script, -1 outside of one


@dataclass(frozen=True)
class Value:
    """What a shell variable holds: several texts after `for x in a b`, not known after `x=$(date)`."""

    texts: tuple[str, ...]
    known: bool = True


Variables = Mapping[str, Value]


@dataclass(frozen=True)
class _Fragment:
    text: str
    known: bool
    quoted: bool
    choices: tuple[str, ...] = ()


def expand_word(token: Token, variables: Variables, *, braces: bool = False, split: bool = True) -> list[Word]:
    """The arguments that one word becomes: unquoted values split at blanks, a loop variable gives all its values.

    `braces`: expand {a,b} as bash does. Without `split` it is one word whatever it holds (an assignment's value).
    """
    fragments = [_fragment(part, variables) for part in token.parts]
    file = _file_of(token.parts)
    alternatives = next((f.choices for f in fragments if len(f.choices) > 1), ())
    words: list[Word] = []
    for choice in alternatives or ("",):
        chosen = [_chosen(fragment, alternatives, choice) for fragment in fragments]
        words += _joined(chosen, token, file, split)
        if len(words) > MAX_FIELDS:
            words = [*words[:MAX_FIELDS], Word("", token.text[:200], known=False, offset=token.offset)]
            break
    if braces and "{" in token.text:
        words = [replace(word, text=text) for word in words for text in _braces(word.text)]
    return words


def _chosen(fragment: _Fragment, alternatives: tuple[str, ...], choice: str) -> _Fragment:
    """One value of a loop variable; a second such variable in the same word stays open."""
    if len(fragment.choices) < 2:
        return fragment
    same = fragment.choices == alternatives
    return _Fragment(choice if same else fragment.text, fragment.known and same, fragment.quoted)


def expand_text(text: str, variables: Variables) -> tuple[str, bool]:
    """A text in which only variables and substitutions count (a here-document): what it comes to, and whether all."""
    token = Token("word", text, 0, tuple(_here_parts(text)))
    fragments = [_fragment(part, variables) for part in token.parts]
    return "".join(f.text for f in fragments)[:MAX_TEXT], all(f.known for f in fragments)


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
    """${name operator operand}."""
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
            return pattern.replace(wanted, text, replacement, every=doubled), "$" not in operand
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
    """A part of an operand; a variable in it with an operator of its own is not followed further."""
    if part.kind == "text":
        return part.text, True
    value = variables.get(part.text) if part.kind == "variable" and not part.operator else None
    return (value.texts[0], value.known) if value and value.texts else ("", False)


def _joined(fragments: list[_Fragment], token: Token, file: str, split: bool) -> list[Word]:
    words: list[Word] = []
    current: list[str] = []
    open_word = False  # even an empty quoted piece makes a word
    known = True
    size = 0
    for fragment in fragments:
        size += len(fragment.text)
        if size > MAX_TEXT:
            return [Word("", token.text[:200], known=False, offset=token.offset)]
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
    """bash's {a,b}: not nested, and bounded."""
    texts = [text]
    for _ in range(8):
        expanded: list[str] = []
        for item in texts:
            match = _BRACES.search(item)
            choices = match[1].split(",") if match else []
            expanded += (
                [item[: match.start()] + choice + item[match.end() :] for choice in choices] if match else [item]
            )
        if len(expanded) == len(texts) or len(expanded) > 500:
            break
        texts = expanded
    return texts
