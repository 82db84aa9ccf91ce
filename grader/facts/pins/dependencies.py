"""Walk through a build step by step, and collect what each step takes from outside."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.dockerfile.external import images
from grader.facts.dockerfile.model import Instruction
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step
from grader.facts.packages.downloads import downloads
from grader.facts.packages.installs import Install, installs
from grader.facts.pins.archives import LISTS, OWN_LISTS, is_list
from grader.facts.pins.code import cargo, go, ruby
from grader.facts.pins.context_files import Found
from grader.facts.pins.downloads import added, fetched
from grader.facts.pins.files import ImageFiles
from grader.facts.pins.history import BuildPoint
from grader.facts.pins.images import image
from grader.facts.pins.install_context import InstallContext, StageState
from grader.facts.pins.model import Category, Dependency, Tier
from grader.facts.pins.node import node
from grader.facts.pins.python import forget, python
from grader.facts.pins.system import system
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands, fully_read
from grader.facts.shell.wrappers import script_of
from grader.verdict import Place

_JUDGES: dict[str, Callable[[InstallContext], Iterator[Dependency]]] = {
    "pip": python,
    "npm": node,
    "apt": system,
    "apk": system,
    "dnf": system,
    "conda": system,
    "gem": ruby,
    "go": go,
    "cargo": cargo,
}
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""The folders in which a program without a folder in its name is searched."""
MAX_SCRIPTS = 20
"""The most shell scripts read for one RUN, including those that scripts start."""
MAX_SCRIPT = 256 * 1024
"""The most characters of a script that is read."""
MAX_SCRIPTS_TEXT = 8 << 20
"""The most characters of all scripts of a build. Each script is counted as often as it is started."""
SCRIPT_COST = 200
"""The fixed cost of starting a script, on top of its characters."""
MAX_DEPENDENCIES = 200_000
"""The most dependencies listed for one build."""
_TOO_MANY = "it has too many commands to read, or they are nested too deeply"


class Collector:
    """Collects what the builds of one Dockerfile take from outside. Steps that builds share are read once."""

    def __init__(self, context: BuildContext, dockerfile: str) -> None:
        self._context = context
        self._dockerfile = dockerfile
        self._walks: list[_Walk] = []

    def dependencies(self, build: BuildPlan) -> tuple[Dependency, ...]:
        """Everything that the build takes from outside, in the order of the Dockerfile's lines.

        Raises SubmissionFault if the build context's ignore file is invalid and a copied file must be read.
        """
        found: list[Dependency] = [image(use, self._dockerfile) for use in images(build) if use.kind != "onbuild"]
        found += added(build, self._dockerfile)
        found += self._walk(build).dependencies(build)
        return tuple(sorted(found, key=lambda thing: thing.line))

    def scripts(self, build: BuildPlan) -> Mapping[int, Sequence[Step]]:
        """The shell scripts of the build context that each RUN starts, as steps, by the `id` of the RUN's step.

        They include the scripts that scripts start. Raises SubmissionFault as `dependencies` does.
        """
        walk = self._walk(build)
        walk.dependencies(build)
        return walk.scripts

    def _walk(self, build: BuildPlan) -> _Walk:
        walk = next((walk for walk in self._walks if walk.shares(build)), None)
        if walk is None:
            walk = _Walk(build, self._context, self._dockerfile)
            self._walks.append(walk)
        return walk


@dataclass
class _Run:
    """A RUN that is being read, and the scripts that it starts."""

    state: StageState
    scripts: list[Step]
    """The scripts that were read."""


class _Walk:
    """Walks through the stages of a build, and of other builds that share all steps with it."""

    def __init__(self, build: BuildPlan, context: BuildContext, dockerfile: str) -> None:
        self.scripts: dict[int, list[Step]] = {}
        self._build = build
        self._files = ImageFiles(build, context, dockerfile)
        self._dockerfile = dockerfile
        self._found: dict[int, list[Dependency]] = {}
        self._left = MAX_DEPENDENCIES
        self._states: dict[int, StageState] = {}
        self._read: dict[tuple[Found, str, bool, int], Step] = {}
        """Scripts as steps, by their content and by the state in which they start."""
        self._room = MAX_SCRIPTS_TEXT

    def shares(self, build: BuildPlan) -> bool:
        return all(one.steps is other.steps for one, other in zip(self._build.stages, build.stages, strict=True))

    def dependencies(self, build: BuildPlan) -> list[Dependency]:
        """What the commands of the stages that are built take from outside."""
        found: list[Dependency] = []
        for stage in build.reachable:
            if stage.index not in self._found:
                self._found[stage.index] = list(islice(self._stage(stage), max(self._left, 0)))
                self._left -= len(self._found[stage.index])
            found += self._found[stage.index]
        line = build.target.stage.line
        if self._left <= 0:
            found.append(
                self._unread(self._dockerfile, line, line, "the build takes more from outside than can be listed")
            )
        if self._files.exhausted:
            found.append(self._unread(self._dockerfile, line, line, "the build changes files too often to follow"))
        return found

    def _stage(self, stage: ResolvedStage) -> Iterator[Dependency]:
        parent = self._states.get(stage.parent.index) if stage.parent is not None else None
        state = self._states[stage.index] = StageState(parent)
        for index, step in enumerate(stage.steps):
            if step.name in ("COPY", "ADD"):
                self._copied(stage, index, step, state)
            elif step.name == "RUN":
                read = self.scripts.setdefault(id(step), [])
                yield from self._run(_Run(state, read), step, BuildPoint(stage, index), self._dockerfile, None)

    def _copied(self, stage: ResolvedStage, index: int, step: Step, state: StageState) -> None:
        """Read the lists of apt's archives that the step may copy."""
        target = normalised_path(step.before.workdir, step.args[-1]) if step.args else ""
        if not target.startswith("/etc/apt") and target not in ("/", "/etc"):
            return
        names = [posixpath.basename(source) for source in step.args[:-1]]
        paths = [target, *OWN_LISTS, *(LISTS + name for name in names)]
        for path in dict.fromkeys(path for path in paths if is_list(path)):
            file = self._files.read(BuildPoint(stage, index + 1), path)
            if isinstance(file, Found):
                state.archives.file(path, file.content)

    def _run(self, run: _Run, step: Step, start: BuildPoint, source: str, line: int | None) -> Iterator[Dependency]:
        """Collect what a RUN or a script takes. For a script, `line` is the line of the Dockerfile that starts it."""
        if not fully_read(step):
            yield self._unread(source, line or step.line, step.line)
        for fetch in downloads(step):
            thing = fetched(fetch, source, line or fetch.line)
            if thing is not None:
                yield thing
        left = deque(installs(step))
        for number, command in enumerate(commands(step)):
            run.state.archives.command(command)
            forget(command, run.state)
            point = start.after(number)
            while left and left[0].command is command:
                yield from self._install(run, left.popleft(), point, source, line)
            script = self._script(command, point) if len(run.scripts) < MAX_SCRIPTS else None
            if script is None:
                continue
            self._room -= len(script.content) + SCRIPT_COST
            if self._room < 0:
                yield self._unread(source, line or command.line, command.line)
                continue
            inner = self._as_step(step, command, script)
            run.scripts.append(inner)
            yield from self._run(run, inner, point.inside(inner), script.name, line or command.line)

    def _as_step(self, step: Step, command: Command, script: Found) -> Step:
        key = (script, command.workdir, command.workdir_known, id(step.before))
        if key not in self._read:
            self._read[key] = _as_step(step, command, script)
        return self._read[key]

    def _unread(self, source: str, line: int, at: int, why: str = _TOO_MANY) -> Dependency:
        place = Place(file=source, line=at)
        return Dependency(Category.PACKAGE, "shell", "RUN", Tier.NONE, line, place, why, shown=False)

    def _install(
        self, run: _Run, install: Install, point: BuildPoint, source: str, line: int | None
    ) -> Iterator[Dependency]:
        judge = _JUDGES.get(install.ecosystem)
        if judge is not None:
            yield from judge(InstallContext(install, point, self._files, run.state, source, line or install.line))

    def _script(self, command: Command, point: BuildPoint) -> Found | None:
        """The shell script that a command starts; None if there is none that can be read."""
        script = script_of(command.argv)
        program = command.argv[0]
        if script is not None and script.is_file and script.word is not None and script.word.known:
            paths = [script.word.text]
        elif script is not None and script.word is None:
            paths = [_input_of(command, point)]
        elif script is None and program.known:
            paths = [program.text] if "/" in program.text else [f"{folder}/{program.text}" for folder in _PATH]
        else:
            return None
        for path in filter(None, paths):
            file = self._files.read(point, normalised_path(command.workdir, path))
            if isinstance(file, Found):
                return file if len(file.content) <= MAX_SCRIPT and (script or _is_script(file.content)) else None
        return None


def _input_of(command: Command, point: BuildPoint) -> str:
    """The file that a shell reads its script from: `sh < FILE`, `cat FILE | sh`. Returns "" without one."""
    for operator, word in command.redirects:
        if operator == "<" and word.known:
            return word.text
    before = point.previous()
    piped = (
        before is not None and before.pipeline == command.pipeline and before.name == "cat" and len(before.args) == 1
    )
    return before.args[0].text if before is not None and piped and before.args[0].known else ""


def _is_script(content: str) -> bool:
    """Whether the content is a shell script: its `#!` line names a shell, or it has no such line and is text."""
    first = content.partition("\n")[0]
    if first.startswith("#!"):
        return any(name in first for name in ("sh", "bash"))
    return "\0" not in content and not content.startswith("\x7fELF")


def _as_step(step: Step, command: Command, script: Found) -> Step:
    """The script as a step, as if it were written in the RUN that starts it."""
    text = script.content.rstrip()
    pieces, at = [], 0
    for number, line in enumerate(text.split("\n"), script.line):
        pieces.append((at, number))
        at += len(line) + 1
    instruction = Instruction("RUN", script.line, script.line, text, (), (text,), pieces=tuple(pieces))
    before = replace(step.before, workdir=command.workdir, workdir_known=command.workdir_known)
    return replace(step, instruction=instruction, args=(text,), flags=(), before=before)
