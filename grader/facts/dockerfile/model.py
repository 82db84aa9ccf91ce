"""The model of a parsed Dockerfile, before variables are replaced: instructions with their lines, and stages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import SubmissionFault


class DockerfileError(SubmissionFault):
    """The Dockerfile cannot be built (with this target and these build arguments)."""

    def __init__(self, message: str, line: int, source: str = "Dockerfile") -> None:
        super().__init__(f"{source}, line {line}: {message}" if line else f"{source}: {message}", where=(source, line))
        self.message = message
        self.line = line


class DockerfileSyntaxError(DockerfileError):
    """BuildKit refuses the file before it looks at any stage. `line` is 0 if no single line is at fault."""


@dataclass(frozen=True)
class Directive:
    """A parser directive (`# syntax=`, `# escape=`, `# check=`) that took effect."""

    name: str
    value: str
    line: int


@dataclass(frozen=True)
class Heredoc:
    """An inline document. `content` has its line ends and, after `<<-`, its leading tabs too (see `text`)."""

    name: str
    expand: bool  # False if the name is quoted: the body is literal
    chomp: bool  # `<<-`: leading tabs are removed
    descriptor: int
    content: str
    line: int  # of the first line of the body
    end_line: int  # of the terminator

    @property
    def text(self) -> str:
        """The body as its reader gets it, without leading tabs after `<<-`."""
        if not self.chomp:
            return self.content
        return "".join(part.lstrip("\t") for part in self.content.splitlines(keepends=True))


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    `args` are BuildKit's own words: one word for the shell forms of RUN, CMD and ENTRYPOINT; name, value, name,
    value ... for ENV and LABEL; the type and then the command's words for HEALTHCHECK.
    """

    name: str  # upper case
    line: int
    end_line: int  # including heredoc bodies
    original: str  # the logical line: continuations joined, without comments inside them and without heredoc bodies
    flags: tuple[str, ...]  # "--mount=type=cache,target=/x", as BuildKit unquotes them
    args: tuple[str, ...]
    json: bool = False
    heredocs: tuple[Heredoc, ...] = ()
    trigger: Instruction | None = None  # for ONBUILD: the instruction after it, with its own flags and heredocs
    pieces: tuple[tuple[int, int], ...] = ((0, 1),)  # (offset in `original`, physical line) of each joined part

    def flag_values(self, name: str) -> tuple[str, ...]:
        """All values of `--name=value`. A bare `--name` gives an empty string."""
        found = []
        for flag in self.flags:
            key, _, value = flag.removeprefix("--").partition("=")
            if key == name:
                found.append(value)
        return tuple(found)

    def flag(self, name: str) -> str | None:
        """The last value of `--name=value`; "" for a bare `--name`, None without the flag."""
        values = self.flag_values(name)
        return values[-1] if values else None

    def line_at(self, offset: int) -> int:
        """The physical line of the character at `offset` in `original`."""
        return self.pieces[max(0, bisect_right(self.pieces, (offset, 1 << 31)) - 1)][1]

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The names and values of ENV or LABEL, in order; empty for other instructions."""
        return tuple(zip(self.args[::2], self.args[1::2], strict=True)) if self.name in ("ENV", "LABEL") else ()


@dataclass(frozen=True)
class Stage:
    """A stage: a FROM and the instructions up to the next one."""

    index: int
    name: str  # the alias in lower case; "" without one
    base: str  # as written, with variables
    platform: str  # the value of --platform as written; "" without one
    origin: Instruction  # the FROM
    instructions: tuple[Instruction, ...]  # the instructions after the FROM

    @property
    def line(self) -> int:
        return self.origin.line

    @property
    def label(self) -> str:
        """The name of the stage for a person: its alias, else its number."""
        return self.name or str(self.index)


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile that BuildKit would accept."""

    source: str
    text: str
    escape: str  # "\\" or "`"
    directives: tuple[Directive, ...]
    instructions: tuple[Instruction, ...]  # all, in order
    global_args: tuple[Instruction, ...]  # the ARGs before the first FROM
    stages: tuple[Stage, ...]  # at least one
    empty_continuations: tuple[int, ...] = ()  # blank lines inside a continuation, which are deprecated
    syntax: Directive | None = None  # the `# syntax=` directive; the first word of its value is the frontend's image

    def walk(self) -> Iterator[tuple[Stage | None, Instruction]]:
        """Every instruction with its stage (None for global ARGs)."""
        for instruction in self.global_args:
            yield None, instruction
        for stage in self.stages:
            yield stage, stage.origin
            for instruction in stage.instructions:
                yield stage, instruction

    def find_stage(self, name: str) -> Stage | None:
        """The stage that a `--target` names: the last one with that alias, in any case. Numbers are not accepted."""
        return next((stage for stage in reversed(self.stages) if stage.name and stage.name == name.lower()), None)
