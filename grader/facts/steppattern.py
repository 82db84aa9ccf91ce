"""Which steps of a build the words of an exercise mean: `pip install`, `COPY . .`, `npm ci | yarn install`.

- A pattern that begins with an instruction in capitals (RUN, COPY, ADD, WORKDIR) means instructions. Words with `--`
  right after it are flags the instruction must have. The rest stand among its arguments in that order, others between
  them allowed; for COPY and ADD the first of them is a source, so `COPY . .` is no `COPY requirements.txt .`.
  Arguments are compared as paths (`./src/` is `src`), as written or with variables replaced, never half and half.
- Any other pattern is a command: a RUN that runs the program with these words among its arguments in that order,
  options or whatever else between them. It is found through `&&`, `sh -c`, heredocs, wrappers, variables and shell
  scripts of the context; words in an `echo`, a comment or an unused stage run nothing, nor do those beside `--dry-run`.
  `python -m pip`, `uv pip` and `/usr/bin/pip3.13` are `pip` too.
- `RUN` before a command means the same as the command alone.
- `a | b`: steps that are one or the other.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from grader.facts.dockerfile import Command, Step, commands

INSTRUCTIONS = frozenset(("ADD", "COPY", "RUN", "WORKDIR"))
_NOTHING_TO_RUN = frozenset(("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"))
_NOTHING_TO_RUN |= frozenset(("ONBUILD", "SHELL", "STOPSIGNAL", "USER", "VOLUME"))
_VERSIONED = re.compile(r"(?<=[a-z])-?\d[\d.]*$")
_PYTHON = re.compile(r"(python|pypy)[\d.]*")


_IDLE = frozenset(("--dry-run", "--help", "--version"))
"""With these a command does nothing of what its other words say."""


def check(pattern: str) -> str:
    """The pattern with its white space evened out. ValueError where a build could run or reuse no such thing."""
    for words in _alternatives(pattern):
        if not words:
            raise ValueError("expected words of a step, such as 'pip install' or 'COPY src'")
        if words[0] in _NOTHING_TO_RUN:
            raise ValueError(f"{words[0]} runs nothing: expected a command, RUN, COPY, ADD or WORKDIR")
    return " | ".join(" ".join(words) for words in _alternatives(pattern))


def means(pattern: str, step: Step, scripts: Sequence[Step] = ()) -> bool:
    """Whether the step is one of those the pattern means; `scripts`: those it starts, whose commands are its own."""
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
    """The program and its arguments, in each way a person would name them."""
    name, arguments = command.name, [word.text for word in command.args]
    yield name, arguments
    if _VERSIONED.search(name):
        yield _VERSIONED.sub("", name), arguments
    if _PYTHON.fullmatch(name) and "-m" in arguments[:-1]:
        at = arguments.index("-m") + 1
        yield arguments[at], arguments[at + 1 :]
    if name == "uv" and "pip" in arguments:
        at = arguments.index("pip")
        yield "pip", arguments[at + 1 :]


def _in_order(words: Sequence[str], among: Sequence[str]) -> bool:
    """Whether the words stand among others in that order."""
    rest = iter(among)
    return all(any(word == other for other in rest) for word in words)
