"""A simple command of a shell script, and the list they are collected in."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace

from grader.facts.dockerfile.shellwords import Value, Word

MAX_DEPTH = 8  # scripts inside scripts
MAX_COMMANDS = 5000  # of one RUN
MAX_SCRIPT = 2 << 20  # characters of all scripts of one RUN together
SCRIPT_COST = 200  # what a script costs beside its characters: its own copy of the variables
MAX_WORDS = 20_000  # of all commands of one RUN

LineOf = Callable[[int], int]


@dataclass(frozen=True)
class Command:
    """One program run with its arguments."""

    argv: tuple[Word, ...]  # the program first; what sudo, env, xargs and their like add is taken off
    line: int
    workdir: str  # where it runs: absolute and normalised
    workdir_known: bool
    assignments: tuple[tuple[str, Word], ...] = ()  # NAME=value in front of it, or given to env
    redirects: tuple[tuple[str, Word], ...] = ()  # (">", file), ("2>", file), ("<", file)
    stdin: str = ""  # a here-document or here-string it reads
    through: tuple[str, ...] = ()  # the wrappers and shells that led to it, outermost first
    pipeline: int = 0  # commands joined by | share a number
    position: int = 0  # in the pipeline
    following: str = ""  # what stands behind its pipeline: && || ; & or a newline ("\n"), "" at the end
    errexit: bool = False  # `set -e` holds: a failure ends the script
    branch: tuple[
        int, ...
    ] = ()  # the branches, loops, functions, `!` and right sides of || it stands in, outermost first
    rescued: bool = False  # a || stands behind it in its list: it may have failed, or not have run
    consumer: str = ""  # it stands in a substitution in the arguments of this program: sh -c "$(curl ...)"

    @property
    def name(self) -> str:
        """The program without its path, as far as it can be told: `$VENV/bin/pip` is pip; "" when nothing can."""
        return posixpath.basename(self.argv[0].text)

    @property
    def args(self) -> tuple[Word, ...]:
        return self.argv[1:]

    def __str__(self) -> str:
        return " ".join(word.raw for word in self.argv)


@dataclass
class Surroundings:
    """What a script starts with, and a subshell gives back when it ends."""

    variables: dict[str, Value]
    workdir: str
    workdir_known: bool
    errexit: bool = False
    through: tuple[str, ...] = ()
    branch: tuple[int, ...] = ()
    consumer: str = ""
    bash: bool = False  # expands {a,b}

    def copy(self) -> Surroundings:
        return replace(self, variables=dict(self.variables))


class Commands:
    """Collects the commands of one RUN; bounded whatever the script says."""

    def __init__(self) -> None:
        self.found: list[Command] = []
        self.truncated = False  # some of it was not read: too deep, or too much
        self._pipelines = 0
        self._branches = 0
        self._budget = MAX_SCRIPT
        self._words = 0

    def next_pipeline(self) -> int:
        self._pipelines += 1
        return self._pipelines

    def next_branch(self) -> int:
        self._branches += 1
        return self._branches

    def allow(self, script: str, depth: int) -> bool:
        """Whether one more script may be read."""
        self._budget -= len(script) + SCRIPT_COST
        if depth > MAX_DEPTH or self._budget < 0 or len(self.found) >= MAX_COMMANDS:
            self.truncated = True
            return False
        return True

    def spend(self, words: list[Word]) -> list[Word]:
        """The words, counted against what one RUN may come to."""
        self._words += len(words)
        return words

    @property
    def exhausted(self) -> bool:
        """There is more than any honest script has: the rest is not read."""
        over = self._words > MAX_WORDS or len(self.found) >= MAX_COMMANDS
        self.truncated = self.truncated or over
        return over

    def add(self, command: Command) -> None:
        if len(self.found) < MAX_COMMANDS:
            self.found.append(command)
        else:
            self.truncated = True

    def before(self, pipeline: int, position: int) -> Command | None:
        """The command that writes into the one at `position` of a pipeline."""
        for command in reversed(self.found):
            if command.pipeline == pipeline:
                return command if command.position == position - 1 else None
        return None
