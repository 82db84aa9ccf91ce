"""Find what a command of a RUN does to files, as far as that is known without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import dropwhile

from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.shell.commands import Command
from grader.facts.shell.words import Word


class FileEffect(StrEnum):
    """What a command did to a file."""

    TEXT = "text"
    """It contains `text`."""
    MORE = "more"
    """`text` was appended to it."""
    COPY = "copy"
    """It is a copy of the file `source`."""
    OVER = "over"
    """It is a copy of the file `source` if that exists; else it was not changed."""
    EXPORT = "export"
    """A package manager wrote it from its lock file, `source`."""
    CHANGED = "changed"
    """It was written or changed, and its content is not known."""
    GONE = "gone"


@dataclass(frozen=True)
class Write:
    effect: FileEffect
    text: str = ""
    source: str = ""


_INTO = {">", ">|", "1>", "&>", ">&"}
_APPEND = {">>", "1>>", "&>>"}
# Program and subcommand -> the lock file from which it writes requirements.
_EXPORTS = {
    ("poetry", "export"): "poetry.lock",
    ("uv", "export"): "uv.lock",
    ("pdm", "export"): "pdm.lock",
    ("pipenv", "requirements"): "Pipfile.lock",
}
_MOVERS = ("cp", "mv", "install", "ln")
_OUTPUTS = ("-o", "-O", "--output", "--output-file", "--output-document")
_ESCAPE = re.compile(r"\\([nt\\])")


@dataclass(frozen=True)
class Writes:
    """What a command does to the files that it names, by absolute path, and to those below a folder it copies into."""

    named: Mapping[str, Write] = field(default_factory=dict)
    folder: str | None = None
    _source: str = ""

    def below(self, path: str) -> Write:
        """What happens to a file below `folder` that is not in `named`."""
        assert self.folder is not None
        below = path.removeprefix(self.folder.rstrip("/") + "/")
        name = self._source.rpartition("/")[2]
        # A copied folder: its content (cp -r a/. b) or, if the target exists, the folder itself.
        inner = below.removeprefix(f"{name}/") if below.startswith(f"{name}/") else below
        return Write(FileEffect.OVER, source=f"{self._source.rstrip('/')}/{inner}")


_NOTHING = Writes()


def writes(command: Command) -> Writes:
    """Return what the command does to files."""
    named: dict[str, Write] = {}
    made = printed(command) if command.redirects else None
    for operator, word in command.redirects:
        if made is not None and (operator in _INTO or operator in _APPEND) and (path := _at(command, word)):
            named.setdefault(path, made if operator in _INTO else _appended(made))
    if command.name in _MOVERS and len(operands := _operands(command)) >= 2:
        return _moved(command, operands, named)
    for path, made in _changed(command):
        named.setdefault(path, made)
    if outputs := list(filter(None, _outputs(command))):
        exported = _exported(command) or Write(FileEffect.CHANGED)
        named = {**dict.fromkeys(outputs, exported), **named}
    return Writes(named) if named else _NOTHING


def _appended(made: Write) -> Write:
    return Write(FileEffect.MORE, made.text) if made.effect is FileEffect.TEXT else Write(FileEffect.CHANGED)


def _changed(command: Command) -> Iterator[tuple[str, Write]]:
    """What the command does to the files that are its operands."""
    match command.name:
        case "rm" | "unlink":
            made = Write(FileEffect.GONE)
        case "sed" | "perl" if any(re.match(r"-[a-z]*i|--in-place", word.text) for word in command.args):
            made = Write(FileEffect.CHANGED)
        case "tee":
            append = any(word.text in ("-a", "--append") for word in command.args)
            made = Write(FileEffect.MORE if append else FileEffect.TEXT, command.stdin)
            made = made if command.stdin else Write(FileEffect.CHANGED)
        case "truncate" | "ed" | "ex" | "patch":
            made = Write(FileEffect.CHANGED)
        case "dd":
            for word in command.args:
                if word.known and word.text.startswith("of="):
                    yield normalised_path(command.workdir, word.text[3:]), Write(FileEffect.CHANGED)
            return
        case _:
            return
    for path in _operands(command):
        if path:
            yield path, made


def _at(command: Command, word: Word) -> str:
    return normalised_path(command.workdir, word.text) if word.known and word.text else ""


def _operands(command: Command) -> list[str]:
    return [_at(command, word) for word in command.args if not word.text.startswith("-")]


def printed(command: Command) -> Write:
    """What a command writes to a file that its output is redirected to."""
    words = [word.text for word in command.args]
    if command.name in ("echo", "printf") and all(word.known for word in command.args):
        if command.name == "echo":
            shown = dropwhile(re.compile(r"-[neE]+").fullmatch, words)
            return Write(FileEffect.TEXT, _unescaped(" ".join(shown)) + "\n")
        if words and words[0] in ("%s\\n", "%s\n"):
            return Write(FileEffect.TEXT, "".join(f"{word}\n" for word in words[1:]))
        if words and "%" not in words[0]:
            return Write(FileEffect.TEXT, _unescaped(words[0]))
    if command.name == "cat":
        operands = _operands(command)
        if not operands and command.stdin:
            return Write(FileEffect.TEXT, command.stdin)
        if len(operands) == 1 and operands[0]:
            return Write(FileEffect.COPY, source=operands[0])
    return _exported(command) or Write(FileEffect.CHANGED)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: {"n": "\n", "t": "\t"}.get(match[1], "\\"), text)


def _exported(command: Command) -> Write | None:
    words = [word.text for word in command.args if not word.text.startswith("-")]
    lock = _EXPORTS.get((command.name, words[0])) if words else None
    return Write(FileEffect.EXPORT, source=normalised_path(command.workdir, lock)) if lock else None


def _moved(command: Command, operands: list[str], named: dict[str, Write]) -> Writes:
    """What cp, mv, install and ln do. Their target may be a file or a folder: both are possible."""
    sources, target = [source for source in operands[:-1] if source], operands[-1]
    folder = target.rstrip("/") + "/"
    whole_folders = command.name in ("cp", "mv")
    for source in sources[:1] if whole_folders else sources:
        for path in filter(None, (target, folder + source.rpartition("/")[2])):
            named.setdefault(path, Write(FileEffect.COPY, source=source))
    if command.name == "mv":
        for source in sources:
            if not source.startswith(folder):
                named.setdefault(source, Write(FileEffect.GONE))
    if whole_folders and sources:
        return Writes(named, target or "/", sources[0])
    return Writes(named) if named else _NOTHING


def _outputs(command: Command) -> list[str]:
    """The files that options such as -o name."""
    found = []
    args = command.args
    for number, word in enumerate(args):
        name, equals, value = word.text.partition("=")
        if name in _OUTPUTS:
            following = args[number + 1] if number + 1 < len(args) else None
            if equals and word.known:
                found.append(normalised_path(command.workdir, value))
            elif not equals and following is not None:
                found.append(_at(command, following))
    return found
