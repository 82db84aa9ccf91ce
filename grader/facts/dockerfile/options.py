"""Telling options, their values and operands apart on the command lines of package managers."""

from __future__ import annotations

from dataclasses import dataclass

from grader.facts.dockerfile.shellwords import Word
from grader.facts.dockerfile.wrappers import frozenset_of


@dataclass(frozen=True)
class OptionTable:
    """Which options take a value, and what the short ones are called in full."""

    valued: frozenset[str]
    names: dict[str, str]  # "-r" -> "--requirement"
    single_dash: bool = False  # Go's way: -x=v, no clusters of letters

    def long(self, name: str) -> str:
        return self.names.get(name, name)


@dataclass(frozen=True)
class Parsed:
    """A command line taken apart; option names are the long ones, a flag without a value has None."""

    operands: tuple[Word, ...]
    options: tuple[tuple[str, Word | None], ...]

    def values(self, *names: str) -> tuple[Word, ...]:
        return tuple(value for name, value in self.options if name in names and value is not None)


def table(valued: str, *, flags: str = "", single_dash: bool = False) -> OptionTable:
    """A table from texts such as "-r/--requirement --prefix": slashes join the names of one option, the last counts."""
    names: dict[str, str] = {}
    for entry in f"{valued} {flags}".split():
        *others, last = entry.split("/")
        names.update(dict.fromkeys(others, last))
    return OptionTable(frozenset_of(valued.replace("/", " ")), names, single_dash)


def combined(*tables: OptionTable) -> OptionTable:
    names = {short: name for one in tables for short, name in one.names.items()}
    return OptionTable(frozenset().union(*(one.valued for one in tables)), names, tables[0].single_dash)


def parse_options(args: tuple[Word, ...], options: OptionTable) -> Parsed:
    """Options may stand anywhere; after `--` everything is an operand. A word nobody knows is an operand as well."""
    operands: list[Word] = []
    found: list[tuple[str, Word | None]] = []
    at = 0
    while at < len(args):
        word = args[at]
        at += 1
        if word.text == "--":
            operands += args[at:]
            break
        if not word.text.startswith("-") or word.text == "-":
            operands.append(word)
            continue
        name, equals, value = word.text.partition("=")
        if equals and (word.text.startswith("--") or options.single_dash):
            found.append((options.long(name), Word(value, word.raw, word.known, word.file, word.offset)))
        elif word.text in options.valued:
            found.append((options.long(word.text), args[at] if at < len(args) else None))
            at += 1
        elif word.text.startswith("--") or options.single_dash:
            found.append((options.long(word.text), None))
        else:
            at += _cluster(word, args[at] if at < len(args) else None, options, found)
    return Parsed(tuple(operands), tuple(found))


def _cluster(word: Word, following: Word | None, options: OptionTable, found: list[tuple[str, Word | None]]) -> int:
    """-yq, -rFILE, -yt DIR: letters up to the first that takes a value. Gives how many more words were used."""
    letters = word.text[1:]
    for number, letter in enumerate(letters):
        name = f"-{letter}"
        if name not in options.valued:
            found.append((options.long(name), None))
            continue
        rest = letters[number + 1 :].removeprefix("=")
        if rest:
            found.append((options.long(name), Word(rest, word.raw, word.known, word.file, word.offset)))
            return 0
        found.append((options.long(name), following))
        return 1
    return 0
