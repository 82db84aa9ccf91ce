"""Find the commands that a RUN runs."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from grader.facts.dockerfile.lex import SPACES, ExpansionError
from grader.facts.dockerfile.lines import parse_heredoc
from grader.facts.dockerfile.model import Heredoc, Instruction
from grader.facts.dockerfile.resolved import Step
from grader.facts.shell.commands import Command, Commands, LineOf, Scope, Surroundings
from grader.facts.shell.scripts import read_argv, read_script
from grader.facts.shell.words import Word
from grader.facts.shell.wrappers import SHELLS, program, script_of, unwrap


def commands(step: Step) -> tuple[Command, ...]:
    """The simple commands that a RUN may run, in the order of its script. Empty for any other instruction.

    They include the commands inside substitutions, and those of the scripts that the RUN gives to a shell.
    """
    return step.once(_read).commands


def fully_read(step: Step) -> bool:
    """Whether `commands` has every command. False if the script nests too deep or is too long to be read."""
    return step.once(_read).complete


@dataclass(frozen=True)
class _Reading:
    """The commands of a RUN, and whether all of it was read."""

    commands: tuple[Command, ...] = ()
    complete: bool = True


def _read(step: Step) -> _Reading:
    if step.name != "RUN":
        return _Reading()
    instruction, state = step.instruction, step.before
    written = len(instruction.original) + sum(len(document.content) for document in instruction.heredocs)
    collected = Commands(written, step.runs)
    around = Surroundings(Scope(state.variables), state.workdir, state.workdir_known)
    if instruction.json:
        argv = tuple(Word(arg, arg) for arg in instruction.args)
        if argv:
            read_argv(collected, argv, lambda at: instruction.line, around)
    else:
        _read_shell_form(step, collected, around)
    return _Reading(collected.all(), not collected.truncated)


def _read_shell_form(step: Step, collected: Commands, around: Surroundings) -> None:
    instruction = step.instruction
    script, line_of = _script(instruction)
    shell = _interpreter(script) if _is_lone_heredoc(instruction) else None
    argv = tuple(Word(word, word) for word in shell or step.before.shell)
    word = Word(script, "", offset=0)
    started = unwrap((*argv, word)).argv
    found = script_of(started) if started else None
    name = program(started[0]) if started else ""
    if name in SHELLS and found and (found.word is word or shell):
        around.errexit = found.errexit
        around.bash = name in ("bash", "zsh")
        read_script(collected, script, line_of, around)
    elif argv:
        read_argv(collected, (*argv, word), line_of, around)


def _is_lone_heredoc(instruction: Instruction) -> bool:
    """Whether the RUN is only a here-document (`RUN <<EOF`). Then the body is the script."""
    if not instruction.heredocs or not instruction.args:
        return False
    try:
        return parse_heredoc(instruction.args[0]) is not None
    except ExpansionError:
        return False


def _interpreter(script: str) -> tuple[str, ...] | None:
    """The program and arguments of the `#!` line; None without one."""
    if not script.startswith("#!"):
        return None
    return tuple(script[2:].partition("\n")[0].split())


def _script(instruction: Instruction) -> tuple[str, LineOf]:
    """The text that the shell gets, and a function that gives the line of each of its characters."""
    if _is_lone_heredoc(instruction):
        body = instruction.heredocs[0]
        return body.text, _lines_of([(0, body.text, body.line)])
    text = instruction.args[0] if instruction.args else ""
    start = len(instruction.original.rstrip(SPACES)) - len(text)
    if not instruction.heredocs:
        return text, lambda at: instruction.line_at(start + at)
    pieces: list[str] = [text]
    bodies: list[tuple[int, str, int]] = []
    length = len(text)
    for document in instruction.heredocs:
        piece = _with_terminator(document)
        bodies.append((length + 1, piece, document.line))
        pieces.append(piece)
        length += 1 + len(piece)
    in_bodies = _lines_of(bodies)
    return "\n".join(pieces), lambda at: instruction.line_at(start + at) if at <= len(text) else in_bodies(at)


def _with_terminator(document: Heredoc) -> str:
    return document.content + document.name


def _lines_of(texts: list[tuple[int, str, int]]) -> LineOf:
    """A function from an offset to its line, for texts given as (offset, text, first line)."""
    starts: list[int] = []
    numbers: list[int] = []
    for offset, text, line in texts:
        at = offset
        for number, part in enumerate(text.split("\n"), line):
            starts.append(at)
            numbers.append(number)
            at += len(part) + 1
    return lambda at: numbers[max(0, bisect_right(starts, at) - 1)]
