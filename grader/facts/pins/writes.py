"""What a command of a RUN does to one file, as far as that can be told without running it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from grader.facts.dockerfile import normalised_path
from grader.facts.dockerfile.shell import Command
from grader.facts.dockerfile.shellwords import Word


class Act(StrEnum):
    """How a file came to be what it is."""

    TEXT = "text"
    """It holds `text`."""
    MORE = "more"
    """`text` was put at its end."""
    COPY = "copy"
    """It is a copy of the file `source`."""
    OVER = "over"
    """Where there is a file `source`, it is a copy of that; else it was left alone."""
    EXPORT = "export"
    """A package manager wrote it from its lock file, `source`."""
    CHANGED = "changed"
    """It was written or changed in a way that cannot be told."""
    GONE = "gone"


@dataclass(frozen=True)
class Write:
    act: Act
    text: str = ""
    source: str = ""


_INTO = {">", ">|", "1>", "&>", ">&"}
_APPEND = {">>", "1>>", "&>>"}
# Program and first word -> the lock file it writes requirements from.
_EXPORTS = {
    ("poetry", "export"): "poetry.lock",
    ("uv", "export"): "uv.lock",
    ("pdm", "export"): "pdm.lock",
    ("pipenv", "requirements"): "Pipfile.lock",
}
_OUTPUTS = ("-o", "-O", "--output", "--output-file", "--output-document")
_ESCAPE = re.compile(r"\\([nt\\])")


def write(command: Command, path: str) -> Write | None:
    """What the command does to the file at an absolute path; None where it leaves it alone."""
    for operator, word in command.redirects:
        if (operator in _INTO or operator in _APPEND) and _at(command, word) == path:
            made = printed(command)
            if operator in _APPEND and made.act is Act.TEXT:
                return Write(Act.MORE, made.text)
            return made if operator in _INTO else Write(Act.CHANGED)
    operands = _operands(command)
    match command.name:
        case "cp" | "mv" | "install" | "ln" if len(operands) >= 2:
            return _moved(command, operands, path)
        case "rm" | "unlink" if path in operands:
            return Write(Act.GONE)
        case "sed" | "perl" if path in operands and any(re.match(r"-[a-z]*i|--in-place", w.text) for w in command.args):
            return Write(Act.CHANGED)
        case "tee" if path in operands:
            append = any(word.text in ("-a", "--append") for word in command.args)
            return Write(Act.MORE if append else Act.TEXT, command.stdin) if command.stdin else Write(Act.CHANGED)
        case "dd" if any(
            word.known and normalised_path(command.workdir, word.text[3:]) == path
            for word in command.args
            if word.text.startswith("of=")
        ):
            return Write(Act.CHANGED)
        case "truncate" | "ed" | "ex" | "patch" if path in operands:
            return Write(Act.CHANGED)
    if path in _outputs(command):
        return _exported(command) or Write(Act.CHANGED)
    return None


def _at(command: Command, word: Word) -> str:
    return normalised_path(command.workdir, word.text) if word.known and word.text else ""


def _operands(command: Command) -> list[str]:
    return [_at(command, word) for word in command.args if not word.text.startswith("-")]


def printed(command: Command) -> Write:
    """What a command whose output goes into the file writes there."""
    words = [word.text for word in command.args]
    if command.name in ("echo", "printf") and all(word.known for word in command.args):
        while command.name == "echo" and words and re.fullmatch(r"-[neE]+", words[0]):
            words = words[1:]
        if command.name == "echo":
            return Write(Act.TEXT, _unescaped(" ".join(words)) + "\n")
        if words and words[0] in ("%s\\n", "%s\n"):
            return Write(Act.TEXT, "".join(f"{word}\n" for word in words[1:]))
        if words and "%" not in words[0]:
            return Write(Act.TEXT, _unescaped(words[0]))
    if command.name == "cat":
        operands = _operands(command)
        if not operands and command.stdin:
            return Write(Act.TEXT, command.stdin)
        if len(operands) == 1 and operands[0]:
            return Write(Act.COPY, source=operands[0])
    return _exported(command) or Write(Act.CHANGED)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: {"n": "\n", "t": "\t"}.get(match[1], "\\"), text)


def _exported(command: Command) -> Write | None:
    words = [word.text for word in command.args if not word.text.startswith("-")]
    lock = _EXPORTS.get((command.name, words[0])) if words else None
    return Write(Act.EXPORT, source=normalised_path(command.workdir, lock)) if lock else None


def _moved(command: Command, operands: list[str], path: str) -> Write | None:
    sources, target = operands[:-1], operands[-1]
    for source in sources:
        if not source:
            continue
        if path in (target, f"{target.rstrip('/')}/{source.rpartition('/')[2]}"):
            return Write(Act.COPY, source=source)
        if path.startswith(target.rstrip("/") + "/") and command.name in ("cp", "mv"):
            below = path.removeprefix(target.rstrip("/") + "/")
            name = source.rpartition("/")[2]
            # A folder as a whole: its content (cp -r a/. b), or where the target is there already, the folder itself.
            inner = below.removeprefix(f"{name}/") if below.startswith(f"{name}/") else below
            return Write(Act.OVER, source=f"{source.rstrip('/')}/{inner}")
    return Write(Act.GONE) if command.name == "mv" and path in sources else None


def _outputs(command: Command) -> list[str]:
    """The files named by options such as -o."""
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
