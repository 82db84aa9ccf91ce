"""Which vertex of a build stands for which instruction of the Dockerfile.

BuildKit names a vertex `[STAGE AT/OF] TEXT`, and counts in a stage: an outside FROM as 1, then each RUN, COPY, ADD, and
each WORKDIR that is not the root. ENV, USER, CMD and the like have no vertex. Two stages with identical steps share
vertexes, named after either: those are found by what they stand on (their inputs) and what they say.
See BuildKit's `dockerfile2llb/convert.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from grader.facts.buildlog import BuildLog, Vertex
from grader.facts.dockerfile.resolved import Build, ResolvedStage, Step

COUNTED = frozenset(("RUN", "COPY", "ADD", "WORKDIR"))


class State(StrEnum):
    """What became of an instruction in a build that ended well."""

    RAN = "ran"
    REUSED = "reused"
    """It came from the cache, or was not needed since what builds on it did."""
    NOTHING = "nothing"
    """It changes the image's config only, or nothing: there is nothing to run."""
    UNKNOWN = "unknown"
    """No vertex could be found for it."""


@dataclass(frozen=True)
class BuiltStep:
    """An instruction and what became of it. `seconds` is how long it ran, 0 where it did not."""

    step: Step
    vertex: Vertex | None
    state: State

    @property
    def seconds(self) -> float:
        return self.vertex.seconds if self.vertex and self.state is State.RAN else 0.0

    @property
    def text(self) -> str:
        """The instruction as written, on one line."""
        return " ".join(self.step.instruction.original.split())


def match(log: BuildLog, plan: Build) -> list[BuiltStep]:
    """Every instruction of the stages that were built, in file order. ValueError for a build that did not end well:
    what such a one says of its cache is not to be believed."""
    if not log.ok:
        raise ValueError("a build that failed says nothing of its steps")
    matcher = _Matcher(log, plan)
    return [built for stage in plan.reachable for built in matcher.stage(stage)]


class _Matcher:
    def __init__(self, log: BuildLog, plan: Build) -> None:
        # A file of one stage leaves out its name, but where a RUN mounts something (BuildKit 0.13).
        self._single = len(plan.stages) == 1 and not any(vertex.step and vertex.step.stage for vertex in log.vertexes)
        names = [self._name(stage) for stage in plan.reachable]
        # A name that two stages bear tells nothing.
        self._ambiguous = {name for name in names if names.count(name) > 1}
        self._own: dict[str, list[Vertex]] = {}
        self._on: dict[str, list[Vertex]] = {}
        self._from: dict[str, Vertex] = {}
        self._links: dict[tuple[str, int], Vertex] = {}
        self._began = log.began
        self._digests = {vertex.digest: vertex for vertex in log.vertexes}
        for vertex in log.vertexes:
            for digest in vertex.inputs:
                self._on.setdefault(digest, []).append(vertex)
            if vertex.step and vertex.step.is_from:
                self._from[vertex.step.text.split()[1].partition("@")[0]] = vertex
            elif vertex.step and vertex.step.is_link:
                self._links[vertex.step.stage, vertex.step.at] = vertex
            elif vertex.step:
                self._own.setdefault(vertex.step.stage, []).append(vertex)
        for vertexes in self._own.values():
            # An ADD of an address is two vertexes of one name: the download, which stands on nothing, and the step.
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
                yield BuiltStep(step, None, State.NOTHING)
                continue
            vertex, link = own.get(at), None if name in self._ambiguous else self._links.get((name, at))
            if vertex is None or not _says(vertex, step):
                link = link or self._shared(step, below, prefix=("LINK",))
                vertex = self._linked(step, link) or self._shared(step, below)
            at += 1
            below = link or vertex or below
            yield BuiltStep(step, vertex, self._state(vertex))
        self._last[stage.index] = below

    def _state(self, vertex: Vertex | None) -> State:
        if vertex is None:
            return State.UNKNOWN
        if vertex.started is None or vertex.cached:
            return State.REUSED
        # A step that another build has run, and that build is not over yet: BuildKit tells of it as it went then.
        earlier = self._began is not None and vertex.completed is not None and vertex.completed <= self._began
        return State.REUSED if earlier else State.RAN

    def _below(self, stage: ResolvedStage) -> Vertex | None:
        if stage.parent:
            return self._last.get(stage.parent.index)
        if stage.reference is None:
            return None
        return self._from.get(str(stage.reference)) or self._from.get(str(stage.reference).partition("@")[0])

    @staticmethod
    def _at_root(step: Step, vertex: Vertex | None) -> bool:
        """A WORKDIR that makes no folder: BuildKit announces it as one of the steps, and leaves it out. One that is the
        root in other words (`//`) it keeps."""
        if step.after.workdir_known and step.after.workdir != "/":
            return False
        return vertex is None or not _says(vertex, step, wholly=step.after.workdir_known)

    def _shared(self, step: Step, below: Vertex | None, prefix: tuple[str, ...] = ()) -> Vertex | None:
        """The vertex of another stage that is this step as well: it stands on the same and says the same."""
        if below is None:
            return None
        found = [vertex for vertex in self._on.get(below.digest, ()) if _says(vertex, step, prefix, wholly=True)]
        return found[0] if len({vertex.digest for vertex in found}) == 1 else None

    def _linked(self, step: Step, link: Vertex | None) -> Vertex | None:
        """The copy that a LINK lays over what is below."""
        inputs = [self._digests[digest] for digest in link.inputs if digest in self._digests] if link else []
        return next((vertex for vertex in inputs if _says(vertex, step, wholly=True)), None)


def _says(vertex: Vertex, step: Step, prefix: tuple[str, ...] = (), *, wholly: bool = False) -> bool:
    """Whether the vertex's text is that instruction; `wholly`: to the last word, variables replaced or not."""
    said = tuple(vertex.step.text.split()) if vertex.step else ()
    if not wholly:
        return said[:1] == (step.name,)
    written = tuple(step.instruction.original.split()[1:])
    expanded = (*step.flags, *" ".join(step.args).split())
    for words in ((*prefix, step.name, *written), (*prefix, step.name, *expanded)):
        # Behind a RUN's heredoc stands how it begins: "RUN <<END (apt-get update...)".
        rest = said[len(words) :]
        if said[: len(words)] == words and (not rest or (step.instruction.heredocs and rest[0].startswith("("))):
            return True
    return False
