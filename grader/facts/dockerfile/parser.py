"""Parse a text into a Dockerfile that BuildKit would accept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from grader.facts.dockerfile.instructions import InstructionError, may_open_heredocs, read_instruction, validate
from grader.facts.dockerfile.lines import MAX_BYTES, Fault, Reader
from grader.facts.dockerfile.model import Dockerfile, DockerfileSyntaxError, Heredoc, Instruction, Stage
from grader.facts.dockerfile.words import WordError


def parse(text: str | bytes, *, source: str = "Dockerfile") -> Dockerfile:
    """Parse a Dockerfile. `source` is its name in messages. Bytes that are not UTF-8 become U+FFFD.

    Raises DockerfileSyntaxError if BuildKit refuses the file before it builds anything, or if it is over 1 MiB.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    try:
        return _parse(data, source)
    except Fault as fault:
        raise DockerfileSyntaxError(fault.message, fault.line, source) from None


def read(path: Path, source: str = "Dockerfile") -> Dockerfile:
    """Parse the file at `path`. A file that cannot be read is a fault of the submission too."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DockerfileSyntaxError(f"cannot be read: {error.strerror}", 0, source) from None
    return parse(data, source=source)


def _parse(data: bytes, source: str) -> Dockerfile:
    if not data:
        raise Fault("the Dockerfile cannot be empty", 0)
    reader = Reader(data)
    instructions = tuple(read_instructions(reader))
    if not instructions:
        raise Fault("file with no instructions", 0)
    global_args, stages = _divide(instructions)
    return Dockerfile(
        source=source,
        text=data.decode("utf-8", "replace"),
        escape=reader.escape,
        directives=tuple(reader.directives),
        instructions=instructions,
        global_args=global_args,
        stages=stages,
        empty_continuations=tuple(reader.blanks),
        syntax=reader.frontend(),
    )


def read_instructions(reader: Reader) -> list[Instruction]:
    instructions = []
    for line in reader.logical_lines():
        try:
            instruction = read_instruction(line.text, reader.escape, line)
        except WordError as error:
            raise Fault(str(error), line.line) from None
        if may_open_heredocs(instruction) and "<<" in line.text:
            instruction = _with_heredocs(instruction, reader.heredocs(line))
        instructions.append(instruction)
    return instructions


def _with_heredocs(instruction: Instruction, heredocs: tuple[Heredoc, ...]) -> Instruction:
    if not heredocs:
        return instruction
    end = heredocs[-1].end_line
    trigger = instruction.trigger and replace(instruction.trigger, heredocs=heredocs, end_line=end)
    return replace(instruction, heredocs=heredocs, end_line=end, trigger=trigger)


def _divide(instructions: tuple[Instruction, ...]) -> tuple[tuple[Instruction, ...], tuple[Stage, ...]]:
    global_args: list[Instruction] = []
    stages: list[tuple[Instruction, list[Instruction]]] = []
    for instruction in instructions:
        try:
            validate(instruction)
        except InstructionError as error:
            raise Fault(str(error), instruction.line) from None
        if instruction.name == "FROM":
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif instruction.name == "ARG":
            global_args.append(instruction)
        else:
            raise Fault(f"no build stage in current context: {instruction.name} comes before FROM", instruction.line)
    if not stages:
        raise Fault("dockerfile contains no stages to build: there is no FROM", 0)
    return tuple(global_args), tuple(_stage(index, *stage) for index, stage in enumerate(stages))


def _stage(index: int, origin: Instruction, instructions: list[Instruction]) -> Stage:
    return Stage(
        index=index,
        name=origin.args[2].lower() if len(origin.args) == 3 else "",
        base=origin.args[0],
        platform=origin.flag("platform") or "",
        origin=origin,
        instructions=tuple(instructions),
    )
