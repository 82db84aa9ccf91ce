"""What the rules look at: a Dockerfile, the builds it can make, and the folder that is taken for the build context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.external import ImageUse, images
from grader.facts.dockerfile.model import Dockerfile, DockerfileError
from grader.facts.dockerfile.resolve import resolve
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step
from grader.facts.pins.dependencies import Collector
from grader.facts.pins.images import image
from grader.facts.pins.model import Dependency

MAX_TARGETS = 100
"""Stages that are tried as the target of a build. Those beyond are named as not looked at."""


@dataclass(frozen=True)
class LintTarget:
    """A Dockerfile that parses. `builds`: the last stage's first, then one for each named stage that no earlier build
    needs (`docker build --target test`): together they hold every stage that can be built."""

    file: Dockerfile
    context: BuildContext
    builds: tuple[BuildPlan, ...]
    fault: DockerfileError | None = None
    """Why some of its builds cannot start; those are not among `builds`."""
    skipped: tuple[str, ...] = ()
    """Stages that were not looked at, since the file has too many that no other needs."""

    @property
    def image(self) -> ResolvedStage | None:
        """The stage that becomes the image; None where it cannot be built."""
        return self.builds[0].target if self.builds and self.builds[0].target.stage is self.file.stages[-1] else None

    @cached_property
    def pulled(self) -> tuple[tuple[ImageUse, Dependency], ...]:
        """The images that its builds pull, and how firmly each is named."""
        uses = (use for build in self.builds for use in images(build) if use.kind != "onbuild")
        return tuple((use, image(use, self.file.source)) for use in uses)

    @cached_property
    def dependencies(self) -> tuple[tuple[Dependency, ...], ...]:
        """For each build what it takes from outside."""
        collector = Collector(self.context, self.file.source)
        return tuple(collector.dependencies(build) for build in self.builds)

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


def lint_target(file: Dockerfile, context: BuildContext) -> LintTarget:
    """The file with every build it can make."""
    builds: list[BuildPlan] = []
    fault: DockerfileError | None = None
    last = file.stages[-1]
    named = {stage.name: stage for stage in file.stages if stage.name}
    left = [last, *sorted((stage for stage in named.values() if stage is not last), key=lambda stage: -stage.index)]
    covered: set[int] = set()
    tried = 0
    skipped = []
    for stage in left:
        if stage.index in covered:
            continue
        tried += 1
        if tried > MAX_TARGETS:
            skipped.append(stage.name)
            continue
        try:
            build = resolve(file, target="" if stage is last else stage.name, shared=builds[0] if builds else None)
        except DockerfileError as problem:
            fault = fault or problem
            continue
        builds.append(build)
        covered |= {found.index for found in build.reachable}
    return LintTarget(file, context, tuple(builds), fault, tuple(reversed(skipped)))
