"""What the rules look at: a Dockerfile, the builds it can make, and the folder that is taken for the build context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grader.facts.context import BuildContext
from grader.facts.dockerfile import Build, Dockerfile, DockerfileError, ResolvedStage, Stage, Step, resolve

MAX_TARGETS = 20
"""Stages that are tried as the target of a build, beside the last one."""


@dataclass(frozen=True)
class Scene:
    """A Dockerfile that parses. `builds`: the last stage's first, then one for each named stage that no earlier build
    needs (`docker build --target test`): together they hold every stage that can be built."""

    file: Dockerfile
    context: BuildContext
    builds: tuple[Build, ...]
    fault: DockerfileError | None = None
    """Why some of its builds cannot start; those are not among `builds`."""

    @property
    def image(self) -> ResolvedStage | None:
        """The stage that becomes the image; None where it cannot be built."""
        return self.builds[0].target if self.builds and self.builds[0].target.stage is self.file.stages[-1] else None

    def stages(self) -> Iterator[ResolvedStage]:
        """Every stage that can be built, once."""
        seen: set[int] = set()
        for build in self.builds:
            for stage in build.reachable:
                if stage.index not in seen:
                    seen.add(stage.index)
                    yield stage

    def steps(self) -> Iterator[Step]:
        """The steps of those stages."""
        for stage in self.stages():
            yield from stage.steps

    def shipped(self) -> Iterator[Step]:
        """The steps whose layers end in an image: those of each build's target and what it starts from."""
        seen: set[int] = set()
        for build in self.builds:
            for stage in build.target.lineage():
                if stage.index not in seen:
                    seen.add(stage.index)
                    yield from stage.steps


def scene(file: Dockerfile, context: BuildContext) -> Scene:
    """The file with every build it can make."""
    builds: list[Build] = []
    fault: DockerfileError | None = None
    left: list[Stage] = [file.stages[-1]]
    left += [stage for stage in reversed(file.stages[:-1]) if stage.name and file.find_stage(stage.name) is stage]
    covered: set[int] = set()
    for stage in left[: MAX_TARGETS + 1]:
        if stage.index in covered:
            continue
        try:
            build = resolve(file, target="" if stage is file.stages[-1] else stage.name)
        except DockerfileError as problem:
            fault = fault or problem
            continue
        builds.append(build)
        covered |= {found.index for found in build.reachable}
    return Scene(file, context, tuple(builds), fault)
