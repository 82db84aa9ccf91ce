"""What a file inside the image held when a step read it: traced back through COPY, ADD, mounts and simple commands.

Nothing is run. A file that comes from the base image, from the network or out of a program's own doing is `Lost`, with
the reason in a phrase; it is never taken for empty.
"""

from __future__ import annotations

import io
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.facts.context import BuildContext, Type
from grader.facts.dockerfile import Build, ResolvedStage, Step, commands, heredoc_text, normalised_path
from grader.facts.dockerfile.shell import Command
from grader.facts.gopattern import BadPattern, compile_pattern
from grader.facts.ignore import clean_path
from grader.facts.pins.writes import Act, write

MAX_FILE = 8_000_000
"""Bytes read of one file: lock files run to some megabytes."""
MAX_DEPTH = 20
"""Copies of copies followed."""
MAX_MATCHES = 1_000
"""Files that one wildcard of a COPY may stand for."""


@dataclass(frozen=True)
class Found:
    """What a file holds. `name` and `line` say where a person finds its first line: a file of the context, or a
    here-document of the Dockerfile. `exported` is true for requirements written from a lock file by its own tool."""

    content: str
    name: str
    line: int = 1
    exported: bool = False


@dataclass(frozen=True)
class Lost:
    """Why a file's content is not known. `absent`: it should come from the build context, which does not hold it."""

    path: str
    why: str
    absent: bool = False


@dataclass(frozen=True)
class Moment:
    """A point of the build: a step of a stage, and within a RUN the commands that ran before."""

    stage: ResolvedStage
    index: int
    """Of the step in its stage; the number of steps stands for the stage's end."""
    earlier: Sequence[Command] = ()


class ImageFiles:
    """Reads files as steps of one build see them."""

    def __init__(self, build: Build, context: BuildContext, dockerfile: str) -> None:
        self.build = build
        self.context = context
        self.dockerfile = dockerfile

    def read(self, moment: Moment, path: str, depth: int = 0) -> Found | Lost:
        """The file at an absolute path."""
        if depth > MAX_DEPTH:
            return Lost(path, "it is copied too often to be followed")
        steps = moment.stage.steps[: moment.index]
        current = moment.stage.steps[moment.index] if moment.index < len(moment.stage.steps) else None
        if current is not None:
            mounted = self._mounted(current, path, depth)
            if mounted is not None:
                return mounted
            found = self._changed(moment, moment.index, moment.earlier, path, depth)
            if found is not None:
                return found
        missing: Lost | None = None
        for index in range(len(steps) - 1, -1, -1):
            step = steps[index]
            if step.name in ("COPY", "ADD"):
                placed = self._placed(step, path, depth)
                if isinstance(placed, Found) or (placed is not None and not placed.absent):
                    return placed
                missing = missing or placed
            elif step.name == "RUN":
                found = self._changed(Moment(moment.stage, index), index, commands(step), path, depth)
                if found is not None:
                    return found
        if moment.stage.parent is not None:
            return self.read(Moment(moment.stage.parent, len(moment.stage.parent.steps)), path, depth + 1)
        return missing or Lost(path, "no step before this one copies it there")

    def exists(self, moment: Moment, path: str) -> bool:
        return isinstance(self.read(moment, path), Found)

    def _mounted(self, step: Step, path: str, depth: int) -> Found | Lost | None:
        for mount in step.mounts:
            target = normalised_path(step.before.workdir, mount.target)
            inside = _below(target, path)
            if inside is None or mount.type not in ("bind", "secret"):
                continue
            if mount.type == "secret":
                return Lost(path, "it is a secret, which only the build gets to see")
            source = normalised_path("/", mount.source)
            wanted = normalised_path(source, inside) if inside else source
            if mount.source_image:
                return self._from(step, mount.source_image, wanted, depth)
            return self._context(wanted, path)
        return None

    def _from(self, step: Step, name: str, path: str, depth: int) -> Found | Lost:
        stage = self._stage(step, name)
        if stage is None:
            return Lost(path, f"it comes from the image {name}")
        return self.read(Moment(stage, len(stage.steps)), path, depth + 1)

    def _stage(self, step: Step, name: str) -> ResolvedStage | None:
        earlier = self.build.stages[: step.stage.index]
        named = [stage for stage in earlier if stage.name and stage.name == name.lower()]
        if named:
            return named[-1]
        return self.build.stages[int(name)] if name.isdecimal() and int(name) < len(earlier) else None

    def _context(self, source: str, path: str) -> Found | Lost:
        """A file of the build context. `source` is absolute, the context being its root."""
        name = source.lstrip("/")
        content = self.context.read(name, MAX_FILE + 1) if name else None
        if content is None:
            held = name and self.context.find(name) is not None and self.context.outcome(clean_path(name)).held
            why = f"{self.context.ignore_file} holds {name} back" if held else "it is not in the build context"
            return Lost(path, why, absent=not held)
        if len(content) > MAX_FILE:
            return Lost(path, "it is too large to be read")
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        return Found(text, name)

    def _placed(self, step: Step, path: str, depth: int) -> Found | Lost | None:
        """What a COPY or ADD puts at the path; None where it puts nothing there."""
        if len(step.args) < 2:
            return None
        written = step.args[-1]
        target = normalised_path(step.before.workdir, written)
        into = written.endswith(("/", "/.", "/..")) or written in (".", "..") or len(step.args) > 2
        below = _below(target, path)
        if below is None:
            return None
        for document in step.instruction.heredocs:
            if path == (normalised_path(target, document.name) if into else target):
                return Found(heredoc_text(document, step.before.variables), self.dockerfile, document.line)
        lost: Lost | None = None
        for source in step.args[:-1]:
            if step.name == "ADD" and "://" in source:
                if path == target or (into and below == posixpath.basename(source)):
                    return Lost(path, "it comes from the network")
                continue
            if step.name == "ADD" and step.flag("from") is None and below and self._unpacks(source, below):
                return Lost(path, f"{source} is unpacked over it")
            for wanted in self._sources(step, source, below, into):
                got = self._source(step, wanted, path, depth)
                if isinstance(got, Found) or not got.absent:
                    return got
                lost = lost or got
        return lost

    def _unpacks(self, source: str, below: str) -> bool:
        """Whether a source of the build context is an archive that ADD unpacks, with a file `below` in it."""
        content = self.context.read(clean_path(source).lstrip("/"), MAX_FILE) if ".t" in source else None
        try:
            with tarfile.open(fileobj=io.BytesIO(content or b"")) as archive:
                return any(normalised_path("/", member.name) == f"/{below}" for member in archive)
        except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError):
            return False

    def _source(self, step: Step, wanted: str, path: str, depth: int) -> Found | Lost:
        name = step.flag("from")
        if name is None:
            return self._context(wanted, path)
        got = self._from(step, name, wanted, depth)
        # Another stage's file system is known no better than its own steps tell.
        return replace(got, absent=True) if isinstance(got, Lost) and got.why.startswith("no step") else got

    def _sources(self, step: Step, source: str, below: str, into: bool) -> list[str]:
        """Absolute paths in the source's own file system that could land at `below` the target."""
        whole = normalised_path("/", source)
        if step.flag("parents") is not None:
            pivot = source.find("/./")
            kept = clean_path(source[pivot + 3 :] if pivot >= 0 else source).lstrip("/")
            base = normalised_path("/", source[:pivot]) if pivot >= 0 else "/"
            matches = below == kept or below.startswith(kept + "/") or _matches_beginning(kept, below)
            candidates = [normalised_path(base, below)] if below and matches else []
        elif set("*?[") & set(source):
            candidates = self._wildcard(step, whole, below, into)
        else:
            candidates = []
            if not below and not into:
                candidates.append(whole)
            if below == posixpath.basename(whole):
                candidates.append(whole)
            if below and not self._is_file(step, whole):
                candidates.append(normalised_path(whole, below))
        return [path for path in candidates if not _left_out(step, path)]

    def _wildcard(self, step: Step, whole: str, below: str, into: bool) -> list[str]:
        if step.flag("from") is not None:
            name = posixpath.join(posixpath.dirname(whole), below)
            return [name] if below and "/" not in below and _matches(whole, name) else []
        matched = self.context.matching(whole.lstrip("/"), MAX_MATCHES)
        found = []
        for entry in matched:
            if (not below and not into) or below == posixpath.basename(entry):
                found.append("/" + entry)
            if below and not self._is_file(step, entry):
                found.append(normalised_path("/" + entry, below))
        return found

    def _is_file(self, step: Step, source: str) -> bool:
        """Whether a source is known to be a file, which has nothing below it."""
        entry = self.context.find(source.lstrip("/")) if step.flag("from") is None else None
        return entry is not None and entry.type is Type.FILE

    def _changed(
        self, moment: Moment, index: int, done: Sequence[Command], path: str, depth: int
    ) -> Found | Lost | None:
        """What the commands of a RUN made of the file; None where they left it alone."""
        for number in range(len(done) - 1, -1, -1):
            made = write(done[number], path)
            if made is None:
                continue
            before = Moment(moment.stage, index, done[:number])
            line = done[number].line
            match made.act:
                case Act.TEXT:
                    return Found(made.text, self.dockerfile, line)
                case Act.MORE:
                    first = self.read(before, path, depth + 1)
                    if isinstance(first, Lost):
                        return Found(made.text, self.dockerfile, line) if first.why.startswith("no step") else first
                    return Found(first.content + "\n" + made.text, first.name, first.line)
                case Act.COPY:
                    return self.read(before, made.source, depth + 1)
                case Act.OVER:
                    over = self.read(before, made.source, depth + 1)
                    if isinstance(over, Found):
                        return over
                case Act.EXPORT:
                    lock = self.read(before, made.source, depth + 1)
                    return replace(lock, exported=True) if isinstance(lock, Found) else lock
                case Act.CHANGED:
                    return Lost(path, f"line {line} writes it in a way only the build can tell")
                case Act.GONE:
                    return Lost(path, f"line {line} removes it")
        return None


def _below(folder: str, path: str) -> str | None:
    """The path relative to a folder ("" for the folder itself), None where it lies elsewhere."""
    if path == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return path.removeprefix(prefix) if path.startswith(prefix) else None


def _matches(pattern: str, path: str) -> bool:
    try:
        return compile_pattern(pattern).matches(path)
    except BadPattern:
        return False


def _matches_beginning(pattern: str, path: str) -> bool:
    """Whether a wildcard names the path or a folder above it."""
    parts = path.split("/")
    return any(_matches(pattern, "/".join(parts[:depth])) for depth in range(1, len(parts) + 1))


def _left_out(step: Step, path: str) -> bool:
    patterns = [flag.partition("=")[2] for flag in step.flags if flag.startswith("--exclude=")]
    return any(_matches_beginning(clean_path(pattern).lstrip("/"), path.lstrip("/")) for pattern in patterns)
