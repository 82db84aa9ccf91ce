"""Read the arguments of each instruction, and refuse what BuildKit refuses before it builds anything.

There are two layers, as in BuildKit: `read_instruction` splits a logical line (BuildKit's parser), and `validate`
checks flags and arguments (its instructions package). Flags that only newer frontends have are accepted: the build
itself decides about them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from grader.facts.dockerfile.durations import parse_duration
from grader.facts.dockerfile.lex import SPACES, ExpansionError
from grader.facts.dockerfile.lines import LogicalLine, parse_heredoc
from grader.facts.dockerfile.model import Instruction
from grader.facts.dockerfile.mounts import MountError, mount_source
from grader.facts.dockerfile.words import (
    ASCII_SPACES,
    WordError,
    blank_separated,
    json_array,
    name_value_words,
    split_command,
    split_words,
)

BOOLEAN, STRING, STRINGS = "boolean", "string", "strings"

# Flags by instruction. ARG and STOPSIGNAL (and HEALTHCHECK NONE) ignore theirs.
FLAGS: dict[str, dict[str, str]] = {
    "FROM": {"platform": STRING},
    "RUN": {"mount": STRINGS, "network": STRING, "security": STRING, "device": STRINGS},
    "COPY": {
        "from": STRING,
        "chown": STRING,
        "chmod": STRING,
        "link": BOOLEAN,
        "parents": BOOLEAN,
        "exclude": STRINGS,
    },
    "ADD": {
        "chown": STRING,
        "chmod": STRING,
        "link": BOOLEAN,
        "keep-git-dir": BOOLEAN,
        "checksum": STRING,
        "unpack": BOOLEAN,
        "exclude": STRINGS,
    },
    "HEALTHCHECK": dict.fromkeys(("interval", "timeout", "start-period", "start-interval", "retries"), STRING),
}
_HEREDOC_NAMES = ("ADD", "COPY", "RUN")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*")


class InstructionError(Exception):
    """BuildKit refuses the instruction. The message has no line."""


@dataclass(frozen=True)
class _Parsed:
    args: tuple[str, ...]
    json: bool = False
    trigger: Instruction | None = None


_Reader = Callable[[str, str, str, LogicalLine], _Parsed]


def read_instruction(text: str, escape: str, line: LogicalLine) -> Instruction:
    """Split one instruction. An unknown one has its name, but no arguments. Raises WordError if it cannot be split."""
    written, flags, rest = split_command(text)
    name = written.upper()
    reader = _READERS.get(name)
    parsed = reader(rest, name, escape, line) if reader else _Parsed(())
    return Instruction(
        name=name,
        line=line.line,
        end_line=line.end_line,
        original=line.text,
        flags=flags,
        args=parsed.args,
        json=parsed.json,
        trigger=parsed.trigger,
        pieces=line.pieces,
    )


def may_open_heredocs(instruction: Instruction) -> bool:
    acting = instruction.trigger or instruction
    return acting.name in _HEREDOC_NAMES and not acting.json


def _maybe_json(rest: str, name: str, escape: str, line: LogicalLine) -> _Parsed:
    if not rest:
        return _Parsed(())
    items = json_array(rest)
    return _Parsed((rest,)) if items is None else _Parsed(items, json=True)


def _maybe_json_list(rest: str, name: str, escape: str, line: LogicalLine) -> _Parsed:
    items = json_array(rest)
    return _Parsed(blank_separated(rest)) if items is None else _Parsed(items, json=True)


def _whole(rest: str, name: str, escape: str, line: LogicalLine) -> _Parsed:
    return _Parsed((rest,) if rest else ())


def _blank_separated(rest: str, name: str, escape: str, line: LogicalLine) -> _Parsed:
    return _Parsed(blank_separated(rest))


def _name_values(rest: str, name: str, escape: str, line: LogicalLine) -> _Parsed:
    return _Parsed(name_value_words(rest, name, escape))


def _names_or_values(rest: str, name: str, escape: str, line: LogicalLine) -> _Parsed:
    return _Parsed(tuple(split_words(rest, escape)))


def _health(rest: str, name: str, escape: str, line: LogicalLine) -> _Parsed:
    kind = re.split(f"[{ASCII_SPACES}]", rest, maxsplit=1)[0]
    if not kind:
        return _Parsed(())
    parsed = _maybe_json(rest[len(kind) :].lstrip(ASCII_SPACES), name, escape, line)
    return _Parsed((kind, *parsed.args), parsed.json)


def _onbuild(rest: str, name: str, escape: str, line: LogicalLine) -> _Parsed:
    if not rest:
        return _Parsed(())
    if split_command(rest)[0].upper() == "ONBUILD":
        raise WordError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    start = len(line.text.rstrip(SPACES)) - len(rest)
    pieces = tuple((max(0, offset - start), number) for offset, number in line.pieces)
    trigger = read_instruction(rest, escape, LogicalLine(rest, line.line, line.end_line, pieces))
    return _Parsed((trigger.name, *trigger.args), trigger=trigger)


_READERS: dict[str, _Reader] = {
    "ADD": _maybe_json_list,
    "ARG": _names_or_values,
    "CMD": _maybe_json,
    "COPY": _maybe_json_list,
    "ENTRYPOINT": _maybe_json,
    "ENV": _name_values,
    "EXPOSE": _blank_separated,
    "FROM": _blank_separated,
    "HEALTHCHECK": _health,
    "LABEL": _name_values,
    "MAINTAINER": _whole,
    "ONBUILD": _onbuild,
    "RUN": _maybe_json,
    "SHELL": _maybe_json,
    "STOPSIGNAL": _whole,
    "USER": _whole,
    "VOLUME": _maybe_json_list,
    "WORKDIR": _whole,
}


def validate(instruction: Instruction) -> None:
    """Raise InstructionError if BuildKit refuses the instruction, whatever is around it."""
    name = instruction.name
    if name not in _READERS:
        near = get_close_matches(name[:20], _READERS, n=1)
        raise InstructionError(f"unknown instruction: {name[:60]}" + (f" (did you mean {near[0]}?)" if near else ""))
    ignores_flags = name in ("ARG", "STOPSIGNAL") or (name == "HEALTHCHECK" and _health_kind(instruction) == "NONE")
    if not ignores_flags:
        _check_flags(instruction)
    checker = _CHECKERS.get(name)
    if checker:
        checker(instruction)


def _check_flags(instruction: Instruction) -> None:
    known = FLAGS.get(instruction.name, {})
    used: set[str] = set()
    for flag in instruction.flags:
        name, equals, value = flag.removeprefix("--").partition("=")
        kind = known.get(name)
        if kind is None:
            near = get_close_matches(name[:30], known, n=1)
            raise InstructionError(f"unknown flag: --{name}" + (f" (did you mean --{near[0]}?)" if near else ""))
        if name in used and kind != STRINGS:
            raise InstructionError(f"duplicate flag specified: --{name}")
        used.add(name)
        if kind != BOOLEAN and not equals:
            raise InstructionError(f"missing a value on flag: --{name}")
        if kind == BOOLEAN:
            if equals and not value:
                raise InstructionError(f"missing a value on flag: --{name}")
            if value.lower() not in ("", "true", "false"):
                raise InstructionError(f"expecting boolean value for flag --{name}, not: {value}")


def _from(instruction: Instruction) -> None:
    args = instruction.args
    if len(args) == 3 and args[1].lower() == "as":
        if not _STAGE_NAME.fullmatch(args[2].lower()):
            raise InstructionError(
                f'invalid name for build stage: "{args[2]}", name can\'t start with a number or contain symbols'
            )
    elif len(args) != 1:
        raise InstructionError("FROM requires either one or three arguments")


_CHOICES = {"network": ("default", "none", "host"), "security": ("insecure", "sandbox")}


def _run(instruction: Instruction) -> None:
    for name, choices in _CHOICES.items():
        value = instruction.flag(name)
        if value is not None and value not in choices:
            raise InstructionError(f'invalid {name} mode "{value}": it must be one of {", ".join(choices)}')
    for text in instruction.flag_values("mount"):
        try:
            mount_source(text)
        except MountError as error:
            raise InstructionError(str(error)) from None


def _copy(instruction: Instruction) -> None:
    if len(instruction.args) < 2:
        raise InstructionError(f"{instruction.name} requires at least two arguments, but only one was provided")
    try:
        document = parse_heredoc(instruction.args[-1])
    except ExpansionError:
        document = None
    if document:
        raise InstructionError(f"{instruction.name} cannot accept a heredoc as a destination")


def _names_and_values(instruction: Instruction) -> None:
    _some(instruction)
    if any(not name for name in instruction.args[::2]):
        raise InstructionError(f"{instruction.name} names can not be blank")


def _arg(instruction: Instruction) -> None:
    _some(instruction)
    if any(word.startswith("=") for word in instruction.args):
        raise InstructionError("ARG names can not be blank")


def _some(instruction: Instruction) -> None:
    if not instruction.args:
        raise InstructionError(f"{instruction.name} requires at least one argument")


def _one(instruction: Instruction) -> None:
    if len(instruction.args) != 1:
        raise InstructionError(f"{instruction.name} requires exactly one argument")


def _shell(instruction: Instruction) -> None:
    _some(instruction)
    if not instruction.json:
        raise InstructionError("SHELL requires the arguments to be in JSON form")


def _volume(instruction: Instruction) -> None:
    _some(instruction)
    if not all(volume.strip(SPACES) for volume in instruction.args):
        raise InstructionError("VOLUME specified can not be an empty string")


def _onbuild_trigger(instruction: Instruction) -> None:
    _some(instruction)
    if instruction.args[0] in ("MAINTAINER", "FROM"):
        raise InstructionError(f"{instruction.args[0]} isn't allowed as an ONBUILD trigger")


def _health_kind(instruction: Instruction) -> str:
    return instruction.args[0].upper() if instruction.args else ""


def _healthcheck(instruction: Instruction) -> None:
    _some(instruction)
    kind = _health_kind(instruction)
    if kind == "NONE":
        if len(instruction.args) > 1:
            raise InstructionError("HEALTHCHECK NONE takes no arguments")
        return
    if kind != "CMD":
        raise InstructionError(f'Unknown type "{kind}" in HEALTHCHECK (try CMD)')
    if len(instruction.args) < 2:
        raise InstructionError("Missing command after HEALTHCHECK CMD")
    for name in ("interval", "timeout", "start-period", "start-interval"):
        if value := instruction.flag(name):
            try:
                seconds = parse_duration(value)
            except ValueError as error:
                raise InstructionError(f"--{name}: {error}") from None
            if seconds != 0 and seconds < 0.001:
                raise InstructionError(f"--{name} cannot be less than 1ms")
    retries = instruction.flag("retries")
    if retries and (not re.fullmatch(r"\+?[0-9]+|-0+", retries) or int(retries[:40]) >= 1 << 31):
        raise InstructionError(f"--retries must be a number from 0 to {(1 << 31) - 1}, not {retries}")


_CHECKERS: dict[str, Callable[[Instruction], None]] = {
    "ADD": _copy,
    "ARG": _arg,
    "COPY": _copy,
    "ENV": _names_and_values,
    "EXPOSE": _some,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _names_and_values,
    "MAINTAINER": _one,
    "ONBUILD": _onbuild_trigger,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _one,
    "USER": _one,
    "VOLUME": _volume,
    "WORKDIR": _one,
}
