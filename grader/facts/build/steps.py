"""Match the vertexes of a build with the instructions of the Dockerfile.

BuildKit names a vertex `[STAGE AT/OF] TEXT`, and counts within a stage: a FROM of an outside image is 1, then come each
RUN, COPY and ADD, and each WORKDIR except the root. ENV, USER, CMD and the like have no vertex. Two stages with
identical steps share vertexes, named after one of them, and so do two builds at the same time: those are found by their
inputs and their text, and so are ONBUILD steps in a stage without steps of its own, whose vertexes have only the text.
See BuildKit's `dockerfile2llb/convert.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step

COUNTED = frozenset(("RUN", "COPY", "ADD", "WORKDIR"))


class StepStatus(StrEnum):
    """How an instruction went in a build that succeeded."""

    RAN = "ran"
    REUSED = "reused"
    """It came from the cache, or was not needed because what builds on it came from the cache."""
    NOTHING = "nothing"
    """There is nothing to run: it changes only the image's config, or nothing."""
    UNKNOWN = "unknown"
    """No vertex was found for it."""


@dataclass(frozen=True)
class BuiltStep:
    """An instruction and how it went. `seconds` is how long it ran, 0 if it did not."""

    step: Step
    vertex: Vertex | None
    state: StepStatus

    @property
    def seconds(self) -> float:
        return self.vertex.seconds if self.vertex and self.state is StepStatus.RAN else 0.0

    @property
    def text(self) -> str:
        """The instruction as written, on one line."""
        return " ".join(self.step.instruction.original.split())


def match(log: BuildLog, plan: BuildPlan) -> list[BuiltStep]:
    """Return every instruction of the stages that were built, in file order.

    Raises ValueError if the build failed: what it says of the cache need not be true.
    """
    if not log.ok:
        raise ValueError("a build that failed says nothing of its steps")
    matcher = _Matcher(log, plan)
    return [built for stage in plan.reachable for built in matcher.stage(stage)]


class _Matcher:
    def __init__(self, log: BuildLog, plan: BuildPlan) -> None:
        vertexes = log.own
        # With a single stage no name is needed. BuildKit leaves it out, except if a RUN mounts something (0.13), and a
        # build at the same time may have named a vertex after a stage of its own.
        self._single = len(plan.stages) == 1
        names = [self._name(stage) for stage in plan.reachable]
        # A name of two stages tells nothing.
        self._ambiguous = {name for name in names if names.count(name) > 1}
        self._own: dict[str, list[Vertex]] = {}
        self._on: dict[str, list[Vertex]] = {}
        self._from: dict[str, Vertex] = {}
        self._links: dict[tuple[str, int], Vertex] = {}
        self._began = log.began
        self._digests = {vertex.digest: vertex for vertex in vertexes}
        for vertex in vertexes:
            for digest in vertex.inputs:
                self._on.setdefault(digest, []).append(vertex)
            if vertex.step and vertex.step.is_from:
                self._from[vertex.step.text.split()[1].partition("@")[0]] = vertex
            elif vertex.step:
                stage = "" if self._single else vertex.step.stage
                if vertex.step.is_link:
                    self._links[stage, vertex.step.at] = vertex
                else:
                    self._own.setdefault(stage, []).append(vertex)
        for vertexes in self._own.values():
            # An ADD of a URL has two vertexes of one name: the download, which has no input, and the step.
            vertexes.sort(key=lambda vertex: (vertex.step.at if vertex.step else 0, bool(vertex.inputs)))
        self._last: dict[int, Vertex | None] = {}

    def _name(self, stage: ResolvedStage) -> str:
        return "" if self._single else stage.name or f"stage-{stage.index}"

    def stage(self, stage: ResolvedStage) -> Iterable[BuiltStep]:
        name = self._name(stage)
        own = {vertex.step.at: vertex for vertex in self._own.get(name, ()) if vertex.step}
        if name in self._ambiguous:
            own = {}
        at = 1
        below = self._below(stage)
        if stage.reference:
            at += 1
        for step in stage.steps:
            if step.name not in COUNTED or (step.name == "WORKDIR" and self._at_root(step, own.get(at))):
                yield BuiltStep(step, None, StepStatus.NOTHING)
                continue
            vertex, link = own.get(at), None if name in self._ambiguous else self._links.get((name, at))
            if vertex is None or not _says(vertex, step, wholly=True):
                named = vertex if vertex and _says(vertex, step) else None
                link = link or self._shared(step, below, prefix=("LINK",))
                vertex = self._linked(step, link) or self._shared(step, below)
                if vertex is None and (moved := self._moved(stage, step, own, at)):
                    at, vertex = moved, own[moved]
                vertex = vertex or named
            at += 1
            below = link or vertex or below
            yield BuiltStep(step, vertex, self._state(vertex))
        self._last[stage.index] = below

    def _state(self, vertex: Vertex | None) -> StepStatus:
        if vertex is None:
            return StepStatus.UNKNOWN
        if vertex.started is None or vertex.cached:
            return StepStatus.REUSED
        # If another build that still goes on has run the step, BuildKit reports how it went there.
        earlier = self._began is not None and vertex.completed is not None and vertex.completed <= self._began
        return StepStatus.REUSED if earlier else StepStatus.RAN

    def _below(self, stage: ResolvedStage) -> Vertex | None:
        if stage.parent:
            return self._last.get(stage.parent.index)
        if stage.reference is None:
            return None
        return self._from.get(str(stage.reference)) or self._from.get(str(stage.reference).partition("@")[0])

    @staticmethod
    def _at_root(step: Step, vertex: Vertex | None) -> bool:
        """Whether a WORKDIR makes no folder. BuildKit counts it as a step and leaves it out, but it keeps one that is
        another spelling of the root (`//`)."""
        if step.after.workdir_known and step.after.workdir != "/":
            return False
        return vertex is None or not _says(vertex, step, wholly=step.after.workdir_known)

    def _shared(self, step: Step, below: Vertex | None, prefix: tuple[str, ...] = ()) -> Vertex | None:
        """Return the vertex of another stage that is this step as well: it has the same input and the same text."""
        if below is None:
            return None
        found = [vertex for vertex in self._on.get(below.digest, ()) if _says(vertex, step, prefix, wholly=True)]
        return found[0] if len({vertex.digest for vertex in found}) == 1 else None

    @staticmethod
    def _moved(stage: ResolvedStage, step: Step, own: Mapping[int, Vertex], at: int) -> int | None:
        """Return the number of a step that comes later than the file says.

        ONBUILD steps of an outside base image, which the file does not show, come first and are counted.
        """
        if stage.reference is None:
            return None
        return next((number for number in sorted(own) if number > at and _says(own[number], step, wholly=True)), None)

    def _linked(self, step: Step, link: Vertex | None) -> Vertex | None:
        """Return the copy that a LINK puts on top of what is below."""
        inputs = [self._digests[digest] for digest in link.inputs if digest in self._digests] if link else []
        return next((vertex for vertex in inputs if _says(vertex, step, wholly=True)), None)


def _says(vertex: Vertex, step: Step, prefix: tuple[str, ...] = (), *, wholly: bool = False) -> bool:
    """Whether the vertex's text is that instruction. With `wholly`, all of it, with variables replaced or not."""
    text = tuple(vertex.step.text.split()) if vertex.step else ()
    if not wholly:
        return text[:1] == (step.name,)
    written = tuple(step.instruction.original.split()[1:])
    expanded = (*step.flags, *" ".join(step.args).split())
    for words in ((*prefix, step.name, *written), (*prefix, step.name, *expanded)):
        # After a RUN's heredoc comes the beginning of its text: "RUN <<END (apt-get update...)".
        rest = text[len(words) :]
        if text[: len(words)] == words and (not rest or (step.instruction.heredocs and rest[0].startswith("("))):
            return True
    return False
