"""Goes through a build step by step, and asks of each what it takes."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.facts.context import BuildContext
from grader.facts.dockerfile import (
    Build,
    Install,
    Instruction,
    ResolvedStage,
    Step,
    commands,
    downloads,
    fully_read,
    images,
    installs,
    normalised_path,
)
from grader.facts.dockerfile.shell import Command
from grader.facts.dockerfile.wrappers import script_of
from grader.facts.pins.archives import LISTS, OWN_LISTS, is_list
from grader.facts.pins.code import cargo, go, ruby
from grader.facts.pins.downloads import added, fetched
from grader.facts.pins.files import Found, ImageFiles, Moment
from grader.facts.pins.images import image
from grader.facts.pins.model import Category, Taken, Tier
from grader.facts.pins.node import node
from grader.facts.pins.python import forget, python
from grader.facts.pins.scene import Memory, Scene
from grader.facts.pins.system import system
from grader.verdict import Place

_JUDGES: dict[str, Callable[[Scene], Iterator[Taken]]] = {
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
"""Where a program is looked for that is named without a folder."""
MAX_SCRIPTS = 20
"""Shell scripts read for one RUN, those they start counted."""
MAX_SCRIPT = 256 * 1024
"""Characters of a script that is read."""


def taken(build: Build, context: BuildContext, dockerfile: str) -> tuple[Taken, ...]:
    """Everything the build takes from outside, in the order of the Dockerfile's lines.

    SubmissionFault where the build context's ignore file is invalid and a copied file must be read.
    """
    found: list[Taken] = [image(use, dockerfile) for use in images(build) if use.kind != "onbuild"]
    found += added(build, dockerfile)
    collector = _Collector(ImageFiles(build, context, dockerfile), dockerfile)
    for stage in build.reachable:
        found += collector.stage(stage)
    return tuple(sorted(found, key=lambda thing: thing.line))


def scripts(build: Build, context: BuildContext, dockerfile: str) -> Mapping[int, Sequence[Step]]:
    """The shell scripts of the build context that each RUN starts, as steps, by the RUN's `id`; those of scripts too.

    SubmissionFault as for `taken`.
    """
    collector = _Collector(ImageFiles(build, context, dockerfile), dockerfile)
    for stage in build.reachable:
        for _ in collector.stage(stage):
            pass
    return collector.scripts


@dataclass
class _Run:
    """A RUN being read, and the scripts it starts."""

    stage: ResolvedStage
    index: int
    memory: Memory
    scripts: list[Step]
    """Those that were read."""


class _Collector:
    def __init__(self, files: ImageFiles, dockerfile: str) -> None:
        self.files = files
        self.dockerfile = dockerfile
        self.memories: dict[int, Memory] = {}
        self.scripts: dict[int, list[Step]] = {}

    def stage(self, stage: ResolvedStage) -> Iterator[Taken]:
        parent = self.memories.get(stage.parent.index) if stage.parent is not None else None
        memory = self.memories[stage.index] = parent.copy() if parent is not None else Memory()
        for index, step in enumerate(stage.steps):
            if step.name in ("COPY", "ADD"):
                self._copied(stage, index, step, memory)
            elif step.name == "RUN":
                read = self.scripts.setdefault(id(step), [])
                yield from self._run(_Run(stage, index, memory, read), step, self.dockerfile, None, ())

    def _copied(self, stage: ResolvedStage, index: int, step: Step, memory: Memory) -> None:
        """A list of apt's archives may be among what is copied."""
        target = normalised_path(step.before.workdir, step.args[-1]) if step.args else ""
        if not target.startswith("/etc/apt") and target not in ("/", "/etc"):
            return
        names = [posixpath.basename(source) for source in step.args[:-1]]
        paths = [target, *OWN_LISTS, *(LISTS + name for name in names)]
        for path in dict.fromkeys(path for path in paths if is_list(path)):
            file = self.files.read(Moment(stage, index + 1), path)
            if isinstance(file, Found):
                memory.archives.file(path, file.content)

    def _run(self, run: _Run, step: Step, source: str, line: int | None, earlier: Sequence[Command]) -> Iterator[Taken]:
        """`line` is that of the Dockerfile's command when the step is a script that it starts, else None."""
        if not fully_read(step):
            yield self._unread(source, line or step.line, step.line)
        done = list(earlier)
        left = list(installs(step))
        for fetch in downloads(step):
            thing = fetched(fetch, source, line or fetch.line)
            if thing is not None:
                yield thing
        for command in commands(step):
            run.memory.archives.command(command)
            forget(command, run.memory)
            moment = Moment(run.stage, run.index, tuple(done))
            while left and left[0].command == command:
                yield from self._install(run, left.pop(0), moment, source, line)
            script = self._script(command, moment) if len(run.scripts) < MAX_SCRIPTS else None
            if script is not None:
                inner = _as_step(step, command, script)
                run.scripts.append(inner)
                yield from self._run(run, inner, script.name, line or command.line, done)
            done.append(command)

    def _unread(self, source: str, line: int, at: int) -> Taken:
        why = "its commands nest too deep, or are too many, to be read"
        place = Place(file=source, line=at)
        return Taken(Category.PACKAGE, "shell", "RUN", Tier.NONE, line, place, why, shown=False)

    def _install(self, run: _Run, install: Install, moment: Moment, source: str, line: int | None) -> Iterator[Taken]:
        judge = _JUDGES.get(install.ecosystem)
        if judge is not None:
            scene = Scene(install, moment, self.files, run.memory, source, line or install.line)
            yield from judge(scene)

    def _script(self, command: Command, moment: Moment) -> Found | None:
        """The shell script that a command starts, where it can be read."""
        script = script_of(command.argv)
        program = command.argv[0]
        if script is not None and script.is_file and script.word is not None and script.word.known:
            paths = [script.word.text]
        elif script is not None and script.word is None:
            paths = [_input_of(command, moment)]
        elif script is None and program.known:
            paths = [program.text] if "/" in program.text else [f"{folder}/{program.text}" for folder in _PATH]
        else:
            return None
        for path in filter(None, paths):
            file = self.files.read(moment, normalised_path(command.workdir, path))
            if isinstance(file, Found):
                return file if len(file.content) <= MAX_SCRIPT and (script or _is_script(file.content)) else None
        return None


def _input_of(command: Command, moment: Moment) -> str:
    """The file that a shell reads its script from: `sh < FILE`, `cat FILE | sh`; "" where there is none."""
    for operator, word in command.redirects:
        if operator == "<" and word.known:
            return word.text
    before = moment.earlier[-1] if moment.earlier else None
    piped = (
        before is not None and before.pipeline == command.pipeline and before.name == "cat" and len(before.args) == 1
    )
    return before.args[0].text if before is not None and piped and before.args[0].known else ""


def _is_script(content: str) -> bool:
    """Whether what is started is for a shell: its first line says so, or it has none that says what it is for."""
    first = content.partition("\n")[0]
    if first.startswith("#!"):
        return any(name in first for name in ("sh", "bash"))
    return "\0" not in content and not content.startswith("\x7fELF")


def _as_step(step: Step, command: Command, script: Found) -> Step:
    """A script as if it stood in the RUN that starts it."""
    text = script.content.rstrip()
    pieces, at = [], 0
    for number, line in enumerate(text.split("\n"), script.line):
        pieces.append((at, number))
        at += len(line) + 1
    instruction = Instruction("RUN", script.line, script.line, text, (), (text,), pieces=tuple(pieces))
    before = replace(step.before, workdir=command.workdir, workdir_known=command.workdir_known)
    return replace(step, instruction=instruction, args=(text,), flags=(), before=before)
