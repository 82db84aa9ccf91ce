"""Match steps of a build with an exercise's patterns: `pip install`, `COPY . .`, `npm ci | yarn install`.

- A pattern that begins with an instruction in capitals (RUN, COPY, ADD, WORKDIR) matches instructions. Words with `--`
  right after it are flags that the instruction must have. The other words must occur among its arguments in this order,
  with others between them or not. For COPY and ADD the first of them is a source, so `COPY . .` does not match
  `COPY requirements.txt .`. Arguments are compared as paths (`./src/` is `src`), all as written or all with variables
  replaced.
- Any other pattern is a command. It matches a RUN that runs the program with these words among its arguments, in this
  order, with options or anything else between them. Commands are found through `&&`, `sh -c`, heredocs, wrappers,
  variables and shell scripts of the context. Words in an `echo`, a comment or an unused stage run nothing, nor does a
  command with `--dry-run`. `python -m pip`, `python -Impip`, `uv pip` and `/usr/bin/pip3.13` are `pip` too; `pip-sync`
  is `pip install`.
- `RUN` before a command means the same as the command alone.
- `a | b` matches steps that match one of them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from grader.facts.dockerfile.resolved import Step
from grader.facts.packages.installs import module_of
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands

INSTRUCTIONS = frozenset(("ADD", "COPY", "RUN", "WORKDIR"))
_NOTHING_TO_RUN = frozenset(("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"))
_NOTHING_TO_RUN |= frozenset(("ONBUILD", "SHELL", "STOPSIGNAL", "USER", "VOLUME"))
_VERSIONED = re.compile(r"(?<=[a-z])-?\d[\d.]*$")
_PYTHON = re.compile(r"(python|pypy)[\d.]*")


_IDLE = frozenset(("--dry-run", "--help", "--version"))
"""With one of these, a command does nothing of what its other words say."""


def check(pattern: str) -> str:
    """Return the pattern with single spaces. Raises ValueError if no step could match it."""
    for words in _alternatives(pattern):
        if not words:
            raise ValueError("expected words of a step, such as 'pip install' or 'COPY src'")
        if words[0] in _NOTHING_TO_RUN:
            raise ValueError(f"{words[0]} runs nothing: expected a command, RUN, COPY, ADD or WORKDIR")
    return " | ".join(" ".join(words) for words in _alternatives(pattern))


def means(pattern: str, step: Step, scripts: Sequence[Step] = ()) -> bool:
    """Whether the step matches the pattern. `scripts` are those that it starts: their commands count as its own."""
    return any(
        _means(words, step) or (step.name == "RUN" and any(_means(words, script) for script in scripts))
        for words in _alternatives(pattern)
    )


def _alternatives(pattern: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for word in pattern.split():
        if word == "|":
            found.append([])
        else:
            found[-1].append(word)
    return found


def _means(words: Sequence[str], step: Step) -> bool:
    if words[0] not in INSTRUCTIONS:
        return _runs(step, words)
    if words[0] != step.name:
        return False
    rest = list(words[1:])
    while rest and rest[0].startswith("--"):
        flag = rest.pop(0)
        if flag not in step.flags and flag not in step.instruction.flags:
            return False
    if step.name == "RUN":
        return not rest or _runs(step, rest)
    return _names(step, rest, step.instruction.args) or _names(step, rest, step.args)


def _names(step: Step, words: Sequence[str], arguments: Sequence[str]) -> bool:
    paths = [_path(argument) for argument in arguments]
    wanted = [_path(word) for word in words]
    if step.name == "WORKDIR" or not wanted:
        return _in_order(wanted, paths)
    first = next((at for at, path in enumerate(paths[:-1]) if path == wanted[0]), None)
    return first is not None and _in_order(wanted[1:], paths[first + 1 :])


def _path(text: str) -> str:
    return posixpath.normpath(text) if "://" not in text else text


def _runs(step: Step, words: Sequence[str]) -> bool:
    return any(
        name == words[0] and _in_order(words[1:], arguments) and (_IDLE.isdisjoint(arguments) or _IDLE & set(words))
        for command in commands(step)
        for name, arguments in _readings(command)
    )


def _readings(command: Command) -> Iterator[tuple[str, list[str]]]:
    """Yield the program and its arguments, in each way that a person would name them."""
    name, arguments = command.name, [word.text for word in command.args]
    yield name, arguments
    if syncs(command):
        yield "pip", ["install", *arguments]
    if _VERSIONED.search(name):
        yield _VERSIONED.sub("", name), arguments
    if _PYTHON.fullmatch(name):
        module, rest = module_of(command.args)
        if module:
            yield module, [word.text for word in rest]
    if name == "uv" and "pip" in arguments:
        at = arguments.index("pip")
        yield "pip", arguments[at + 1 :]


def syncs(command: Command) -> bool:
    """Whether it installs a list of requirements, and removes what is not in it: `pip-sync`, `uv pip sync`."""
    arguments = [word.text for word in command.args]
    if command.name == "pip-sync":
        return True
    tool = (command.name == "uv" and "pip" in arguments) or "piptools" in (command.name, *arguments)
    return tool and "sync" in arguments


def _in_order(words: Sequence[str], among: Sequence[str]) -> bool:
    """Whether the words occur among others in this order."""
    rest = iter(among)
    return all(any(word == other for other in rest) for word in words)
