"""Tell options, their values and operands apart on the command lines of package managers."""

from __future__ import annotations

from dataclasses import dataclass

from grader.facts.shell.words import Word
from grader.facts.shell.wrappers import frozenset_of


@dataclass(frozen=True)
class OptionTable:
    """The options that take a value, and the long names of the short ones."""

    valued: frozenset[str]
    names: dict[str, str]  # "-r" -> "--requirement"
    single_dash: bool = False  # as Go does it: -x=v, no clusters of letters

    def long(self, name: str) -> str:
        return self.names.get(name, name)


@dataclass(frozen=True)
class Parsed:
    """A parsed command line. Options have their long names; the value of a flag is None."""

    operands: tuple[Word, ...]
    options: tuple[tuple[str, Word | None], ...]

    def values(self, *names: str) -> tuple[Word, ...]:
        return tuple(value for name, value in self.options if name in names and value is not None)


def table(valued: str, *, flags: str = "", single_dash: bool = False) -> OptionTable:
    """Make a table from a text such as "-r/--requirement --prefix".

    Slashes join the names of one option. Its last name is the main one.
    """
    names: dict[str, str] = {}
    for entry in f"{valued} {flags}".split():
        *others, last = entry.split("/")
        names.update(dict.fromkeys(others, last))
    return OptionTable(frozenset_of(valued.replace("/", " ")), names, single_dash)


def combined(*tables: OptionTable) -> OptionTable:
    names = {short: name for one in tables for short, name in one.names.items()}
    return OptionTable(frozenset().union(*(one.valued for one in tables)), names, tables[0].single_dash)


def parse_options(args: tuple[Word, ...], options: OptionTable) -> Parsed:
    """Parse options anywhere in `args`; after `--` every word is an operand. So is a word whose text is not known."""
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
    """Read -yq, -rFILE or -yt DIR: letters up to one that takes a value. Returns how many more words were used."""
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
