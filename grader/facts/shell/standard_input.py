"""Tell what a command reads on standard input, as far as the script shows it."""

from __future__ import annotations

import re
from dataclasses import replace

from grader.facts.shell.commands import Command
from grader.facts.shell.words import Word
from grader.facts.shell.wrappers import Unwrapped


def piped_text(writer: Command | None) -> str:
    """Return what the command before the pipe writes; empty if that cannot be told."""
    if not writer:
        return ""
    if writer.name == "cat" and writer.stdin:
        return writer.stdin
    words = printed(writer)
    return " ".join(word.text for word in words) if words and all(word.known for word in words) else ""


def input_words(
    inner: Unwrapped, files: tuple[tuple[str, Word], ...], document: str | None, writer: Command | None
) -> list[Word]:
    """The arguments that xargs reads."""
    unknown = Word("", "...", known=False)
    file = inner.input_file
    for operator, word in files:
        if operator == "<" and word.known:
            file = word.text
    if file:
        return [replace(unknown, file=file)]
    if document is not None:
        return [Word(text, text) for text in document.split()]
    if writer and writer.name == "cat" and len(writer.argv) > 1 and all(word.known for word in writer.args):
        return [replace(unknown, file=word.text) for word in writer.args if not word.text.startswith("-")]
    if writer and writer.name == "cat" and writer.stdin:
        return [Word(text, text) for text in writer.stdin.split()]
    said = printed(writer) if writer else []
    return [replace(word, text=text) for word in said for text in word.text.split() or [""]] or [unknown]


def printed(command: Command) -> list[Word]:
    """What echo and printf print, word by word."""
    if command.name == "echo":
        return [word for word in command.args if not re.fullmatch(r"-[neE]+", word.text)]
    if command.name == "printf" and command.args:
        if "%" not in command.args[0].text:
            return [replace(command.args[0], text=command.args[0].text.replace("\\n", "\n"))]
        return list(command.args[1:])
    return []
