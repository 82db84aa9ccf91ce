"""Find what a build takes from outside: images, and the files of ADD."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from grader.facts.dockerfile.model import Instruction
from grader.facts.dockerfile.mounts import MountError, mount_source
from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP_LIKE = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:\S+")


@dataclass(frozen=True)
class ImageUse:
    """An image that a build pulls, or would pull."""

    kind: str  # "base" (FROM), "copy" (COPY --from), "mount" (RUN --mount=from), "onbuild", "frontend" (# syntax=)
    line: int
    raw: str  # as written, with variables
    resolved: str  # with variables replaced
    reference: ImageReference | None  # None if Docker refuses the name
    stage: str = ""  # the label of the stage that uses it; "" for the frontend


@dataclass(frozen=True)
class RemoteFile:
    """A source of an ADD that is not in the build context."""

    kind: str  # "http" or "git"
    line: int
    raw: str
    url: str  # with variables replaced
    checksum: str  # the value of --checksum; "" without one
    ref: str  # git: the requested branch, tag or commit; "" for the default branch
    commit: bool  # git: the ref is a full commit id
    stage: str
    known: bool = True  # False: the file does not set a variable in it, so that the URL may differ


def images(build: BuildPlan) -> tuple[ImageUse, ...]:
    """The images that the build takes from outside, by line: those of the stages that are built, and the frontend."""
    found = [*_frontend(build)]
    for stage in build.reachable:
        if stage.reference:
            origin = stage.stage
            found.append(ImageUse("base", origin.line, origin.base, stage.base, stage.reference, stage.label))
        for use in stage.uses:
            if use.stage is None and use.name != "scratch":
                found.append(ImageUse(use.kind, use.line, use.name, use.name, parse_reference(use.name), stage.label))
        found += _left_for_children(build, stage)
    return tuple(sorted(found, key=lambda use: use.line))


def _frontend(build: BuildPlan) -> Iterator[ImageUse]:
    directive = build.dockerfile.syntax
    if directive:
        image = directive.value.split(" ")[0]
        yield ImageUse("frontend", directive.line, directive.value, image, parse_reference(image))


def _left_for_children(build: BuildPlan, stage: ResolvedStage) -> Iterator[ImageUse]:
    """The images that a build on top of this one would pull because of ONBUILD."""
    triggers = [instruction for instruction in stage.stage.instructions if instruction.trigger]
    names = {other.name for other in build.stages if other.name} if triggers else set()
    for instruction in triggers:
        for name in _images_of(instruction.trigger):
            if name and name.lower() not in names and name != "scratch" and not name.isdecimal():
                yield ImageUse("onbuild", instruction.line, name, name, parse_reference(name), stage.label)


def _images_of(trigger: Instruction | None) -> Iterator[str]:
    if trigger and trigger.name == "COPY" and (name := trigger.flag("from")):
        yield name
    if trigger and trigger.name == "RUN":
        for text in trigger.flag_values("mount"):
            with suppress(MountError):
                yield mount_source(text)


def remote_files(build: BuildPlan) -> tuple[RemoteFile, ...]:
    """The URLs and git repositories that the ADDs of the built stages fetch, by line."""
    return tuple(file for step in build.steps() if step.name == "ADD" for file in _remote_sources(step))


def _remote_sources(step: Step) -> Iterator[RemoteFile]:
    checksum = step.flag("checksum") or ""
    for raw, source in zip(step.instruction.args[:-1], step.args[:-1], strict=True):
        git_ref = _git_ref(source)
        if git_ref is None and not source.startswith(("http://", "https://")):
            continue
        yield RemoteFile(
            kind="http" if git_ref is None else "git",
            line=step.line,
            raw=raw,
            url=source,
            checksum=checksum,
            ref=git_ref or "",
            commit=bool(_COMMIT.fullmatch(git_ref or "")),
            stage=step.stage.label,
            known=not step.unset,
        )


def _git_ref(source: str) -> str | None:
    """The ref of a git source ("" for the default branch); None if the source is not a git repository."""
    if source.startswith(("./", "../")):
        return None
    if _SCP_LIKE.fullmatch(source) and "://" not in source:
        return source.partition("#")[2].partition(":")[0]
    try:
        url = urlsplit(f"https://{source}" if source.startswith("github.com/") else source)
    except ValueError:
        return None
    over_http = url.scheme in ("http", "https")
    if not (url.scheme in ("git", "ssh") or (over_http and url.path.endswith(".git"))):
        return None
    query = parse_qs(url.query)
    asked = [query[key][0] for key in ("checksum", "commit", "ref", "tag", "branch") if key in query]
    return url.fragment.partition(":")[0] or (asked[0] if asked else "")
