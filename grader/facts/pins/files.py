"""Find the content of an image's file when a step reads it, through COPY, ADD, mounts and simple commands.

Nothing is run. A file from the base image, from the network or from a program that must run is `Unknown`, with the
reason in a phrase. It is never read as empty.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar, TypeVarTuple

from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.evaluate import heredoc_text, normalised_path
from grader.facts.dockerfile.mounts import Mount
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step
from grader.facts.pins.context_files import ABSENT, MAX_KEPT, ContextFiles, Found, Unknown
from grader.facts.pins.copies import Copying, below
from grader.facts.pins.history import BuildPoint, Change, History
from grader.facts.pins.places import Places
from grader.facts.pins.writes import FileEffect

MAX_DEPTH = 20
"""The most copies of copies that are followed."""
MAX_PATH = 4096
"""The most characters of a path. Linux accepts no longer one."""
MAX_LOOKS = 200_000
"""The most copies and commands that are looked at for the files of one build."""
MAX_PARSED = 8_000_000
"""The most characters of files whose parsed form is cached."""
MAX_SEARCHED = 1_000_000_000
"""The most characters that are searched for the lines of packages."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True)
class Spot:
    """A place in a file: the number of its line, and the text from there to the end of the line."""

    line: int
    rest: str


@dataclass(frozen=True)
class _Trace:
    """What happened to a file in a stage.

    `found` is what the change with that `number` made of it (-1: before all steps), or None. `missing` is the last
    copy that should have brought the file, and its number.
    """

    found: Found | Unknown | None
    number: int
    missing: tuple[int, Unknown] | None = None


class ImageFiles:
    """Reads files as the steps of one build see them."""

    def __init__(self, build: BuildPlan, context: BuildContext, dockerfile: str) -> None:
        self.build = build
        self.dockerfile = dockerfile
        self.exhausted = False
        """Whether more was looked at than any honest build needs. From then on every answer is `Unknown`."""
        self._context = ContextFiles(context)
        self._looks = MAX_LOOKS
        self._room = MAX_KEPT
        self._parsed_room = MAX_PARSED
        self._search = MAX_SEARCHED
        self._histories: dict[int, History] = {}
        self._traces: dict[tuple[int, str, int], dict[int, _Trace]] = {}
        self._parsed: dict[Any, Any] = {}
        self._names: dict[str, list[int]] = {}
        for stage in build.stages:
            self._names.setdefault(stage.name, []).append(stage.index)

    def read(self, point: BuildPoint, path: str, depth: int = 0) -> Found | Unknown:
        """The file at an absolute path, or the reason why its content is not known."""
        if depth > MAX_DEPTH:
            return Unknown(path, "it is copied too many times to follow")
        if len(path) > MAX_PATH:
            return Unknown(path, "its path is too long")
        steps = point.stage.steps
        if point.index < len(steps):
            mounted = self._mounted(steps[point.index], path, depth)
            if mounted is not None:
                return mounted
        script = point.script
        while script is not None:
            for number, change in script.course.changes.before(path, script.number):
                found = self._changed(change, replace(point, script=replace(script, number=number)), path, depth)
                if found is not None:
                    return found
            script = script.outer
        return self._traced(point.stage, self._history(point.stage).first(point.index) + point.number, path, depth)

    def parsed(self, parse: Callable[[*Ts], T], *args: *Ts) -> T:
        """Return `parse(*args)`, called once for these arguments. One of them is a file's content."""
        key = (parse, args)
        if key not in self._parsed:
            size = sum(len(arg) for arg in args if isinstance(arg, str))
            made = parse(*args)
            if size > self._parsed_room:
                return made
            self._parsed_room -= size
            self._parsed[key] = made
        return self._parsed[key]  # type: ignore[no-any-return]

    def find(self, file: Found, text: str) -> Spot | None:
        """The first place of a text in a file; None if it is not there, or if too much has been searched already."""
        at = file.content.find(text) if self._search >= 0 else -1
        self._search -= at if at >= 0 else len(file.content)
        if at < 0:
            return None
        ends = self.parsed(_line_ends, file.content)
        number = bisect_left(ends, at)
        return Spot(file.line + number, file.content[at : ends[number]])

    def _history(self, stage: ResolvedStage) -> History:
        if stage.index not in self._histories:
            self._histories[stage.index] = History(stage, self._context)
        return self._histories[stage.index]

    def _traced(self, stage: ResolvedStage, end: int, path: str, depth: int) -> Found | Unknown:
        """The file after all changes with a number below `end`."""
        history = self._history(stage)
        trace = self._trace(stage, history, end, path, depth)
        missing = trace.missing
        lacking = next((item for item in history.lacking.before(path, end) if item[1].lacks(path)), None)
        if lacking is not None and lacking[0] > max(trace.number, missing[0] if missing else -1):
            missing = lacking[0], self._missing(lacking[1], path)
        if trace.found is not None:
            return trace.found
        return missing[1] if missing else Unknown(path, "no step before this one copies it there")

    def _trace(self, stage: ResolvedStage, history: History, end: int, path: str, depth: int) -> _Trace:
        known = self._traces.setdefault((stage.index, path, depth), {})
        passed: list[tuple[int, Unknown | None]] = []
        for number, change in history.changes.before(path, end):
            if number in known:
                trace = known[number]
                break
            found = self._at(stage, change, path, depth)
            missing = found if isinstance(change, Copying) and isinstance(found, Unknown) and found.absent else None
            passed.append((number, missing))
            if found is not missing:
                trace = _Trace(found, number)
                break
        else:
            if -1 not in known:
                passed.append((-1, None))
            trace = known.get(-1) or _Trace(self._inherited(stage, path, depth), -1)
        fits = not passed or passed[-1][0] != trace.number or self._fits(trace.found)
        for number, missing in reversed(passed):
            trace = replace(trace, missing=(number, missing)) if missing is not None else trace
            if fits:
                known[number] = trace
        return trace

    def _fits(self, found: Found | Unknown | None) -> bool:
        """Whether one more file can be cached."""
        size = len(found.content) if isinstance(found, Found) else 0
        if size > self._room:
            return False
        self._room -= size
        return True

    def _inherited(self, stage: ResolvedStage, path: str, depth: int) -> Found | Unknown | None:
        if stage.parent is None:
            return None
        return self.read(BuildPoint(stage.parent, len(stage.parent.steps)), path, depth + 1)

    def _at(self, stage: ResolvedStage, change: Change | Copying, path: str, depth: int) -> Found | Unknown | None:
        if isinstance(change, Copying):
            return self._placed(change, path, depth)
        return self._changed(change, BuildPoint(stage, change.index, change.number), path, depth)

    def _may_look(self, cost: int = 1) -> bool:
        self._looks -= cost
        self.exhausted = self.exhausted or self._looks < 0
        return not self.exhausted

    def _mounted(self, step: Step, path: str, depth: int) -> Found | Unknown | None:
        if not step.mounts:
            return None
        _, mount = next(step.once(_mounts).of(path), (0, None))
        if mount is None:
            return None
        if mount.type == "secret":
            return Unknown(path, "it is a secret, which only the build can see")
        inside = below(normalised_path(step.before.workdir, mount.target), path)
        source = normalised_path("/", mount.source)
        wanted = normalised_path(source, inside) if inside else source
        if mount.source_image:
            return self._from(step, mount.source_image, wanted, depth)
        return self._context.read(wanted, path)

    def _from(self, step: Step, name: str, path: str, depth: int) -> Found | Unknown:
        stage = self._stage(step, name)
        if stage is None:
            return Unknown(path, f"it comes from the image {name}")
        return self.read(BuildPoint(stage, len(stage.steps)), path, depth + 1)

    def _stage(self, step: Step, name: str) -> ResolvedStage | None:
        named = self._names.get(name.lower(), []) if name else []
        at = bisect_left(named, step.stage.index)
        if at:
            return self.build.stages[named[at - 1]]
        return self.build.stages[int(name)] if name.isdecimal() and int(name) < step.stage.index else None

    def _placed(self, copying: Copying, path: str, depth: int) -> Found | Unknown | None:
        """What a COPY or ADD puts at the path; None if it puts nothing there."""
        document = copying.documents.get(path)
        if document is not None:
            text = heredoc_text(document, copying.step.before.variables)
            return Found(text, self.dockerfile, document.line)
        missing: Unknown | None = None
        for source in copying.candidates(path):
            if not self._may_look(copying.cost):
                return _exhausted(path)
            if copying.fetches(source):
                return Unknown(path, "it comes from the network")
            if copying.unpacks(source, path):
                return Unknown(path, f"{source} is unpacked over it")
            for origin in copying.origins(source, path):
                got = self._source(copying.step, origin, path, depth)
                if isinstance(got, Found) or not got.absent:
                    return got
                missing = missing or got
        return missing or (self._missing(copying, path) if copying.lacks(path) else None)

    def _missing(self, copying: Copying, path: str) -> Unknown:
        """Why the file at the path is not known: the source of its copy is not in the build context."""
        found = self._context.read(copying.lacking, path)
        return found if isinstance(found, Unknown) else Unknown(path, ABSENT, absent=True)

    def _source(self, step: Step, origin: str, path: str, depth: int) -> Found | Unknown:
        name = step.flag("from")
        if name is None:
            return self._context.read(origin, path)
        got = self._from(step, name, origin, depth)
        # Only its own steps tell what is in another stage's file system.
        return replace(got, absent=True) if isinstance(got, Unknown) and got.why.startswith("no step") else got

    def _changed(self, change: Change, before: BuildPoint, path: str, depth: int) -> Found | Unknown | None:
        """What a command made of the file; None if it did not change it."""
        if not self._may_look():
            return _exhausted(path)
        line = change.command.line
        made = change.of(path)
        match made.effect:
            case FileEffect.TEXT:
                return Found(made.text, self.dockerfile, line)
            case FileEffect.MORE:
                first = self.read(before, path, depth + 1)
                if isinstance(first, Unknown):
                    return Found(made.text, self.dockerfile, line) if first.why.startswith("no step") else first
                return Found(first.content + "\n" + made.text, first.name, first.line)
            case FileEffect.COPY:
                return self.read(before, made.source, depth + 1)
            case FileEffect.OVER:
                over = self.read(before, made.source, depth + 1)
                return over if isinstance(over, Found) else None
            case FileEffect.EXPORT:
                lock = self.read(before, made.source, depth + 1)
                return replace(lock, exported=True) if isinstance(lock, Found) else lock
            case FileEffect.CHANGED:
                return Unknown(path, f"line {line} writes it, and only the build can tell what")
            case FileEffect.GONE:
                return Unknown(path, f"line {line} removes it")


def _mounts(step: Step) -> Places[Mount]:
    found: Places[Mount] = Places()
    for number, mount in enumerate(step.mounts):
        if mount.type in ("bind", "secret"):
            found.add_folder(normalised_path(step.before.workdir, mount.target), number, mount)
    return found


def _line_ends(content: str) -> list[int]:
    return [*(match.start() for match in re.finditer("\n", content)), len(content)]


def _exhausted(path: str) -> Unknown:
    return Unknown(path, "the build changes files too often to follow")
