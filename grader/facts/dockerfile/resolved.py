"""What `resolve` gives: the stages of one build with every variable replaced, and the state at each instruction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from grader.facts.dockerfile.model import Dockerfile, Instruction, Stage
from grader.facts.dockerfile.mounts import Mount
from grader.facts.dockerfile.reference import ImageReference

DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True)
class State:
    """What holds at one point of a stage."""

    variables: Mapping[str, str]  # what $NAME gives: ENV and ARG, the later one wins; also a RUN's environment
    env: Mapping[str, str]  # ENV alone: what ends up in the image's configuration
    user: str | None = None  # as USER says, variables replaced ("" is root); None: as the base image has it
    user_line: int = 0  # of the USER that says so, 0 without one
    workdir: str = "/"  # absolute and normalised
    workdir_known: bool = True  # False while it hangs on the working directory of an outside base image
    shell: tuple[str, ...] = DEFAULT_SHELL  # what the shell form of RUN, CMD and ENTRYPOINT runs with
    shell_known: bool = True  # False when an outside base image might have set another


@dataclass(frozen=True)
class Step:
    """One instruction of a stage as it will be carried out."""

    instruction: Instruction  # for a trigger: what stands behind ONBUILD
    stage: Stage
    args: tuple[str, ...]  # variables replaced where BuildKit does so; RUN, CMD, ENTRYPOINT: as written
    flags: tuple[str, ...]
    before: State
    after: State
    mounts: tuple[Mount, ...] = ()
    triggered: bool = False  # an ONBUILD of the stage's base put it here
    unset: frozenset[str] = frozenset()  # variables it asks for that the file never sets (a base image might)
    error: str = ""  # why BuildKit would refuse it; only in stages that are not built

    @property
    def name(self) -> str:
        return self.instruction.name

    @property
    def line(self) -> int:
        return self.instruction.line

    def flag(self, name: str) -> str | None:
        """The value of `--name=value` with variables replaced, an empty string for a bare `--name`."""
        found = None
        for flag in self.flags:
            key, _, value = flag.removeprefix("--").partition("=")
            if key == name:
                found = value
        return found


@dataclass(frozen=True)
class Use:
    """That a stage needs another stage or an image: `COPY --from`, `RUN --mount=from`."""

    kind: str  # "copy" or "mount"
    name: str  # as written
    line: int
    stage: int | None  # the index of the stage it is, None: an image


@dataclass(frozen=True)
class ResolvedStage:
    """One stage of a build."""

    stage: Stage
    base: str  # with variables replaced
    parent: ResolvedStage | None = field(repr=False)  # the stage it starts from, None: an image or scratch
    reference: ImageReference | None  # of the outside base image; None for a stage and for scratch
    platform: str  # of --platform with variables replaced, "" without one
    steps: tuple[Step, ...] = field(repr=False)
    uses: tuple[Use, ...]
    start: State = field(repr=False)
    reachable: bool  # BuildKit runs it for this target

    @property
    def state(self) -> State:
        """What holds at its end."""
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
        """The stages the image is made of: the first one built from outside (or scratch), then up to this one."""
        stages: list[ResolvedStage] = []
        stage: ResolvedStage | None = self
        while stage:
            stages.append(stage)
            stage = stage.parent
        return tuple(reversed(stages))

    @property
    def root(self) -> ResolvedStage:
        """The stage of the lineage that starts from an outside image or from scratch."""
        return self.lineage()[0]

    def image_steps(self) -> tuple[Step, ...]:
        """All steps whose outcome is in the image: those of the whole lineage, in order."""
        return tuple(step for stage in self.lineage() for step in stage.steps)

    def last(self, name: str) -> Step | None:
        """The instruction of that name that counts for the image (the last in the lineage), None without one."""
        return next((step for step in reversed(self.image_steps()) if step.name == name), None)


@dataclass(frozen=True)
class Build:
    """A Dockerfile with a target and build arguments: everything known before an engine is asked."""

    dockerfile: Dockerfile
    args: Mapping[str, str]
    stages: tuple[ResolvedStage, ...]  # all, in file order
    target: ResolvedStage

    @property
    def reachable(self) -> tuple[ResolvedStage, ...]:
        return tuple(stage for stage in self.stages if stage.reachable)

    def steps(self) -> Iterator[Step]:
        """The steps of all stages that are built, in file order."""
        for stage in self.reachable:
            yield from stage.steps
