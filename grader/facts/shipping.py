"""What an image ships: what a container sees, and what the submission's layers carry beside it, deleted or not.

Who pulls an image gets all its layers. What a later step of the Dockerfile deletes is shipped still; only what the base
image's own layers hide from each other is its maker's business.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple

from grader.facts.dockerfile.resolved import Build, ResolvedStage, Step
from grader.facts.filesystem import WHITEOUT, FileSystem
from grader.facts.gopattern import compile_pattern
from grader.facts.image import Image
from grader.facts.steps import COUNTED
from grader.facts.tar import Member, Sink, normal

if TYPE_CHECKING:
    from grader.facts import Facts

DEFAULT_PATH = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
# "x86_64-linux-gnu-gcc-14", "pip3.13": the same program under its full name.
_FULL_NAME = r"(?:[a-z0-9_]+-(?:[a-z0-9]+-)?linux-[a-z0-9]+-)?{}(?:-?\d+(?:\.\d+)*)?"


class Shipped(NamedTuple):
    """A path that ships. `layer` counts from 0; `visible`: a container sees something there."""

    path: str
    layer: int
    visible: bool
    member: Member


class Shipment:
    """All that an image ships, but folders."""

    def __init__(self, image: Image, base: int) -> None:
        """`base`: how many of the layers, from the bottom, are the base image's."""
        self._image = image
        self.files: FileSystem = image.files
        self.paths: dict[str, Shipped] = {}
        below = FileSystem([layer.members for layer in image.layers[:base]])
        for layer in image.layers:
            for member in layer.members:
                path = member.path
                if member.kind == "folder" or path.rpartition("/")[2].startswith(WHITEOUT) or path in self.paths:
                    continue
                if layer.index >= base or path in below:
                    found = self.files.get(path)
                    visible = found is not None and found.kind != "folder"
                    self.paths[path] = Shipped(path, layer.index, visible, member)

    def under(self, pattern: str) -> Iterator[Shipped]:
        """What lies at a path or glob (as in an ignore file), or below it; links in a plain path are followed."""
        machines = [compile_pattern(normal(pattern))]
        if not set("*?[\\") & set(pattern) and (resolved := self.files.resolve(pattern)):
            machines.append(compile_pattern(resolved))
        folders: dict[str, bool] = {"": False}

        def covered(path: str) -> bool:
            if path not in folders:
                folders[path] = any(machine.matches(path) for machine in machines) or covered(path.rpartition("/")[0])
            return folders[path]

        return (found for path, found in self.paths.items() if covered(path))

    def programs(self, names: Collection[str]) -> dict[str, list[Shipped]]:
        """For each name (or glob), where a program of that name ships, also by its full name and version.

        On PATH and in the usual folders whatever bears the name counts; in a `bin` folder elsewhere what may be
        executed; anywhere else what is a binary. A link is what it leads to.
        """
        patterns = {name: _named(name) for name in names}
        folders = self._path_folders()
        found: dict[str, list[Shipped]] = {name: [] for name in names}
        doubtful: list[tuple[str, Shipped, Shipped]] = []
        for shipped in self.paths.values():
            folder, _, base = shipped.path.rpartition("/")
            for name, pattern in patterns.items():
                if not pattern.fullmatch(base):
                    continue
                file = self._file(shipped)
                if folder in folders:
                    if file:
                        found[name].append(shipped)
                elif file and file.member.mode & 0o111 and folder.rpartition("/")[2] in ("bin", "sbin"):
                    found[name].append(shipped)
                elif file:
                    doubtful.append((name, shipped, file))
        if doubtful:
            binaries = _Binaries([file for *_, file in doubtful])
            self._image.visit(binaries)
            for name, shipped, file in doubtful:
                if (file.layer, file.path) in binaries.found:
                    found[name].append(shipped)
        return found

    def _path_folders(self) -> set[str]:
        own = self._image.config.env.get("PATH", "").split(":")
        folders = {normal(folder) for folder in (*own, *DEFAULT_PATH) if folder}
        return folders | {resolved for folder in folders if (resolved := self.files.resolve(folder))}

    def _file(self, shipped: Shipped) -> Shipped | None:
        """The file that it is, or that a link leads to; None where that is none that ships."""
        for _ in range(40):
            member = shipped.member
            if member.kind == "file":
                return shipped
            if member.kind not in ("symlink", "hardlink"):
                return None
            folder = posixpath.dirname(shipped.path) if member.kind == "symlink" else ""
            path = self.files.resolve(shipped.path) if member.kind == "symlink" and shipped.visible else None
            following = self.paths.get(path or normal(posixpath.join("/", folder, member.link)))
            if following is None or following is shipped:
                return None
            shipped = following
        return None


def _named(name: str) -> re.Pattern[str]:
    if set("*?[") & set(name):
        return re.compile(translate(name))
    return re.compile(_FULL_NAME.format(re.escape(name)))


class _Binaries:
    """Which of these files begin as an ELF binary does."""

    def __init__(self, files: Iterable[Shipped]) -> None:
        self._wanted = {(shipped.layer, shipped.path) for shipped in files}
        self.found: set[tuple[int, str]] = set()

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        return _Magic(self.found, (layer, member.path)) if (layer, member.path) in self._wanted else None


class _Magic:
    def __init__(self, found: set[tuple[int, str]], key: tuple[int, str]) -> None:
        self._found = found
        self._key = key
        self._head = b""

    def write(self, data: memoryview) -> None:
        if len(self._head) < 4:
            self._head += bytes(data[:4])
            if self._head[:4] == b"\x7fELF":
                self._found.add(self._key)

    def close(self) -> None:
        pass


def shipment(facts: Facts) -> Shipment:
    return Shipment(facts.image, facts.base.layers)


def helpers(plan: Build) -> list[ResolvedStage]:
    """The stages that are built to take something from, and do not end up in the image as a whole.

    A stage that only gives an image another name is none: it has no step of its own that makes anything.
    """
    return _contributing(plan, lambda _: True)


def contributing(facts: Facts) -> list[ResolvedStage]:
    """Those of `helpers` from which something is taken: a step that copies from it, or mounts it, puts files into its
    layer.

    What becomes of them then is not asked. Wheels are copied, installed and deleted; ownership is changed by a later
    RUN, which lays every file down once more.
    """
    layers = layer_of_steps(facts.plan.target.image_steps(), facts.image, facts.base.layers)

    def takes(step: Step) -> bool:
        layer = layers.get(id(step))
        if layer is None:
            return True  # what cannot be told is not held against it
        return any(
            member.kind != "folder" and not member.path.rpartition("/")[2].startswith(WHITEOUT)
            for member in facts.image.layers[layer].members
        )

    return _contributing(facts.plan, takes)


def _contributing(plan: Build, takes: Callable[[Step], bool]) -> list[ResolvedStage]:
    lineage = {stage.index for stage in plan.target.lineage()}
    lines = {(step.stage.index, step.line) for step in plan.target.image_steps() if takes(step)}
    waiting = [
        use.stage
        for stage in plan.target.lineage()
        for use in stage.uses
        if use.stage is not None and (stage.index, use.line) in lines
    ]
    found: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index in found or index in lineage:
            continue
        found.add(index)
        stage = plan.stages[index]
        waiting += [use.stage for use in stage.uses if use.stage is not None]
        if stage.parent:
            waiting.append(stage.parent.index)
    return [plan.stages[index] for index in sorted(found) if _makes(plan.stages[index])]


def _makes(stage: ResolvedStage) -> bool:
    return any(step.name in ("RUN", "COPY", "ADD") for step in stage.steps)


def layer_of_steps(steps: Sequence[Step], image: Image, base: int) -> Mapping[int, int]:
    """Which layer (from 0) a step made, by the step's `id`; told by the image's history, from its end.

    What stands below a step that the history does not bear out is left out: a base image's own triggers say.
    """
    found: dict[int, int] = {}
    left = [step for step in steps if step.name in COUNTED]
    for layer in reversed(image.layers[base:]):
        made = layer.created_by.partition(" ")[0]
        while left and left[-1].name == "WORKDIR" and made != "WORKDIR":
            left.pop()  # a WORKDIR that is the root makes no layer
        if not left or left[-1].name != made:
            break
        found[id(left.pop())] = layer.index
    return found
