"""The simple commands of a shell script, and the collector that gathers them within fixed bounds."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from grader.facts.shell.words import Value, Word

MAX_DEPTH = 8  # scripts inside scripts
MAX_NESTING = 200  # compound commands inside each other
MAX_COMMANDS = 5000  # of one RUN
MAX_SCRIPT = 2 << 20  # characters of all scripts of one RUN together
SCRIPT_COST = 200  # the fixed cost of a script, on top of its characters
MAX_WORDS = 20_000  # of all commands of one RUN
MAX_TEXT = 4 << 20  # characters of those words, on top of the characters written in the RUN
# How far variables and loops may expand the RUNs of one file. All RUNs have an equal share.
ALL_WORDS = 200_000
ALL_TEXT = 32 << 20

LineOf = Callable[[int], int]


@dataclass(frozen=True)
class Command:
    """One program run with its arguments."""

    argv: tuple[Word, ...]  # the program first, without sudo, env, xargs and other wrappers
    line: int
    workdir: str  # where it runs: absolute and normalised
    workdir_known: bool
    assignments: tuple[tuple[str, Word], ...] = ()  # NAME=value before the program, or given to env
    redirects: tuple[tuple[str, Word], ...] = ()  # (">", file), ("2>", file), ("<", file)
    stdin: str = ""  # the text of the here-document or here-string that it reads
    through: tuple[str, ...] = ()  # the wrappers and shells that led to it, outermost first
    pipeline: int = 0  # commands joined by | share a number
    position: int = 0  # in the pipeline
    following: str = ""  # the operator after its pipeline: && || ; & or a newline ("\n"), "" at the end
    errexit: bool = False  # `set -e` holds: a failure ends the script
    branch: tuple[int, ...] = ()  # the branches, loops, functions, `!` and right sides of || around it, outermost first
    rescued: bool = False  # a || follows it in its list: it may have failed, or not have run
    consumer: str = ""  # the program whose arguments contain it as a substitution: sh in sh -c "$(curl ...)"

    @property
    def name(self) -> str:
        """The program without its path: `$VENV/bin/pip` is pip. Returns "" if the program is not known."""
        return posixpath.basename(self.argv[0].text)

    @property
    def args(self) -> tuple[Word, ...]:
        return self.argv[1:]

    @cached_property
    def _written(self) -> str:
        return " ".join(word.raw for word in self.argv)

    def __str__(self) -> str:
        return self._written


class Scope:
    """The variables of a script: the given ones, and those that it has set. Changes since a mark can be undone."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._values: dict[str, Value] = {}
        self._before: list[tuple[str, Value | None]] = []

    def get(self, name: str) -> Value | None:
        value = self._values.get(name)
        if value is None and (text := self._given.get(name)) is not None:
            return Value((text,))
        return value

    def set(self, name: str, value: Value) -> None:
        self._before.append((name, self._values.get(name)))
        self._values[name] = value

    def mark(self) -> int:
        return len(self._before)

    def undo(self, mark: int) -> None:
        """Undo every change since `mark`."""
        while len(self._before) > mark:
            name, value = self._before.pop()
            if value is None:
                del self._values[name]
            else:
                self._values[name] = value


@dataclass
class Surroundings:
    """The state that a script starts with. A subshell gives it back when it ends."""

    variables: Scope
    workdir: str
    workdir_known: bool
    errexit: bool = False
    through: tuple[str, ...] = ()
    branch: tuple[int, ...] = ()
    consumer: str = ""
    bash: bool = False  # expands {a,b}
    _mark: int = 0

    def enter(self) -> Surroundings:
        """Return the surroundings of a subshell or an inner script. Call its `leave` before using these again."""
        return replace(self, _mark=self.variables.mark())

    def leave(self) -> None:
        self.variables.undo(self._mark)


class Commands:
    """Collects the commands of one RUN, within bounds that no script can exceed."""

    def __init__(self, written: int = 0, runs: int = 1) -> None:
        """`written` is the number of characters in the RUN; `runs` is how many RUNs share the bounds of a file."""
        self.truncated = False  # some of the script was too deep or too long to be read
        self._found: list[Command] = []
        self._following: list[str] = []  # the operator after each command found
        self._rescues: list[int] = [0]  # for each command found: how many more lists that may fail begin with it
        self._last: dict[int, Command] = {}  # the last command of each pipeline
        self._pipelines = 0
        self._branches = 0
        self._budget = MAX_SCRIPT
        self._words = min(MAX_WORDS, written + ALL_WORDS // runs)
        self._text = 4 * written + min(MAX_TEXT, ALL_TEXT // runs)

    def __len__(self) -> int:
        return len(self._found)

    def all(self) -> tuple[Command, ...]:
        """The commands in the order of the script."""
        rescues = accumulate(self._rescues)
        return tuple(
            replace(command, following=following, rescued=rescued > 0) if following or rescued else command
            for command, following, rescued in zip(self._found, self._following, rescues, strict=False)
        )

    def next_pipeline(self) -> int:
        self._pipelines += 1
        return self._pipelines

    def next_branch(self) -> int:
        self._branches += 1
        return self._branches

    def allow(self, script: str, depth: int) -> bool:
        """Whether one more script may be read."""
        self._budget -= len(script) + SCRIPT_COST
        if depth > MAX_DEPTH or self._budget < 0 or len(self._found) >= MAX_COMMANDS:
            self.truncated = True
            return False
        return True

    def spend(self, words: list[Word]) -> list[Word]:
        """Count the words against the bounds of the RUN. Returns them, with no text once the bounds are exceeded."""
        self._words -= len(words)
        self._text -= sum(len(word.text) for word in words)
        if self._text >= 0:
            return words
        self.truncated = True
        return [replace(word, text="", known=False) for word in words]

    def spend_text(self, text: str) -> str:
        """Count the text of a document in the same way."""
        return self.spend([Word(text, "")])[0].text

    @property
    def exhausted(self) -> bool:
        """Whether the script exceeded a bound that no honest script reaches. If so, the rest is not read."""
        over = self._words < 0 or self._text < 0 or len(self._found) >= MAX_COMMANDS
        self.truncated = self.truncated or over
        return over

    def give_up(self) -> None:
        """Stop reading, because the rest nests too deep."""
        self._words = -1

    def add(self, command: Command) -> None:
        if len(self._found) < MAX_COMMANDS:
            self._found.append(command)
            self._following.append("")
            self._rescues.append(0)
            self._last[command.pipeline] = command
        else:
            self.truncated = True

    def before(self, pipeline: int, position: int) -> Command | None:
        """The command that writes into the one at `position` of a pipeline; None if it was not found."""
        command = self._last.get(pipeline)
        return command if command is not None and command.position == position - 1 else None

    def end_pipeline(self, pipeline: int, operator: str) -> None:
        """Record `operator` as what follows the pipeline, for each of its commands at the end of those found."""
        for number in range(len(self._found) - 1, -1, -1):
            if self._found[number].pipeline != pipeline:
                break
            self._following[number] = operator

    def end_group(self, operator: str) -> None:
        """Record `operator` as what follows a group or an inner script, for the last of its commands."""
        if self._following:
            self._following[-1] = operator

    def rescue(self, begin: int) -> None:
        """Record that a || follows the commands found from number `begin` on."""
        self._rescues[begin] += 1
        self._rescues[len(self._found)] -= 1
