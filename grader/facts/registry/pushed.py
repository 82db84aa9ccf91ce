"""Compare what a registry serves under the tags of a repository with what the submission's folder builds.

The folder is built again for this, so only what two builds of one folder must share is compared, and no digests or
times. These must be the same:

- the config, except its times; of the history, what each RUN ran;
- the layers, one by one. A layer of the base image must be identical. A layer that a COPY or ADD made must be identical
  or hold the same files: content, kind, mode and owner. A layer that a RUN made, or a COPY from a stage in which
  something ran, may differ in the content of files, in the paths of `VOLATILE`, and in what differs between two builds
  on this machine (`grader.facts.registry.unstable`).
"""

from __future__ import annotations

import posixpath
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from grader.errors import SubmissionFault
from grader.facts.build import build
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step
from grader.facts.image.cached_archive import CachedArchive
from grader.facts.image.config import Healthcheck, ImageConfig, instruction
from grader.facts.image.contents import layer_of_steps
from grader.facts.image.image import Image
from grader.facts.registry import served_image
from grader.facts.registry.documents import Platform
from grader.facts.registry.layer_files import LayerFiles, digests, kind_at, layer_files
from grader.facts.registry.unstable import Unstable
from grader.lib.units import format_duration

if TYPE_CHECKING:
    from grader.facts.facts import Facts
    from grader.facts.registry.documents import Manifest
    from grader.facts.registry.repository import Repository

VOLATILE = re.compile(
    r"(?:tmp|var/tmp|run|var/run|var/cache|var/log|var/lib/apt/lists)/.+"
    r"|(?:.*/)?(?:__pycache__|\.cache|\.npm)(?:/.*)?"
    r"|.*\.(?:pyc|pyo|log)"
    r"|(?:dev|proc|sys)(?:/.*)?|etc/(?:hosts|hostname|mtab|resolv\.conf)"
)
"""Paths that differ each time a step runs: scratch space, caches, logs, compiled Python, and places where a builder
puts something of its own while the step runs, which no container sees."""
MAX_DIFFERENCES = 20
_ARGUMENTS = re.compile(r"^RUN \|\d+ .*?(?=/?(?:\S+/)?[a-z]*sh )", re.DOTALL)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of a container if the config has none. Some builders write it into the config."""


class Difference(NamedTuple):
    """One thing that differs from what the folder builds. `layer` counts from 1; `path` is absolute."""

    what: str
    expected: str
    found: str
    layer: int | None = None
    instruction: str = ""
    path: str = ""


@dataclass(frozen=True)
class Tag:
    """What a tag names: a digest, nothing, or something that cannot be used (`fault`)."""

    name: str
    digest: str | None
    fault: str = ""
    image: str = ""
    """The digest of the image's own manifest, if the tag names an index: `buildx imagetools create` makes one."""


@dataclass(frozen=True)
class Pushed:
    """The tags in the order of the question. For each digest that they name, `differences` to the build, or in `faults`
    why the image cannot be used."""

    repository: str
    tags: Sequence[Tag]
    differences: Mapping[str, Sequence[Difference]]
    faults: Mapping[str, str]


def pushed_tags(facts: Facts, repository: str, tags: Sequence[str]) -> Pushed:
    """Compare what a registry serves under these tags of the learner's repository with what the folder builds.

    Nothing is built if nothing is pushed. Raises RegistryUnavailable or LoginRequired if the registry does not tell,
    and what a build raises.
    """
    return facts.once(_pushed, repository, tuple(tags))


def _pushed(facts: Facts, repository: str, tags: Sequence[str]) -> Pushed:
    place = facts.served(repository)
    named: list[Tag] = []
    differences: dict[str, Sequence[Difference]] = {}
    faults: dict[str, str] = {}
    images: dict[str, str] = {}
    for tag in tags:
        try:
            manifest = place.manifest(tag)
        except SubmissionFault as fault:
            named.append(Tag(tag, None, str(fault)))
            continue
        if manifest is None:
            named.append(Tag(tag, None))
            continue
        digest = manifest.digest
        if digest not in images:
            images[digest] = ""
            config = facts.image.config
            try:
                own = served_image.of_platform(place, manifest, Platform(config.os, config.architecture))
                images[digest] = own.digest
                differences[digest] = _compared(facts, place, own)
            except SubmissionFault as fault:
                faults[digest] = str(fault)
        named.append(Tag(tag, digest, image=images[digest]))
    return Pushed(str(place), tuple(named), differences, faults)


def _compared(facts: Facts, place: Repository, own: Manifest) -> Sequence[Difference]:
    plan = facts.plan if facts.has_folder else None
    folder = facts.submission.folder.parent if facts.has_folder else None
    again = None if facts.from_archive else lambda: facts.once(_built_again)
    return compare(served_image.image_of(place, own, folder), facts.image, plan, again)


def _built_again(facts: Facts) -> Image:
    """Build the folder once more, with no RUN from the cache."""
    engine = facts.engine
    with facts.submission.copy() as copy:
        copy.salt = secrets.token_hex(8)
        made = build.build(engine, copy)
    facts.at_end(engine.remove_image, made.image)
    return Image(CachedArchive(lambda: engine.save_image(made.image), facts.submission.folder.parent))


def compare(
    found: Image, built: Image, plan: BuildPlan | None, again: Callable[[], Image] | None = None
) -> Sequence[Difference]:
    """Return how an image differs from the one that was built, MAX_DIFFERENCES at most.

    Without a `plan` of the build, every layer must be identical. `again` makes a second build; it is called if steps
    that ran made other files.
    """
    steps = plan.target.image_steps() if plan else ()
    count = sum(step.name == "RUN" for step in steps)
    differences = [*_configs(found.config, built.config), *_histories(found.config, built.config, count)]
    layers = _layers(found, built, plan, None if differences else again)
    return tuple(islice(chain(differences, layers), MAX_DIFFERENCES))


def _histories(found: ImageConfig, built: ImageConfig, count: int) -> Iterator[Difference]:
    """What the last `count` RUNs ran, if both histories tell. Their layers are not compared by the content of files."""
    ours, theirs = _runs(built)[-count:] if count else [], _runs(found)[-count:] if count else []
    if len(ours) == len(theirs):
        for mine, its in zip(ours, theirs, strict=True):
            if mine != its:
                yield Difference("a RUN in the history", mine, its)


def _runs(config: ImageConfig) -> list[str]:
    """What each RUN ran, without the build arguments that it saw: builders write these in different ways."""
    said = [_ARGUMENTS.sub("RUN ", instruction(entry.created_by)) for entry in config.history]
    return [text.replace("/bin/sh -c ", "", 1) for text in said if text.startswith("RUN ")]


def _configs(found: ImageConfig, built: ImageConfig) -> Iterator[Difference]:
    ours, theirs = _settings(built), _settings(found)
    for what in sorted(ours.keys() | theirs.keys()):
        if ours.get(what, "") != theirs.get(what, ""):
            yield Difference(what, ours.get(what) or "none", theirs.get(what) or "none")


def _settings(config: ImageConfig) -> dict[str, str]:
    """Return the settings of a config as text, empty for what it does not set."""
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
    given = [f"{name} {format_duration(seconds)}" for name, seconds in times.items() if seconds]
    return (*check.test, *given, *([f"retries {check.retries}"] if check.retries else ()))


def _layers(
    found: Image, built: Image, plan: BuildPlan | None, again: Callable[[], Image] | None
) -> Iterator[Difference]:
    # Builders differ in layers that hold nothing.
    ours = [layer for layer in built.layers if not layer.is_empty]
    theirs = [layer for layer in found.layers if not layer.is_empty]
    if len(ours) != len(theirs):
        yield Difference("layers", f"{len(ours)} layers", f"{len(theirs)} layers")
        return
    kinds = _kinds(built, plan)
    other = [(mine, its) for mine, its in zip(ours, theirs, strict=True) if mine.diff_id != its.diff_id]
    told = [(mine, its) for mine, its in other if mine.index in kinds]
    exact = {mine.index for mine, _ in told if kinds[mine.index]}
    our_content = digests(built, exact)
    their_content = digests(found, {its.index for mine, its in told if mine.index in exact})
    for mine, its in other:
        number, step = its.index + 1, mine.instruction
        if mine.index not in kinds:
            what = "a layer of the base image" if plan else "a layer"
            yield Difference(what, mine.diff_id, its.diff_id, number, step)
            continue
        made, served = layer_files(built, mine, our_content), layer_files(found, its, their_content)
        differ = list(islice(_files(made, served, kinds[mine.index]), MAX_DIFFERENCES))
        if differ and again and not kinds[mine.index]:
            unstable = _unstable(made, ours.index(mine), len(ours), again())
            differ = list(islice(_files(made, served, False, unstable), MAX_DIFFERENCES))
        for path, expected, seen in differ:
            yield Difference("a file", expected, seen, number, step, f"/{path}")


def _unstable(made: LayerFiles, at: int, count: int, second: Image) -> Unstable | None:
    """What differs in the layer `at` between two builds; None if the second one has another number of layers."""
    layers = [layer for layer in second.layers if not layer.is_empty]
    return Unstable(made, layer_files(second, layers[at], {})) if len(layers) == count else None


def _kinds(built: Image, plan: BuildPlan | None) -> Mapping[int, bool]:
    """Return, for each layer that a step of the Dockerfile made, whether the step makes the same files each time.
    Layers that are left out came with the base image."""
    if plan is None:
        return {}
    steps = plan.target.image_steps()
    stages = {id(step): stage for stage in plan.target.lineage() for step in stage.steps}
    layers = layer_of_steps(steps, built, 0)
    return {layers[id(step)]: _is_exact(step, stages[id(step)], plan) for step in steps if id(step) in layers}


def _is_exact(step: Step, stage: ResolvedStage, plan: BuildPlan) -> bool:
    if step.name == "RUN":
        return False
    sources = {use.stage for use in stage.uses if use.line == step.line and use.stage is not None}
    return all(_all_exact(plan.stages[index], plan) for index in sources)


def _all_exact(stage: ResolvedStage, plan: BuildPlan) -> bool:
    """Whether nothing ran in a stage, nor in those that were copied from: stages refer only to earlier ones."""
    return all(_is_exact(step, part, plan) for part in stage.lineage() for step in part.steps)


def _files(
    ours: LayerFiles, theirs: LayerFiles, exact: bool, unstable: Unstable | None = None
) -> Iterator[tuple[str, str, str]]:
    """Yield the path, what was expected and what was found, for whatever differs."""
    for path in sorted(ours.files.keys() | theirs.files.keys()):
        mine, its = ours.files.get(path), theirs.files.get(path)
        if mine == its or (not exact and VOLATILE.fullmatch(path)):
            continue
        if not (unstable and unstable.allows(path, mine, its)):
            yield path, str(mine or "nothing"), str(its or "nothing")
    for path in sorted(ours.folders.keys() | theirs.folders.keys()):
        mine, its = ours.folders.get(path), theirs.folders.get(path)
        if mine == its or (not exact and VOLATILE.fullmatch(path)):
            continue
        expected = str(mine) if mine else kind_at(ours.seen, path)
        seen = str(its) if its else kind_at(theirs.seen, path)
        if ((mine and its) or "folder" not in (expected, seen)) and not (unstable and unstable.allows(path, mine, its)):
            yield path, expected, seen
