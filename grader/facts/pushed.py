"""What a registry serves under the tags of a repository, held against what the submission's folder builds.

The folder is built again to compare, so nothing is asked that two builds of one folder need not share: no digest, no
time. What must be the same:

- the config, but for its times and its history;
- the layers, one by one. A layer of the base image is the very same. One that a COPY or ADD made is the very same, or
  holds the same files: content, kind, mode and owner. One that a RUN made, or a COPY from a stage in which something
  ran, may differ in the files' content, and in what `VOLATILE` names.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from grader.errors import SubmissionFault
from grader.facts import served
from grader.facts.dockerfile.resolved import Build, ResolvedStage, Step
from grader.facts.filesystem import OPAQUE, WHITEOUT, FileSystem
from grader.facts.image import Healthcheck, Image, ImageConfig, Layer
from grader.facts.registry import Platform, Repository
from grader.facts.shipping import layer_of_steps
from grader.facts.tar import Member, Sink
from grader.units import format_duration

if TYPE_CHECKING:
    from grader.facts import Facts

VOLATILE = re.compile(
    r"(?:tmp|var/tmp|run|var/run|var/cache|var/log|var/lib/apt/lists)/.+"
    r"|(?:.*/)?(?:__pycache__|\.cache|\.npm)(?:/.*)?"
    r"|.*\.(?:pyc|pyo|log)"
    r"|(?:dev|proc|sys)(?:/.*)?|etc/(?:hosts|hostname|mtab|resolv\.conf)"
)
"""Paths that a step makes otherwise each time it runs: scratch space, caches, logs, compiled Python; and where a
builder puts something of its own while the step runs, which no container sees."""
MAX_DIFFERENCES = 20
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What a container gets where the config has no PATH; some builders write it down."""


class Difference(NamedTuple):
    """One thing that is not as the folder builds it. `layer` counts from 1; `path` is absolute."""

    what: str
    expected: str
    found: str
    layer: int | None = None
    instruction: str = ""
    path: str = ""


@dataclass(frozen=True)
class Tag:
    """What a tag names: a digest, nothing, or (`fault`) something that cannot be used."""

    name: str
    digest: str | None
    fault: str = ""


@dataclass(frozen=True)
class Pushed:
    """The tags as they were asked for; for each digest that they name how its image differs from the build, and why it
    cannot be used where that is so."""

    repository: str
    tags: Sequence[Tag]
    differences: Mapping[str, Sequence[Difference]]
    faults: Mapping[str, str]


def look(facts: Facts, place: Repository, tags: Sequence[str]) -> Pushed:
    """Ask the registry. RegistryUnavailable or LoginRequired where it does not tell; errors of the build."""
    named: list[Tag] = []
    differences: dict[str, Sequence[Difference]] = {}
    faults: dict[str, str] = {}
    for tag in tags:
        try:
            manifest = place.manifest(tag)
        except SubmissionFault as fault:
            named.append(Tag(tag, None, str(fault)))
            continue
        named.append(Tag(tag, manifest.digest if manifest else None))
        if manifest is None or manifest.digest in differences or manifest.digest in faults:
            continue
        plan = facts.plan if facts.has_folder else None
        folder = facts.submission.folder.parent if facts.has_folder else None
        config = facts.image.config
        try:
            own = served.of_platform(place, manifest, Platform(config.os, config.architecture))
            differences[manifest.digest] = compare(served.image_of(place, own, folder), facts.image, plan)
        except SubmissionFault as fault:
            faults[manifest.digest] = str(fault)
    return Pushed(str(place), tuple(named), differences, faults)


def compare(found: Image, built: Image, plan: Build | None) -> Sequence[Difference]:
    """How an image differs from the one that was built, MAX_DIFFERENCES at most. With no `plan` of the build every
    layer has to be the very same."""
    differences = [*_configs(found.config, built.config), *_layers(found, built, plan)]
    return tuple(differences[:MAX_DIFFERENCES])


def _configs(found: ImageConfig, built: ImageConfig) -> Iterator[Difference]:
    ours, theirs = _settings(built), _settings(found)
    for what in sorted(ours.keys() | theirs.keys()):
        if ours.get(what, "") != theirs.get(what, ""):
            yield Difference(what, ours.get(what) or "none", theirs.get(what) or "none")


def _settings(config: ImageConfig) -> dict[str, str]:
    """What the config says, in words, empty where it says nothing."""
    env = {"PATH": _PATH} | dict(config.env)
    lists = {
        "ENTRYPOINT": config.entrypoint,
        "CMD": config.cmd,
        "EXPOSE": sorted(port if "/" in port else f"{port}/tcp" for port in config.ports),
        "VOLUME": config.volumes,
        "SHELL": config.shell,
        "ONBUILD": config.onbuild,
        "HEALTHCHECK": _health(config.healthcheck),
    }
    return {
        "platform": f"{config.os}/{config.architecture}",
        "USER": config.user,
        "WORKDIR": posixpath.normpath(config.workdir or "/"),
        "STOPSIGNAL": config.stop_signal,
        **{name: str(list(words)) if words else "" for name, words in lists.items()},
        **{f"ENV {name}": repr(value) for name, value in env.items()},
        **{f"LABEL {name}": repr(value) for name, value in config.labels.items()},
    }


def _health(check: Healthcheck | None) -> Sequence[str]:
    if check is None:
        return ()
    times = {"interval": check.interval, "timeout": check.timeout, "start period": check.start_period}
    said = [f"{name} {format_duration(seconds)}" for name, seconds in times.items() if seconds]
    return (*check.test, *said, *([f"retries {check.retries}"] if check.retries else ()))


def _layers(found: Image, built: Image, plan: Build | None) -> Iterator[Difference]:
    # What holds nothing differs between builders.
    ours = [layer for layer in built.layers if not layer.is_empty]
    theirs = [layer for layer in found.layers if not layer.is_empty]
    if len(ours) != len(theirs):
        yield Difference("layers", f"{len(ours)} layers", f"{len(theirs)} layers")
        return
    kinds = _kinds(built, plan)
    other = [(mine, its) for mine, its in zip(ours, theirs, strict=True) if mine.diff_id != its.diff_id]
    told = [(mine, its) for mine, its in other if mine.index in kinds]
    exact = {mine.index for mine, _ in told if kinds[mine.index]}
    our_content = _digests(built, exact)
    their_content = _digests(found, {its.index for mine, its in told if mine.index in exact})
    for mine, its in other:
        number, instruction = its.index + 1, mine.instruction
        if mine.index not in kinds:
            what = "a layer of the base image" if plan else "a layer"
            yield Difference(what, mine.diff_id, its.diff_id, number, instruction)
            continue
        files = _files(_entries(built, mine, our_content), _entries(found, its, their_content), kinds[mine.index])
        for path, expected, seen in files:
            yield Difference("a file", expected, seen, number, instruction, f"/{path}")


def _kinds(built: Image, plan: Build | None) -> Mapping[int, bool]:
    """For each layer that a step of the Dockerfile made, whether the step makes the same files each time. What is left
    out came with the base image."""
    if plan is None:
        return {}
    steps = plan.target.image_steps()
    stages = {id(step): stage for stage in plan.target.lineage() for step in stage.steps}
    layers = layer_of_steps(steps, built, 0)
    return {layers[id(step)]: _is_exact(step, stages[id(step)], plan) for step in steps if id(step) in layers}


def _is_exact(step: Step, stage: ResolvedStage, plan: Build) -> bool:
    if step.name == "RUN":
        return False
    sources = {use.stage for use in stage.uses if use.line == step.line and use.stage is not None}
    return all(_all_exact(plan.stages[index], plan) for index in sources)


def _all_exact(stage: ResolvedStage, plan: Build) -> bool:
    """Whether nothing ran in a stage, nor in what was copied into it: stages refer to earlier ones only."""
    return all(_is_exact(step, part, plan) for part in stage.lineage() for step in part.steps)


class _Entry(NamedTuple):
    """What a layer has at a path. `content` is a digest, or empty where it is not asked for."""

    kind: str
    mode: int
    uid: int
    gid: int
    link: str
    content: str

    def __str__(self) -> str:
        text = f"{self.kind}, mode {self.mode:o}, owner {self.uid}:{self.gid}"
        text += f", to {self.link}" if self.link else ""
        return text + (f", sha256 {self.content[:12]}" if self.content else "")


@dataclass(frozen=True)
class _Entries:
    """A layer by path. Folders apart: whether one that did not change is listed differs between builders."""

    files: Mapping[str, _Entry]
    folders: Mapping[str, _Entry]
    seen: FileSystem


def _entries(image: Image, layer: Layer, content: Mapping[tuple[int, int], str]) -> _Entries:
    files: dict[str, _Entry] = {}
    folders: dict[str, _Entry] = {}
    first = _first(image, layer)
    for number, member in enumerate(layer.members):
        folder, _, name = member.path.rpartition("/")
        if name == OPAQUE:
            below = FileSystem([other.members for other in image.layers[: layer.index]])
            for hidden in below.listing(folder):
                files.setdefault(posixpath.join(folder, WHITEOUT + hidden), _DELETED)
        elif name.startswith(WHITEOUT):
            files[member.path] = _DELETED
        elif member.kind == "hardlink" and member.link in files:
            files[member.path] = files[member.link]
        else:
            entry = _Entry(*_meta(member), member.link, content.get((first, number), ""))
            (folders if member.kind == "folder" else files)[member.path] = entry
    # What is put in place of something hides it without a word.
    for path in [path for path, entry in files.items() if entry is _DELETED]:
        folder, _, name = path.rpartition("/")
        instead = posixpath.join(folder, name.removeprefix(WHITEOUT))
        if instead in files or instead in folders:
            del files[path]
    return _Entries(files, folders, image.files)


_DELETED = _Entry("deletion", 0, 0, 0, "", "")


def _meta(member: Member) -> tuple[str, int, int, int]:
    return member.kind, 0 if member.kind == "symlink" else member.mode, member.uid, member.gid


def _files(ours: _Entries, theirs: _Entries, exact: bool) -> Iterator[tuple[str, str, str]]:
    """Path, what should be there and what is, for whatever differs; MAX_DIFFERENCES at most."""
    return islice(_all_files(ours, theirs, exact), MAX_DIFFERENCES)


def _all_files(ours: _Entries, theirs: _Entries, exact: bool) -> Iterator[tuple[str, str, str]]:
    for path in sorted(ours.files.keys() | theirs.files.keys()):
        mine, its = ours.files.get(path), theirs.files.get(path)
        if mine != its and (exact or not VOLATILE.fullmatch(path)):
            yield path, str(mine or "nothing"), str(its or "nothing")
    for path in sorted(ours.folders.keys() | theirs.folders.keys()):
        mine, its = ours.folders.get(path), theirs.folders.get(path)
        if not exact and VOLATILE.fullmatch(path):
            continue
        if mine and its and mine != its:
            yield path, str(mine), str(its)
        elif not its and (seen := _kind_at(theirs.seen, path)) != "folder":
            yield path, str(mine), seen
        elif not mine and (seen := _kind_at(ours.seen, path)) != "folder":
            yield path, seen, str(its)


def _kind_at(files: FileSystem, path: str) -> str:
    found = files.get(path)
    return found.kind if found else "nothing"


def _digests(image: Image, layers: Collection[int]) -> Mapping[tuple[int, int], str]:
    """The content's digest of every file of these layers, by layer (where it occurs first) and number of the member."""
    hashing = _Hashing()
    if layers:
        image.visit(hashing, {_first(image, image.layers[index]) for index in layers})
    return hashing.found


def _first(image: Image, layer: Layer) -> int:
    return next(other.index for other in image.layers if other.diff_id == layer.diff_id)


class _Hashing:
    def __init__(self) -> None:
        self.found: dict[tuple[int, int], str] = {}

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        return _Hash(self.found, (layer, number))


class _Hash:
    def __init__(self, found: dict[tuple[int, int], str], key: tuple[int, int]) -> None:
        self._found = found
        self._key = key
        self._state = hashlib.sha256()

    def write(self, data: memoryview) -> None:
        self._state.update(data)

    def close(self) -> None:
        self._found[self._key] = self._state.hexdigest()
