"""Split a logical line into instruction, flags and arguments (BuildKit's split_command.go, line_parsers.go)."""

from __future__ import annotations

import json
import math
import re

from grader.facts.dockerfile.lex import SPACES, is_space

ASCII_SPACES = "\t\n\v\f\r "
_BLANKS = re.compile(r"[\t\v\f\r ]+")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: Go puts U+FFFD in its place


class WordError(Exception):
    """The arguments of an instruction cannot be read. The message has no line."""


def split_command(text: str) -> tuple[str, tuple[str, ...], str]:
    """The instruction as written, its leading `--flags`, and the rest."""
    parts = _BLANKS.split(text.strip(SPACES), maxsplit=1)
    if len(parts) == 1:
        return parts[0], (), ""
    flags, rest = _split_flags(parts[1])
    return parts[0], flags, rest.strip(SPACES)


def _split_flags(text: str) -> tuple[tuple[str, ...], str]:
    """Split off the flags. Quotes and backslashes are removed from them, whatever the escape directive says."""
    flags: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in ASCII_SPACES:
            at += 1
        if not text.startswith("--", at):
            return tuple(flags), text[at:]
        word, at, quoted = _flag_word(text, at)
        if word == "--":
            return tuple(flags), text[at:]
        if word or quoted:
            flags.append(word)


def _flag_word(text: str, at: int) -> tuple[str, int, bool]:
    word: list[str] = []
    quote = ""
    quoted = False
    while at < len(text):
        char = text[at]
        if not quote and char in ASCII_SPACES:
            break
        at += 1
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
            quoted = True
        elif char == "\\":
            word.append(text[at : at + 1])
            at += 1
        else:
            word.append(char)
    return "".join(word), min(at, len(text)), quoted


def split_words(text: str, escape: str) -> list[str]:
    """Split at white space outside quotes. Quotes and escapes stay: the expansion removes them."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    blank_ok = False
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if not quote:
            if is_space(char):
                if word or blank_ok:
                    words.append("".join(word))
                word, blank_ok = [], False
                continue
            if char in "'\"":
                quote = char
                blank_ok = True
        elif char == quote:
            quote = ""
        if char == escape and quote != "'":
            if at == len(text):
                quote = ""
                continue  # an escape at the very end is dropped
            word.append(char)
            char = text[at]
            at += 1
        word.append(char)
    if word or blank_ok:
        words.append("".join(word))
    return words


def name_value_words(text: str, keyword: str, escape: str) -> tuple[str, ...]:
    """The words of ENV and LABEL: name, value, name, value ... from `NAME=value ...` or the old `NAME value`."""
    words = split_words(text, escape)
    if not words:
        return ()
    if "=" not in words[0]:
        parts = _BLANKS.split(text, maxsplit=1)
        if len(parts) < 2:
            raise WordError(f"{keyword} must have two arguments")
        return parts[0], parts[1]
    flat: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise WordError(f"Syntax error - can't find = in {word!r}. Must be of the form: name=value")
        flat += [name, value]
    return tuple(flat)


def blank_separated(text: str) -> tuple[str, ...]:
    return tuple(_BLANKS.split(text)) if text else ()


def json_array(text: str) -> tuple[str, ...] | None:
    """The strings of the JSON array that `text` begins with; None without an array (then it is the shell form).

    Text after the array is ignored, as in BuildKit up to 0.13 at least. Raises WordError if the array has anything
    but strings.
    """
    text = text.lstrip(SPACES)
    if not text.startswith("["):
        return None
    try:
        value, _ = _JSON.raw_decode(text)
    except ValueError:
        return None
    except RecursionError:
        raise WordError("when using JSON array syntax, arrays must be comprised of strings only") from None
    if not all(isinstance(item, str) for item in value):
        raise WordError("when using JSON array syntax, arrays must be comprised of strings only")
    return tuple(_valid_text(item) for item in value)


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


_JSON = json.JSONDecoder(parse_constant=_no_constant, parse_int=_number, parse_float=_number)


def _valid_text(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)
