"""What an edit makes run again: build, edit with a nonce, build again. An experiment, not a reading of the file.

The first build is the submission's own, so everything it holds is in the builder's cache. The edited copy is like
nothing that was built before, so no earlier build can help what depends on the edit.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import SubmissionFault
from grader.facts import build as builds
from grader.facts import edits
from grader.facts.buildlog import BuildLog
from grader.facts.context import BuildContext, Type
from grader.facts.dockerfile import Step
from grader.facts.edits import Change
from grader.facts.gopattern import compile_pattern
from grader.facts.ignore import clean_path
from grader.facts.steps import BuiltStep, State, match

if TYPE_CHECKING:
    from grader.facts import Facts

MAX_FILES = 200
"""Files that one glob edits."""
PATIENCE = 2
"""A rebuild is given that many times the limit of the submission's own build: other checks may be judged beside it."""


@dataclass(frozen=True)
class Cold:
    """A build that nothing helped: no step from the cache, every cache mount empty. `mounts` names those it filled."""

    steps: Sequence[BuiltStep]
    mounts: str


@dataclass(frozen=True)
class Rebuild:
    """The build after an edit.

    `edited` are the paths that were changed, relative to the build context; `unseen` those among them that the ignore
    file holds back. `steps` are all instructions of the stages that were built, in file order.
    """

    change: Change
    edited: tuple[str, ...]
    unseen: tuple[str, ...]
    steps: Sequence[BuiltStep]
    log: BuildLog
    scripts: Mapping[int, Sequence[Step]]
    """The scripts that each RUN starts, by the `id` of its step."""

    @property
    def ran(self) -> list[BuiltStep]:
        """The steps that ran again, in file order."""
        return [step for step in self.steps if step.state is State.RAN]

    def cause(self, step: BuiltStep) -> BuiltStep:
        """The instruction that broke the chain: the first that ran again among those the step stands on, or itself."""
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
    """Seconds of work, the steps' own added up: `cold` with no cache at all, `again` after the edit."""

    cold: float
    again: float

    @property
    def times(self) -> float:
        """How many times less work it was."""
        return self.cold / self.again if self.again else float("inf")


def rebuild(facts: Facts, edit: Sequence[str], change: Change, attempt: int = 1, after: Cold | None = None) -> Rebuild:
    """Edit the files that match `edit` in a copy of the submission and build that, after the submission's own build or
    after a cold one. Measured once for each `attempt`.

    SubmissionFault where no file matches (one that `add` names need not exist), or the edited copy does not build.
    """
    name = f"rebuild {change} {sorted(edit)} {attempt} {after.mounts if after else ''}"
    return facts.once(name, lambda: _measure(facts, edit, change, after))


def cold(facts: Facts) -> Cold:
    """Build with no help at all. Measured once."""
    return facts.once("cold build", lambda: _cold(facts))


def speed(cold: Cold, done: Rebuild) -> Speed:
    """The work of the cold build and of the rebuild.

    Steps are compared, not the whole builds: starting a client, asking a registry for the base image, sending the
    context and exporting are the same for everybody. A step that ran again counts at most what it took cold, so that a
    machine that got busy in between costs nobody points.
    """
    before: dict[str, float] = {}
    again: dict[str, float] = {}
    for first, second in zip(cold.steps, done.steps, strict=True):
        if first.vertex:  # twin steps of two stages are one vertex, and one piece of work
            before[first.vertex.digest] = first.seconds
        if second.vertex:
            known = first.state is State.RAN
            again[second.vertex.digest] = min(second.seconds, first.seconds) if known else second.seconds
    return Speed(sum(before.values()), sum(again.values()))


def _measure(facts: Facts, edit: Sequence[str], change: Change, after: Cold | None) -> Rebuild:
    _ = facts.build  # everything of it is in the cache then
    paths = tuple(edit) if change == "add" else find(facts.context, edit, _spared(facts))
    with facts.submission.copy() as copy:
        copy.settings = copy.settings.model_copy(update={"timeout": PATIENCE * copy.settings.timeout})
        root = copy.context.resolve()
        before = {entry.path for entry in facts.context.everything}
        for path in paths:
            edits.apply(root, clean_path(path), change)
        context = BuildContext(copy.context, copy.dockerfile)
        if change == "add":
            files = [entry.path for entry in context.everything if entry.type is Type.FILE]
            paths = tuple(path for path in files if path not in before)
        sent = {entry.path for entry in context.sent}
        try:
            made = builds.build(
                facts.engine,
                copy,
                export=False,
                cache_mounts=after.mounts if after else "",
                on_step=facts.on_step,
            )
        except builds.BuildFailed as fault:
            raise SubmissionFault(
                f"the image builds, but not once {', '.join(paths[:3])} is edited: {fault}",
                where=fault.where,
                details=fault.details,
            ) from None
    unseen = tuple(path for path in paths if path not in sent)
    return Rebuild(change, paths, unseen, match(made.log, facts.plan), made.log, facts.scripts)


def _cold(facts: Facts) -> Cold:
    _ = facts.build
    # Cache mounts are the whole engine's: downloads of another, or of this one's first build, would be there already.
    mounts = f"layerwise-{secrets.token_hex(8)}"
    with facts.submission.copy() as copy:
        try:
            made = builds.build(
                facts.engine, copy, export=False, cache=False, cache_mounts=mounts, on_step=facts.on_step
            )
        except builds.BuildFailed as fault:
            raise SubmissionFault(
                f"the image builds, but not without what was cached: {fault}", where=fault.where, details=fault.details
            ) from None
    return Cold(match(made.log, facts.plan), mounts)


def _spared(facts: Facts) -> frozenset[str]:
    """What no wildcard edits: the files that say how to build."""
    dockerfile = facts.submission.settings.dockerfile
    return frozenset((dockerfile, f"{dockerfile}.dockerignore", ".dockerignore"))


def find(context: BuildContext, edit: Sequence[str], spared: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The files of the context that match the globs, sorted. SubmissionFault naming a glob that matches none."""
    found: set[str] = set()
    for glob in edit:
        machine = compile_pattern(clean_path(glob))
        literal = not set("*?[\\") & set(glob)
        matched = [
            entry.path
            for entry in context.everything
            if entry.type is Type.FILE and machine.matches(entry.path) and (literal or entry.path not in spared)
        ]
        if not matched:
            raise SubmissionFault(f"the submission has no {glob}, whose edit the build should answer to")
        found.update(matched[:MAX_FILES])
    return tuple(sorted(found))
