"""The model of a resolved build: its stages with every variable replaced, and the state at each instruction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from grader.facts.dockerfile.model import Dockerfile, Instruction, Stage
from grader.facts.dockerfile.mounts import Mount
from grader.facts.dockerfile.reference import ImageReference

DEFAULT_SHELL = ("/bin/sh", "-c")

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """The state at one point of a stage."""

    variables: Mapping[str, str]  # the values of $NAME: ENV and ARG, the later one wins; also a RUN's environment
    env: Mapping[str, str]  # ENV alone, which goes into the image's configuration
    user: str | None = None  # that of USER, with variables replaced ("" is root); None: that of the base image
    user_line: int = 0  # the line of that USER; 0 without one
    workdir: str = "/"  # absolute and normalised
    workdir_known: bool = True  # False while it depends on the working directory of an outside base image
    shell: tuple[str, ...] = DEFAULT_SHELL  # the shell for the shell form of RUN, CMD and ENTRYPOINT
    shell_known: bool = True  # False if an outside base image might have set another shell


@dataclass(frozen=True)
class Step:
    """One instruction of a stage as the build executes it."""

    instruction: Instruction  # for a trigger: the instruction after ONBUILD
    stage: Stage
    args: tuple[str, ...]  # with variables replaced as BuildKit does; RUN, CMD, ENTRYPOINT: as written
    flags: tuple[str, ...]
    before: State
    after: State
    mounts: tuple[Mount, ...] = ()
    triggered: bool = False  # it comes from an ONBUILD of the stage's base
    unset: frozenset[str] = frozenset()  # variables that it uses and the file never sets (a base image might)
    error: str = ""  # why BuildKit would refuse it; set only in stages that are not built
    runs: int = field(default=1, repr=False, compare=False)  # the number of RUNs in the file
    _readings: dict[Callable[[Step], Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, read: Callable[[Step], T]) -> T:
        """Return `read(self)`. It is called once and kept with the step."""
        if read not in self._readings:
            self._readings.setdefault(read, read(self))  # of two threads, both get what the first one made
        return self._readings[read]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return self.instruction.name

    @property
    def line(self) -> int:
        return self.instruction.line

    def flag(self, name: str) -> str | None:
        """The last value of `--name=value`, with variables replaced; "" for a bare `--name`, None without the flag."""
        found = None
        for flag in self.flags:
            key, _, value = flag.removeprefix("--").partition("=")
            if key == name:
                found = value
        return found


@dataclass(frozen=True)
class Use:
    """A use of another stage or an image by a stage: `COPY --from`, `RUN --mount=from`."""

    kind: str  # "copy" or "mount"
    name: str  # as written
    line: int
    stage: int | None  # the index of the stage; None for an image


@dataclass(frozen=True)
class ResolvedStage:
    """One stage of a build."""

    stage: Stage
    base: str  # with variables replaced
    parent: ResolvedStage | None = field(repr=False)  # the stage that it starts from; None for an image or scratch
    reference: ImageReference | None  # the outside base image; None for a stage and for scratch
    platform: str  # the value of --platform with variables replaced; "" without one
    steps: tuple[Step, ...] = field(repr=False)
    uses: tuple[Use, ...]
    start: State = field(repr=False)
    reachable: bool  # BuildKit runs it for this target

    @property
    def state(self) -> State:
        """The state at the end of the stage."""
        return self.steps[-1].after if self.steps else self.start

    @property
    def index(self) -> int:
        return self.stage.index

    @property
    def name(self) -> str:
        return self.stage.name

    @property
    def label(self) -> str:
        return self.stage.label

    @property
    def is_scratch(self) -> bool:
        return self.base == "scratch" and self.parent is None

    def lineage(self) -> tuple[ResolvedStage, ...]:
        """The stages that make up the image, from the one on an outside image or scratch to this one."""
        stages: list[ResolvedStage] = []
        stage: ResolvedStage | None = self
        while stage:
            stages.append(stage)
            stage = stage.parent
        return tuple(reversed(stages))

    @cached_property
    def root(self) -> ResolvedStage:
        """The stage of the lineage that starts from an outside image or from scratch."""
        return self.parent.root if self.parent else self

    def image_steps(self) -> tuple[Step, ...]:
        """All steps that the image consists of: those of the whole lineage, in order."""
        return tuple(step for stage in self.lineage() for step in stage.steps)

    def last(self, name: str) -> Step | None:
        """The last instruction of that name in the lineage, which is the effective one; None without one."""
        return next((step for step in reversed(self.image_steps()) if step.name == name), None)


class Outline(NamedTuple):
    """What a Dockerfile says of its stages, whatever the target: for each its base, the number of the stage that it
    builds on, its instructions (and whether ONBUILD adds them), and the other stages that it uses. `runs` is the number
    of RUNs."""

    bases: list[str]
    parents: list[int | None]
    commands: list[list[tuple[Instruction, bool]]]
    runs: int
    uses: list[list[Use]]


@dataclass(frozen=True)
class BuildPlan:
    """A Dockerfile resolved for a target and build arguments: all that is known before an engine is used."""

    dockerfile: Dockerfile
    args: Mapping[str, str]
    stages: tuple[ResolvedStage, ...]  # all, in file order
    target: ResolvedStage
    outline: Outline = field(repr=False, compare=False)

    @property
    def reachable(self) -> tuple[ResolvedStage, ...]:
        return tuple(stage for stage in self.stages if stage.reachable)

    def steps(self) -> Iterator[Step]:
        """The steps of all stages that are built, in file order."""
        for stage in self.reachable:
            yield from stage.steps
