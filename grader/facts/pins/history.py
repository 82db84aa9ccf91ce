"""List what the steps of a stage do to files, in the order they run, and name the points in that order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from grader.facts.dockerfile.resolved import ResolvedStage, Step
from grader.facts.pins.context_files import ContextFiles
from grader.facts.pins.copies import Copying
from grader.facts.pins.places import Places
from grader.facts.pins.writes import Write, Writes, writes
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands


@dataclass(frozen=True)
class Change:
    """What a command does to a file, or to the files below a folder."""

    command: Command
    index: int
    """The index of its RUN in the stage."""
    number: int
    """The number of the command in its RUN or script."""
    made: Write | Writes

    def of(self, path: str) -> Write:
        return self.made if isinstance(self.made, Write) else self.made.below(path)


class Course:
    """The commands of a RUN or of a script, in order."""

    def __init__(self, step: Step) -> None:
        self.commands = commands(step)

    @cached_property
    def changes(self) -> Places[Change]:
        """What the commands of a script do to files."""
        found: Places[Change] = Places()
        for path, below, change in self.walk(0):
            (found.add_folder if below else found.add_file)(path, change.number, change)
        return found

    def walk(self, index: int) -> Iterator[tuple[str, bool, Change]]:
        """What the commands of the RUN at `index` do: the path, whether it is a folder, and the change."""
        for number, command in enumerate(self.commands):
            made = writes(command)
            for path, write in made.named.items():
                yield path, False, Change(command, index, number, write)
            if made.folder is not None:
                yield made.folder, True, Change(command, index, number, made)

    def last(self, pipeline: int, before: int) -> Command | None:
        """The last command of a pipeline before number `before`; None without one."""
        numbers = self._pipelines.get(pipeline, [])
        at = bisect_left(numbers, before)
        return self.commands[numbers[at - 1]] if at else None

    @cached_property
    def _pipelines(self) -> Mapping[int, list[int]]:
        found: dict[int, list[int]] = {}
        for number, command in enumerate(self.commands):
            found.setdefault(command.pipeline, []).append(number)
        return found


class History:
    """What the steps of a stage do to files. Commands and copies are numbered from the start of the stage."""

    def __init__(self, stage: ResolvedStage, context: ContextFiles) -> None:
        self.changes: Places[Change | Copying] = Places()
        self.lacking: Places[Copying] = Places()
        """The copies with a source that is not in the build context, by their target."""
        self._firsts: list[int] = []
        number = 0
        for index, step in enumerate(stage.steps):
            self._firsts.append(number)
            if step.name == "RUN":
                course = step.once(Course)
                for path, below, change in course.walk(index):
                    (self.changes.add_folder if below else self.changes.add_file)(path, number + change.number, change)
                number += len(course.commands)
            elif step.name in ("COPY", "ADD") and len(step.args) > 1:
                self._add_copying(Copying(step, context), number)
                number += 1
        self._firsts.append(number)

    def _add_copying(self, copying: Copying, number: int) -> None:
        paths = copying.paths()
        if paths is None:
            self.changes.add_folder(copying.target, number, copying)
            return
        for path in paths:
            self.changes.add_file(path, number, copying)
        if copying.lacking:
            self.lacking.add_folder(copying.target, number, copying)

    def first(self, index: int) -> int:
        """The number of a step, or of its first command."""
        return self._firsts[index]


@dataclass(frozen=True)
class Started:
    """A script that was started, and how many of its commands have run. `outer` is the script that started it."""

    course: Course
    number: int = 0
    outer: Started | None = None


@dataclass(frozen=True)
class BuildPoint:
    """A point of the build: a step of a stage, and within a RUN the number of commands that ran before."""

    stage: ResolvedStage
    index: int
    """The index of the step in its stage. The number of steps means the end of the stage."""
    number: int = 0
    """How many of the RUN's own commands ran before this point."""
    script: Started | None = None
    """The running script, if the RUN or another script started one."""

    def after(self, number: int) -> BuildPoint:
        """The point after that many commands of the RUN, or of the running script."""
        if self.script is None:
            return replace(self, number=number)
        return replace(self, script=replace(self.script, number=number))

    def inside(self, script: Step) -> BuildPoint:
        """The beginning of a script that starts here."""
        return replace(self, script=Started(script.once(Course), outer=self.script))

    def previous(self) -> Command | None:
        """The command of the RUN that ran last; None if none has run."""
        return next((course.commands[number - 1] for course, number in self._courses() if number), None)

    def previous_in(self, pipeline: int) -> Command | None:
        """The command of the pipeline that ran last; None if none has run."""
        found = (course.last(pipeline, number) for course, number in self._courses())
        return next((command for command in found if command is not None), None)

    def _courses(self) -> Iterator[tuple[Course, int]]:
        """The running scripts, innermost first, then the RUN, each with the number of its commands that have run."""
        script = self.script
        while script is not None:
            yield script.course, script.number
            script = script.outer
        yield self.stage.steps[self.index].once(Course), self.number
