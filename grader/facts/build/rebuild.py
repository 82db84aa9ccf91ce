"""Find out what an edit makes run again: build, edit, build again. An experiment, not a reading.

The first build is the submission's own, so all its steps are in the builder's cache. The edited copy is like nothing
that was built before, so no earlier build can help the steps that depend on the edit.

BuildKit runs a step once for all builds that want it at the same moment, and without the cache if one of them is
without it. So a cold build has a salt, and shares no RUN with anybody. A learner's own `docker build --no-cache` may
still make steps run again that the edit does not reach, and so does a builder that drops its cache:
`Rebuild.out_of_reach` and `Rebuild.unexplained` name them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import SubmissionFault
from grader.facts.build import build as builds
from grader.facts.build import edits, filters, reach
from grader.facts.build.build_log import BuildLog
from grader.facts.build.edits import Change, Edit
from grader.facts.build.filters import Undone
from grader.facts.build.steps import BuiltStep, StepStatus, match
from grader.facts.context.build_context import BuildContext, Type
from grader.facts.context.go_pattern import compile_pattern
from grader.facts.context.ignore_file import clean_path
from grader.facts.dockerfile.resolved import Step

if TYPE_CHECKING:
    from grader.facts.facts import Facts

MAX_FILES = 200
"""Files that one glob edits at most."""
PATIENCE = 2
"""A rebuild has this many times the time limit of the submission's own build: other checks may run at the same time."""

_VERIFIES = re.compile(
    r"\b(?:(?:sha\d+|b2|md5)sum|shasum|cksum|gpgv?|minisign|signify|cosign|cmp|diff|git\s+diff)\b(?:\s+-[-\w]+)*"
)


@dataclass(frozen=True, eq=False)
class Cold:
    """A build that used no step from the cache and began with empty cache mounts. `mounts` names those it filled, and
    `salt` is in the keys of its RUN steps: only a build with both finds them in the cache."""

    steps: Sequence[BuiltStep]
    mounts: str
    salt: str


@dataclass(frozen=True)
class Rebuild:
    """The build after an edit.

    `edited` are the paths that were changed, relative to the build context, and `unseen` those of them that the ignore
    file excludes. `steps` are all instructions of the stages that were built, in file order.
    """

    change: Change
    edited: tuple[str, ...]
    unseen: tuple[str, ...]
    steps: Sequence[BuiltStep]
    log: BuildLog
    scripts: Mapping[int, Sequence[Step]]
    """The scripts that each RUN starts, by the `id` of its step."""
    readers: Collection[int] = frozenset()
    """The steps that read an edited file, as the Dockerfile says, by their `id`."""
    undone: Sequence[Undone] = ()
    """The steps that got an edited file as it was before: an earlier step took the edit out again."""

    def scripts_of(self, step: BuiltStep) -> Sequence[Step]:
        """Return the scripts that a step starts."""
        return self.scripts.get(id(step.step), ())

    def reads_edit(self, step: BuiltStep) -> bool:
        """Whether a step reads an edited file, as the Dockerfile says."""
        return id(step.step) in self.readers

    @property
    def ran(self) -> list[BuiltStep]:
        """The steps that ran again, in file order."""
        return [step for step in self.steps if step.state is StepStatus.RAN]

    @property
    def out_of_reach(self) -> list[BuiltStep]:
        """The steps that ran again and that no edit reaches: they build on base images alone. The cache lost them, or
        another build made them run."""
        vertexes = {vertex.digest: vertex for vertex in self.log.vertexes}
        images = {vertex.digest for vertex in vertexes.values() if vertex.step and vertex.step.is_from}
        sources = {vertex.digest for vertex in vertexes.values() if not vertex.inputs} - images
        return [step for step in self.ran if step.vertex and sources.isdisjoint(self._below(step))]

    @property
    def unexplained(self) -> list[BuiltStep]:
        """The steps that ran again although, as the Dockerfile says, they take nothing from an edited file. Either the
        cache lost them, or the file came another way, such as through a link."""
        return [step for step in self.ran if not self.reads_edit(step)]

    def cause(self, step: BuiltStep) -> BuiltStep:
        """Return the instruction that broke the chain: the first that ran again of those below the step, or itself."""
        below = self._below(step)
        return next((ran for ran in self.ran if ran.vertex and ran.vertex.digest in below), step)

    def _below(self, step: BuiltStep) -> set[str]:
        inputs = {vertex.digest: vertex.inputs for vertex in self.log.vertexes}
        found: set[str] = set()
        todo = [step.vertex.digest] if step.vertex else []
        while todo:
            digest = todo.pop()
            if digest not in found:
                found.add(digest)
                todo += inputs.get(digest, ())
        return found


@dataclass(frozen=True)
class Speed:
    """The sum of the steps' seconds: `cold` without any cache, `again` after the edit."""

    cold: float
    again: float

    @property
    def times(self) -> float:
        """How many times less the work was."""
        return self.cold / self.again if self.again else float("inf")


def rebuild(facts: Facts, edit: Sequence[str], change: Change, attempt: int = 1, after: Cold | None = None) -> Rebuild:
    """Edit the files that match `edit` in a copy of the submission, and build that after the submission's own build, or
    after a cold one. This is measured once for each `attempt`.

    Raises SubmissionFault if no file matches (a file that `add` names need not exist), or if the edited copy does not
    build.
    """
    return facts.once(_measure, frozenset(edit), change, attempt, after)


def cold(facts: Facts) -> Cold:
    """Build without any cache. This is measured once."""
    return facts.once(_cold)


def speed(cold: Cold, *rebuilds: Rebuild) -> Speed:
    """Compare the work of the cold build and of the rebuild; of several, with the least time of each step.

    Only steps are compared: starting a client, asking a registry for the base image, sending the context and exporting
    are the same for everybody. A step that ran both times has done the same work, and the lesser of its two times
    counts for both; with a cache mount it counts for at most what it took in the cold build. So nobody loses or gains
    points because the machine was busy.
    """
    before: dict[str, float] = {}
    again: dict[str, float] = {}
    quickest = [min(tries, key=_seconds) for tries in zip(*(done.steps for done in rebuilds), strict=True)]
    for first, second in zip(cold.steps, quickest, strict=True):
        known = first.state is StepStatus.RAN
        lesser = min(first.seconds, second.seconds) if known else second.seconds
        same = known and second.state is StepStatus.RAN and not _remembers(second.step)
        if first.vertex:  # identical steps of two stages are one vertex, and run once
            before[first.vertex.digest] = lesser if same else first.seconds
        if second.vertex:
            again[second.vertex.digest] = lesser
    return Speed(sum(before.values()), sum(again.values()))


def _seconds(step: BuiltStep) -> float:
    return step.seconds


def _remembers(step: Step) -> bool:
    """Whether a step can find something that it has done before, because it has a cache mount."""
    return any(mount.type == "cache" for mount in step.mounts)


def _measure(facts: Facts, globs: frozenset[str], change: Change, attempt: int, after: Cold | None) -> Rebuild:
    edit = sorted(globs)
    _ = facts.build  # puts all its steps into the cache
    paths = tuple(edit) if change == "add" else files_to_edit(facts.context, edit, _spared(facts))
    try:
        return _edit_and_build(facts, paths, change, after, gently=False)
    except _Refused as refused:
        if not any(edit.gentler for edit in refused.edits):
            raise _refusal(paths, refused.fault) from None
    try:
        return _edit_and_build(facts, paths, change, after, gently=True)
    except _Refused as refused:
        raise _refusal(paths, refused.fault) from None


class _Refused(Exception):
    """The edited copy does not build."""

    def __init__(self, fault: builds.BuildFailed, edits: Sequence[Edit]) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.edits = edits


def _edit_and_build(
    facts: Facts, paths: tuple[str, ...], change: Change, after: Cold | None, *, gently: bool
) -> Rebuild:
    """Edit a copy and build it. Raises _Refused if it does not build."""
    with facts.submission.copy() as copy:
        copy.salt = after.salt if after else copy.salt
        copy.settings = copy.settings.model_copy(update={"timeout": PATIENCE * copy.settings.timeout})
        root = copy.context.resolve()
        before = {entry.path for entry in facts.context.everything}
        # A link is followed: what it leads to is edited.
        real = {path: facts.context.real_path(path) or clean_path(path) for path in paths}
        made = [edits.apply(root, path, change, gently=gently) for path in sorted(set(real.values()))]
        done = [edit for edit in made if edit is not None]
        context = BuildContext(copy.context, copy.dockerfile)
        if change == "add":
            files = [entry.path for entry in context.everything if entry.type is Type.FILE]
            real = {path: path for path in files if path not in before}
        sent = {entry.path for entry in context.sent}
        mounts = after.mounts if after else ""
        try:
            built = builds.build(facts.engine, copy, export=False, cache_mounts=mounts, on_step=facts.on_step)
        except builds.BuildFailed as fault:
            raise _Refused(fault, done) from None
        steps = match(built.log, facts.plan)
        known = [edit for edit in done if not filters.has_twin(facts.context, edit, set(real.values()))]
        undone = filters.undone(facts.engine, copy, facts.plan, steps, built.log, known, mounts)
    return Rebuild(
        change=change,
        edited=tuple(real),
        unseen=tuple(path for path in real if real[path] not in sent),
        steps=steps,
        log=built.log,
        scripts=facts.scripts,
        readers=reach.readers(facts.plan, {*real, *real.values()}),
        undone=undone,
    )


def _refusal(paths: Sequence[str], fault: builds.BuildFailed) -> SubmissionFault:
    failed = fault.log.failed.name if fault.log.failed else ""
    tool = _VERIFIES.search(failed)
    why = ""
    if tool:
        why = (
            f" That step verifies its sources ({' '.join(tool[0].split())}) and refuses every edit, so nobody can see "
            "what a rebuild would reuse. Take it out, or put it after the steps that should be reused"
        )
    return SubmissionFault(
        f"the image builds, but no longer after an edit of {', '.join(paths[:3])}: {fault}{'.' if why else ''}{why}",
        where=fault.where,
        details=fault.details,
    )


def _cold(facts: Facts) -> Cold:
    _ = facts.build
    # Cache mounts belong to the whole engine: they may hold downloads of another build, or of this one's first.
    mounts = f"layerwise-{secrets.token_hex(8)}"
    with facts.submission.copy() as copy:
        copy.salt = secrets.token_hex(8)
        try:
            built = builds.build(
                facts.engine, copy, export=False, cache=False, cache_mounts=mounts, on_step=facts.on_step
            )
        except builds.BuildFailed as fault:
            raise SubmissionFault(
                f"the image builds, but not without the cache: {fault}", where=fault.where, details=fault.details
            ) from None
    return Cold(match(built.log, facts.plan), mounts, copy.salt)


def _spared(facts: Facts) -> frozenset[str]:
    """Return the files that no wildcard edits, since they say how to build."""
    dockerfile = facts.submission.settings.dockerfile
    return frozenset((dockerfile, f"{dockerfile}.dockerignore", ".dockerignore"))


def files_to_edit(context: BuildContext, edit: Sequence[str], spared: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the files of the context that match the globs, sorted. A link to one counts as a file.

    Raises SubmissionFault if a glob matches none.
    """
    shown: dict[str, str] = {}
    for glob in edit:
        pattern = compile_pattern(clean_path(glob))
        literal = not set("*?[\\") & set(glob)
        matched = [entry for entry in context.everything if pattern.matches(entry.path)]
        paths = {one.path: one.path if one.type is Type.FILE else context.real_path(one.path) for one in matched}
        if not matched:  # it may be below a folder that is a link
            paths = {path: context.real_path(path) for path in context.matching(clean_path(glob), MAX_FILES)}
        files: dict[str, str] = {}
        for path, at in paths.items():
            if at is not None and (literal or spared.isdisjoint((path, at))):
                files[at] = at if path == at else files.get(at, path)  # a file with a link to it is edited once
        if not files:
            raise SubmissionFault(f"the submission has no file {glob} to edit for the second build")
        for at in list(files)[:MAX_FILES]:
            shown[at] = at if at == files[at] else shown.get(at, files[at])
    return tuple(sorted(shown.values()))
