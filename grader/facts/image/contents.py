"""What an image ships: what a container sees, and what the submission's layers hold besides, deleted or not.

Whoever pulls an image gets all its layers, so a file that a later step of the Dockerfile deletes still ships. Files
that the base image's own layers hide from each other are not the submission's business.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple

from grader.facts.build.base import base_of
from grader.facts.build.steps import COUNTED
from grader.facts.context.go_pattern import compile_pattern
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step
from grader.facts.image.changeset import WHITEOUT
from grader.facts.image.filesystem import FileSystem
from grader.facts.image.image import Image
from grader.facts.image.tar import Member, Sink, normal

if TYPE_CHECKING:
    from grader.facts.facts import Facts

DEFAULT_PATH = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
# "x86_64-linux-gnu-gcc-14", "pip3.13": the same program under its full name.
_FULL_NAME = r"(?:[a-z0-9_]+-(?:[a-z0-9]+-)?linux-[a-z0-9]+-)?{}(?:-?\d+(?:\.\d+)*)?"


class ShippedFile(NamedTuple):
    """A path that ships. `layer` counts from 0; `visible` says whether a container sees something there."""

    path: str
    layer: int
    visible: bool
    member: Member


class ImageContents:
    """Everything that an image ships, except folders."""

    def __init__(self, image: Image, base: int) -> None:
        """`base` is the number of layers, from the bottom, that are the base image's."""
        self._image = image
        self.files: FileSystem = image.files
        self.paths: dict[str, ShippedFile] = {}
        below = FileSystem([layer.members for layer in image.layers[:base]])
        for layer in image.layers:
            for member in layer.members:
                path = member.path
                if member.kind == "folder" or path.rpartition("/")[2].startswith(WHITEOUT) or path in self.paths:
                    continue
                if layer.index >= base or path in below:
                    found = self.files.get(path)
                    visible = found is not None and found.kind != "folder"
                    self.paths[path] = ShippedFile(path, layer.index, visible, member)

    def under(self, pattern: str) -> Iterator[ShippedFile]:
        """Yield what is at a path or glob (as in an ignore file), or below it. Links in a plain path are followed."""
        patterns = [compile_pattern(normal(pattern))]
        if not set("*?[\\") & set(pattern) and (resolved := self.files.resolve(pattern)):
            patterns.append(compile_pattern(resolved))
        folders: dict[str, bool] = {"": False}

        def covered(path: str) -> bool:
            if path not in folders:
                folders[path] = any(one.matches(path) for one in patterns) or covered(path.rpartition("/")[0])
            return folders[path]

        return (found for path, found in self.paths.items() if covered(path))

    def programs(self, names: Collection[str]) -> dict[str, list[ShippedFile]]:
        """Return where a program of each name (or glob) ships, also under its full name with target and version.

        On PATH and in the usual folders every file of that name counts, in another `bin` folder an executable file, and
        anywhere else a binary. A link counts as the file that it leads to.
        """
        patterns = {name: _named(name) for name in names}
        folders = self._path_folders()
        found: dict[str, list[ShippedFile]] = {name: [] for name in names}
        doubtful: list[tuple[str, ShippedFile, ShippedFile]] = []
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

    def _file(self, shipped: ShippedFile) -> ShippedFile | None:
        """Return the file itself, or the one that a link leads to; None if no such file ships."""
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
    """Collects which of these files begin like an ELF binary."""

    def __init__(self, files: Iterable[ShippedFile]) -> None:
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


def contents_of(facts: Facts) -> ImageContents:
    """Return everything the image ships, visible or not."""
    return facts.once(_contents)


def _contents(facts: Facts) -> ImageContents:
    return ImageContents(facts.image, base_of(facts).layers)


def helpers(plan: BuildPlan) -> list[ResolvedStage]:
    """Return the stages that are built so that the image can take something from them.

    A stage that only gives an image another name does not count: it has no step of its own that makes anything.
    """
    return _contributing(plan, lambda _: True)


def contributing(facts: Facts) -> list[ResolvedStage]:
    """Return those of `helpers` that something is taken from: a step that copies from the stage, or mounts it, puts
    files into its layer.

    It does not matter what happens to these files later. Wheels are copied, installed and deleted, and a RUN that
    changes the owner of files writes every one again.
    """
    layers = layer_of_steps(facts.plan.target.image_steps(), facts.image, base_of(facts).layers)

    def takes(step: Step) -> bool:
        layer = layers.get(id(step))
        if layer is None:
            return True  # if it cannot be told, it is not held against the submission
        return any(
            member.kind != "folder" and not member.path.rpartition("/")[2].startswith(WHITEOUT)
            for member in facts.image.layers[layer].members
        )

    return _contributing(facts.plan, takes)


def _contributing(plan: BuildPlan, takes: Callable[[Step], bool]) -> list[ResolvedStage]:
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
    """Return the layer (from 0) that each step made, by the step's `id`, from the end of the image's history.

    Where the history does not fit the steps, as with ONBUILD steps of a base image, this step and those before it are
    left out.
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
