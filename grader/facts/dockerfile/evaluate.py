"""Evaluate a stage, instruction by instruction: replace variables in words, and follow the state of the stage."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace

from grader.facts.dockerfile.lex import Expansion, ExpansionError, expand, refuse_empty_patterns
from grader.facts.dockerfile.lines import parse_heredoc
from grader.facts.dockerfile.model import Heredoc, Instruction, Stage
from grader.facts.dockerfile.mounts import Mount, MountError, parse_mount
from grader.facts.dockerfile.resolved import State, Step
from grader.facts.dockerfile.scope import Variables
from grader.facts.dockerfile.signals import is_signal

_EXPANDED_ARGS = frozenset(("ADD", "COPY", "ENV", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"))
_EXPANDED_FLAGS = frozenset(("--chown", "--chmod", "--checksum", "--exclude"))
_NAMED_STEPS = frozenset(("ADD", "COPY", "RUN", "WORKDIR"))
_PORT = re.compile(r"(?:\[[0-9a-fA-F:]*\]:|[0-9.]*:)?(?:[0-9-]*:)?([0-9]+)(?:-([0-9]+))?(?:/([A-Za-z]+))?")
_CHECKSUM = re.compile(r"(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})")
_COMMIT_CHECKSUM = re.compile(r"[a-f0-9]{7,64}")


class StepError(Exception):
    """BuildKit refuses the step. The message has no line."""


class StageEvaluator:
    """Evaluates the instructions of one stage in order, with `step`.

    `outside`: the stage descends from an image that may set variables unknown to the file. Errors that depend on such
    a variable are ignored. `lenient` is for stages that are not built: an error is noted in the step and not raised.
    """

    def __init__(
        self,
        *,
        stage: Stage,
        start: State,
        escape: str,
        args: Mapping[str, str],
        global_args: Mapping[str, str],
        outside: bool,
        lenient: bool,
        runs: int = 1,
    ) -> None:
        self._stage = stage
        self._escape = escape
        self._args = args
        self._global_args = global_args
        self._outside = outside
        self._lenient = lenient
        self._runs = runs
        self._variables = Variables(start.variables)
        self._env = Variables(start.env)
        self._state = replace(start, variables=self._variables.view(), env=self._env.view())
        self.start = self._state
        self._unset: set[str] = set()

    def step(self, instruction: Instruction, triggered: bool) -> Step:
        """Evaluate one instruction. Raises StepError, or TooMany if there are too many variables or too long ones."""
        before = self._state
        self._unset = set()
        args, flags, error = instruction.args, instruction.flags, ""
        mounts: tuple[Mount, ...] = ()
        try:
            self._check_texts(instruction)
            args = self._expanded_args(instruction)
            flags = self._expanded_flags(instruction)
            mounts = self._mounts(instruction)
            self._check(instruction, args, flags)
            self._apply(instruction, args)
        except (ExpansionError, MountError, StepError) as fault:
            may_be_right = self._outside and self._unset and not isinstance(fault, ExpansionError)
            if not self._lenient and not may_be_right:
                raise StepError(str(fault)) from None
            error = "" if may_be_right else str(fault)
        return Step(
            instruction=instruction,
            stage=self._stage,
            args=args,
            flags=flags,
            before=before,
            after=self._state,
            mounts=mounts,
            triggered=triggered,
            unset=frozenset(self._unset),
            error=error,
            runs=self._runs,
        )

    def _check_texts(self, instruction: Instruction) -> None:
        """Refuse texts that crash the engine, even if BuildKit expands them only to name the step in its log."""
        if instruction.name in _NAMED_STEPS:
            refuse_empty_patterns(instruction.original, self._escape)
        for document in instruction.heredocs[:1]:
            refuse_empty_patterns(document.content.strip().partition("\n")[0], self._escape)

    def _expand(self, word: str) -> Expansion:
        expansion = expand(word, self._state.variables, escape=self._escape, require=not self._outside)
        self._unset |= expansion.unset
        return expansion

    def _expanded_args(self, instruction: Instruction) -> tuple[str, ...]:
        if instruction.name == "EXPOSE":
            return tuple(port for word in instruction.args for port in self._expand(word).words)
        if instruction.name not in _EXPANDED_ARGS:
            return instruction.args
        if instruction.name not in ("ADD", "COPY"):
            return tuple(self._expand(word).text for word in instruction.args)
        return tuple(word if _opens(word) else self._expand(word).text for word in instruction.args)

    def _expanded_flags(self, instruction: Instruction) -> tuple[str, ...]:
        flags = []
        for flag in instruction.flags:
            name, equals, value = flag.partition("=")
            flags.append(f"{name}={self._expand(value).text}" if equals and name in _EXPANDED_FLAGS else flag)
        return tuple(flags)

    def _mounts(self, instruction: Instruction) -> tuple[Mount, ...]:
        if instruction.name != "RUN":
            return ()
        mounts = []
        for text in instruction.flag_values("mount"):
            mount = parse_mount(text, lambda value: self._expand(value).text)
            if mount.type in ("bind", "cache", "tmpfs"):
                target = normalised_path(self._state.workdir, mount.target)
                if target == "/" and (self._state.workdir_known or mount.target.startswith("/")):
                    raise MountError(f'invalid mount target "{target}"')
            mounts.append(mount)
        return tuple(mounts)

    def _check(self, instruction: Instruction, args: tuple[str, ...], flags: tuple[str, ...]) -> None:
        match instruction.name:
            case "VOLUME" if not all(args):
                raise StepError("VOLUME specified can not be an empty string")
            case "STOPSIGNAL" if not is_signal(args[0]):
                raise StepError(f"invalid signal: {args[0]}")
            case "EXPOSE":
                for port in args:
                    _check_port(port)
            case "ADD":
                for flag in flags:
                    name, _, value = flag.partition("=")
                    if name == "--checksum" and not (_CHECKSUM.fullmatch(value) or _COMMIT_CHECKSUM.fullmatch(value)):
                        raise StepError("invalid checksum digest format: expected sha256: and 64 hexadecimal digits")

    def _apply(self, instruction: Instruction, args: tuple[str, ...]) -> None:
        state = self._state
        match instruction.name:
            case "ENV":
                for name, value in zip(args[::2], args[1::2], strict=True):
                    self._variables.set(name, value)
                    self._env.set(name, value)
                self._state = replace(state, variables=self._variables.view(), env=self._env.view())
            case "ARG":
                for word in args:
                    self._declare(word)
            case "USER":
                self._state = replace(state, user=args[0], user_line=instruction.line)
            case "WORKDIR":
                known = state.workdir_known or args[0].startswith("/")
                self._state = replace(state, workdir=normalised_path(state.workdir, args[0]), workdir_known=known)
            case "SHELL":
                self._state = replace(state, shell=args, shell_known=True)

    def _declare(self, word: str) -> None:
        """Evaluate an ARG: a build argument, else the default, else the value of the global ARG of that name."""
        name, has_default, default = word.partition("=")
        name = self._expand(name).text
        value: str | None
        if name in self._args:
            value = self._args[name]
        elif has_default:
            value = self._expand(default).text
        else:
            value = self._global_args.get(name)
        if value is not None:
            self._variables.set(name, value)
            self._state = replace(self._state, variables=self._variables.view())


def heredoc_text(document: Heredoc, variables: Mapping[str, str]) -> str:
    """What COPY and ADD write to the file.

    Quotes are ordinary characters. Variables are replaced unless the name of the heredoc is quoted.
    """
    if not document.expand:
        return document.text
    return expand(document.text, variables, process_quotes=False).text


def normalised_path(parent: str, path: str) -> str:
    """The absolute path without `.`, `..` and doubled slashes. A relative `path` starts from `parent`."""
    return "/" + posixpath.normpath(posixpath.join("/", parent, path)).lstrip("/")


def _opens(word: str) -> bool:
    try:
        return parse_heredoc(word) is not None
    except ExpansionError:
        return False


def _check_port(text: str) -> None:
    match = _PORT.fullmatch(text)
    if not match:
        raise StepError(f"Invalid containerPort: {text}")
    first, last, protocol = match[1], match[2] or match[1], match[3] or "tcp"
    if protocol.lower() not in ("tcp", "udp", "sctp"):
        raise StepError(f"Invalid proto: {protocol}")
    if len(first) > 9 or len(last) > 9 or not 0 <= int(first) <= int(last) <= 65535:
        raise StepError(f"Invalid containerPort: {text}")
