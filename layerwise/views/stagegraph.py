"""Make a graph of the stages of a build: what each takes from which stage or outside image, and what ships."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from grader.facts.dockerfile.mounts import Mount, mount_source
from grader.facts.dockerfile.reference import parse_reference
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step, Use


class Fate(StrEnum):
    """How a stage or an outside image ends up."""

    SHIPS = "ships"
    """The image is built on it."""
    LENDS = "lends"
    """The build needs it, but the image does not contain all of it: only what is copied from it ships."""
    UNUSED = "unused"
    """The target does not need it: it is neither built nor pulled."""


class Kind(StrEnum):
    """How a stage takes from another, the strongest first."""

    FROM = "from"
    COPY = "copy"
    MOUNT = "mount"


@dataclass(frozen=True)
class Arrow:
    """A use of a source by a stage. `source` and `user` are places in the graph."""

    kind: Kind
    source: int
    user: int
    line: int
    paths: tuple[str, ...] = ()
    """The paths that are taken, with variables replaced; empty if it is everything, or not known."""
    to: str = ""
    """Where they are copied to or mounted, as written."""
    cache: bool = False
    """A cache mount: what is taken is the initial content of the cache."""
    triggered: bool = False
    """It comes from an ONBUILD of the stage's base."""


@dataclass(frozen=True)
class Node:
    """A stage, or an image from outside the file."""

    place: int
    name: str
    """The name for a reader: "build", "stage 2", "image debian:13"."""
    fate: Fate
    stage: ResolvedStage | None = field(repr=False, default=None)
    """The stage; None for an outside image."""


@dataclass(frozen=True)
class Graph:
    """All stages in file order, each outside image before the first stage that takes from it."""

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    target: Node

    @property
    def stages(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.stage)

    def taken_by(self, node: Node) -> tuple[Arrow, ...]:
        """The uses by this node, in the order of its instructions."""
        return tuple(arrow for arrow in self.arrows if arrow.user == node.place)

    def takers(self, node: Node, kind: Kind) -> tuple[Node, ...]:
        """The stages that take from the node in this way: those that ship if it ships, else those that are built."""
        found = {arrow.user: self.nodes[arrow.user] for arrow in self.arrows_from(node) if arrow.kind is kind}
        wanted = (Fate.SHIPS,) if node.fate is Fate.SHIPS else (Fate.SHIPS, Fate.LENDS)
        return tuple(user for user in found.values() if user.fate in wanted)

    def arrows_from(self, node: Node) -> Iterator[Arrow]:
        return (arrow for arrow in self.arrows if arrow.source == node.place)


def graph(plan: BuildPlan) -> Graph:
    """Return the graph of a build."""
    return _Grapher(plan).graph()


class _Grapher:
    def __init__(self, plan: BuildPlan) -> None:
        self._plan = plan
        self._lineage = {stage.index for stage in plan.target.lineage()}
        names = [stage.name for stage in plan.stages]
        self._shared = {name for name in names if names.count(name) > 1}
        self._outside: dict[str, int] = {}
        self._places: dict[int, int] = {}
        self._nodes: list[Node] = []
        self._order()

    def graph(self) -> Graph:
        arrows = [arrow for stage in self._plan.stages for arrow in self._arrows(stage)]
        return Graph(tuple(self._nodes), tuple(arrows), self._nodes[self._places[self._plan.target.index]])

    def _order(self) -> None:
        fates = self._fates()
        for stage in self._plan.stages:
            for name in _outside(stage):
                if _same(name) not in self._outside:
                    self._outside[_same(name)] = len(self._nodes)
                    self._nodes.append(Node(len(self._nodes), f"image {name}", fates[_same(name)]))
            self._places[stage.index] = len(self._nodes)
            self._nodes.append(Node(len(self._nodes), self._name(stage), self._fate(stage), stage))

    def _name(self, stage: ResolvedStage) -> str:
        if not stage.name:
            return f"stage {stage.index}"
        return f"{stage.name} (stage {stage.index})" if stage.name in self._shared else stage.name

    def _fate(self, stage: ResolvedStage) -> Fate:
        if stage.index in self._lineage:
            return Fate.SHIPS
        return Fate.LENDS if stage.reachable else Fate.UNUSED

    def _fates(self) -> dict[str, Fate]:
        """The fates of the outside images: the root of the target ships, those that built stages take from lend."""
        fates: dict[str, Fate] = {}
        for stage in self._plan.stages:
            for name in _outside(stage):
                if stage.reachable:
                    fates[_same(name)] = Fate.LENDS
                fates.setdefault(_same(name), Fate.UNUSED)
        root = self._plan.target.root
        if root.reference:
            fates[_same(root.base)] = Fate.SHIPS
        return fates

    def _arrows(self, stage: ResolvedStage) -> Iterator[Arrow]:
        user = self._places[stage.index]
        if stage.parent or stage.reference:
            source = self._places[stage.parent.index] if stage.parent else self._outside[_same(stage.base)]
            yield Arrow(Kind.FROM, source, user, stage.stage.line)
        uses = iter(stage.uses)
        for step in stage.steps:
            if step.name == "COPY" and step.instruction.flag("from"):
                yield self._copy(user, step, next(uses))
            elif step.name == "RUN":
                texts = step.instruction.flag_values("mount")
                mounts = step.mounts or (None,) * len(texts)  # if the step has an error, its mounts are not known
                for text, mount in zip(texts, mounts, strict=True):
                    if mount_source(text):
                        yield self._mount(user, step, mount, next(uses))

    def _copy(self, user: int, step: Step, use: Use) -> Arrow:
        source = self._source(use)
        return Arrow(Kind.COPY, source, user, step.line, step.args[:-1], step.args[-1], triggered=step.triggered)

    def _mount(self, user: int, step: Step, mount: Mount | None, use: Use) -> Arrow:
        arrow = Arrow(Kind.MOUNT, self._source(use), user, step.line, triggered=step.triggered)
        if mount is None:
            return arrow
        paths = (mount.source or "/",)
        return Arrow(
            arrow.kind, arrow.source, user, step.line, paths, mount.target, mount.type == "cache", step.triggered
        )

    def _source(self, use: Use) -> int:
        return self._outside[_same(use.name)] if use.stage is None else self._places[use.stage]


def _outside(stage: ResolvedStage) -> Iterator[str]:
    """The outside images that a stage names: its base, and those that it copies or mounts from."""
    if stage.reference:
        yield stage.base
    yield from (use.name for use in stage.uses if use.stage is None)


def _same(name: str) -> str:
    """A key that is the same for all spellings of an image: `python` is docker.io/library/python:latest."""
    return str(parse_reference(name) or name)


def lanes(arrows: Sequence[Arrow]) -> dict[tuple[int, Kind], int]:
    """Return the lane of each arrow that runs down next to the nodes. Lane 0 is the nearest.

    Arrows of one kind from one source share a lane. Other arrows never share one in the same gap between two nodes.
    Arrows that run up have no lane: only a stage that is not built may take from a later one.
    """
    ends: dict[tuple[int, Kind], int] = {}
    for arrow in arrows:
        if arrow.user > arrow.source:
            key = (arrow.source, arrow.kind)
            ends[key] = max(arrow.user, ends.get(key, 0))
    found: dict[tuple[int, Kind], int] = {}
    for key in sorted(ends, key=lambda one: (ends[one] - one[0], one)):
        crossed = {found[other] for other in found if other[0] < ends[key] and key[0] < ends[other]}
        found[key] = next(lane for lane in range(len(ends)) if lane not in crossed)
    return found
