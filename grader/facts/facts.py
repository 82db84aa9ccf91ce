"""What can be known of a submission. Each thing is measured once, when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import (
    EngineFailure,
    ExerciseInvalid,
    NotObservable,
    SubmissionFault,
    SubmissionUnusable,
)
from grader.facts.engine.engine import Engine
from grader.facts.fact import Fact, Memo
from grader.facts.registry.names import DEFAULT_LEARNER, fill, learner_name
from grader.lib.units import format_size
from grader.submission import Submission

if TYPE_CHECKING:
    from grader.canary import Canary
    from grader.facts.build.build import Build
    from grader.facts.build.build_log import Vertex
    from grader.facts.build.steps import BuiltStep
    from grader.facts.context.build_context import BuildContext
    from grader.facts.dockerfile.model import Dockerfile
    from grader.facts.dockerfile.reference import ImageReference
    from grader.facts.dockerfile.resolved import BuildPlan, Step
    from grader.facts.engine.command import CommandResult, Stream
    from grader.facts.engine.container import Running
    from grader.facts.image.image import Image
    from grader.facts.image.secret_finder import OutputScanner
    from grader.facts.image.users import User
    from grader.facts.pins.model import Dependency
    from grader.facts.registry.documents import Manifest
    from grader.facts.registry.repository import Repository
    from grader.facts.supply.cosign import Cosign

MAX_DOCKERFILE = 1_000_000
"""Bytes of a Dockerfile that are read."""


class Facts(Memo):
    """What can be known of one submission. Use it in a `with` block: leaving it removes what was made on the engine."""

    def __init__(
        self,
        submission: Submission | None,
        *,
        archive: Path | None = None,
        engine: Engine | None = None,
        exercise: Path | None = None,
        images: Sequence[str] = (),
        learner: str = DEFAULT_LEARNER,
        on_step: Callable[[Vertex], None] | None = None,
    ) -> None:
        """Take a folder, an image archive on disk (then nothing is built), or both.

        Without `engine`, connect to one when it is first needed. `exercise` is the exercise's folder and `images` are
        its base images, by catalogue name. `learner` fills in the names of repositories. `on_step` is called for each
        build step.

        Raises UnusableInput if `learner` cannot be part of a repository's name.
        """
        super().__init__()
        self._submission = submission
        self._archive = archive
        self._given_engine = engine
        self._exercise = exercise
        self.images = tuple(images)
        self.learner = learner_name(learner)
        self.on_step = on_step
        self._cleanup = ExitStack()

    def __enter__(self) -> Facts:
        return self

    def __exit__(self, *fault: object) -> None:
        self._cleanup.close()

    def at_end(self, callback: Callable[..., object], *args: object) -> None:
        """Call this when the facts are no longer needed, to remove what a fact made."""
        self._cleanup.callback(callback, *args)

    @property
    def has_folder(self) -> bool:
        """Whether a folder was handed in, not an image alone."""
        return self._submission is not None

    @property
    def from_archive(self) -> bool:
        """Whether the image comes from an archive, and is not built."""
        return self._archive is not None

    def repository(self, text: str) -> str:
        """Fill the learner's name into a repository, or a text that names one, as an exercise writes it."""
        return fill(text, self.learner)

    def exercise_file(self, name: str) -> Path:
        """Return the path of a file in the exercise's own folder, never in the submission.

        Raises ExerciseInvalid if there is no such file, and NotObservable if there is no exercise.
        """
        if self._exercise is None:
            raise NotObservable(f"{name} is a file of the exercise, and no exercise was given")
        path = (self._exercise / name).resolve()
        if not path.is_relative_to(self._exercise.resolve()):
            raise ExerciseInvalid(f"{self._exercise / name}: leads out of the exercise's folder")
        if not path.is_file():
            raise ExerciseInvalid(
                f"{self._exercise / name}: there is no such file, and a check of the exercise needs it"
            )
        return path

    def exercise_function(self, file: str, name: str) -> AbstractContextManager[Callable[..., Any]]:
        """Load a function of the exercise's own for the duration of the block; see `exercise_function.loaded`."""
        from grader.facts.exercise_function import loaded

        return loaded(self.exercise_file(file), name)

    def submitted_file(self, name: str, limit: int) -> bytes | None:
        """Return the first `limit` bytes of a file of the submission, and None if there is no such file."""
        path = (self.submission.folder / name).resolve()
        if not path.is_relative_to(self.submission.folder.resolve()) or not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(limit)

    @Fact
    def submission(self) -> Submission:
        """The private copy of the folder. Raises NotObservable if only an image was handed in."""
        if self._submission is None:
            raise NotObservable(
                "only an image was handed in, and this check needs the folder it was built from: grade the folder"
            )
        return self._submission

    @Fact
    def engine(self) -> Engine:
        """The engine. Raises EngineUnavailable if none answers, and NotObservable if an image was handed in, which is
        neither built nor run."""
        if self._archive:
            raise NotObservable(
                "an image was handed in, and it is only read, not built or run: grade the folder it was built from"
            )
        if self._given_engine:
            return self._given_engine
        return self._cleanup.enter_context(closing(Engine.connect()))

    @Fact
    def dockerfile(self) -> Dockerfile:
        """The Dockerfile as written. Raises DockerfileSyntaxError if BuildKit would report one."""
        from grader.facts.dockerfile.parser import parse

        name = self.submission.settings.dockerfile
        with self.submission.dockerfile.open("rb") as file:
            text = file.read(MAX_DOCKERFILE + 1)
        if len(text) > MAX_DOCKERFILE:
            raise SubmissionFault(f"{name} is larger than {format_size(MAX_DOCKERFILE)}")
        return parse(text, source=name)

    @Fact
    def plan(self) -> BuildPlan:
        """The Dockerfile with its variables replaced, for the exercise's target and arguments.

        Raises DockerfileError if it cannot be resolved.
        """
        from grader.facts.dockerfile.resolve import resolve

        settings = self.submission.settings
        return resolve(self.dockerfile, target=settings.target, args=settings.args)

    @Fact
    def context(self) -> BuildContext:
        """What reaches the builder."""
        from grader.facts.context.build_context import BuildContext

        return BuildContext(self.submission.context, self.submission.dockerfile)

    @Fact
    def _collected(self) -> tuple[tuple[Dependency, ...], Mapping[int, Sequence[Step]]]:
        from grader.facts.pins.dependencies import Collector

        collector = Collector(self.context, self.submission.settings.dockerfile)
        return collector.dependencies(self.plan), collector.scripts(self.plan)

    @Fact
    def dependencies(self) -> tuple[Dependency, ...]:
        """What the build takes from outside, and how firmly each thing is named."""
        return self._collected[0]

    @Fact
    def scripts(self) -> Mapping[int, Sequence[Step]]:
        """The shell scripts of the context that each RUN starts, as steps, by the `id` of the RUN's step in `plan`."""
        return self._collected[1]

    def has_image(self, reference: ImageReference) -> bool:
        """Whether the registry has the digest of a reference. Raises RegistryUnavailable if it cannot be asked."""
        return self.once(_has_image, reference)

    @Fact
    def build(self) -> Build:
        """The build, which succeeded. Raises BuildFailed or DockerfileSyntaxError if it did not."""
        from grader.facts.build import build

        submission = self.submission
        # Read the file first: our messages are better than BuildKit's, and some files bring some engines down.
        _ = self.plan
        engine = self.engine
        on_output = self.output_scanner.scan if submission.canaries else None
        built = build.build(engine, submission, on_step=self.on_step, on_output=on_output)
        self.at_end(engine.remove_image, built.image)
        return built

    @Fact
    def canaries(self) -> tuple[Canary, ...]:
        """What was planted in the submission. Raises NotObservable if an image was handed in instead."""
        if self._archive:
            raise NotObservable("an image archive was handed in, so nothing could be planted: grade the folder alone")
        return self.submission.canaries

    @Fact
    def output_scanner(self) -> OutputScanner:
        """What searches the build's output for canaries while it is printed."""
        from grader.facts.image.secret_finder import OutputScanner

        return OutputScanner(self.canaries)

    @Fact
    def steps(self) -> Sequence[BuiltStep]:
        """Every instruction of the stages that were built, and whether it ran or was reused."""
        from grader.facts.build.steps import match

        return match(self.build.log, self.plan)

    @Fact
    def image(self) -> Image:
        """The image that was built, or the one in the archive."""
        from grader.facts.image.archive import open_file
        from grader.facts.image.cached_archive import CachedArchive
        from grader.facts.image.image import Image

        archive = self._archive
        if archive:
            return Image(lambda: open_file(archive), unusable=SubmissionUnusable)
        engine, name = self.engine, self.build.image
        try:
            found = engine.inspect_image(name)
        except KeyError:
            raise EngineFailure("the image that was built is gone from the engine: grade again") from None
        digests = [text.rpartition("@")[2] for text in found.get("RepoDigests") or ()]
        source = CachedArchive(lambda: engine.save_image(name), self.submission.folder.parent)
        return Image(source, name=str(found["Id"]), digest=digests[0] if digests else None)

    @Fact
    def cosign(self) -> Cosign:
        """Cosign, which verifies signatures."""
        from grader.facts.supply.cosign import Cosign

        return Cosign()

    def served(self, repository: str) -> Repository:
        """Return a repository of a registry, as an exercise names it."""
        from grader.facts.registry.repository import Repository

        return Repository.parse(self.repository(repository))

    def manifest(self, repository: str, tag: str) -> Manifest | None:
        """Return what a tag names. It is looked up once, so that all checks see the same even if the tag moves."""
        return self.once(_manifest, repository, tag)

    @Fact
    def configured_user(self) -> User:
        """The user that a container starts as, by the image's config and its own /etc/passwd.

        Raises UnknownUser if the image names a user that it does not have.
        """
        from grader.facts.image.users import MAX_TABLE, TABLES, resolve

        files = self.image.read_all(TABLES, MAX_TABLE)
        return resolve(self.image.config.user, *(files[table] for table in TABLES))

    def run(
        self,
        command: str | list[str] | None = None,
        *,
        timeout: float = 30.0,
        judged: Sequence[Stream] = ("stdout", "stderr"),
    ) -> CommandResult:
        """Run the image's own command, or another, in a fresh container until it ends or `timeout` seconds are over.

        A string is run by /bin/sh and a list as it is, both in place of the image's entrypoint. A quick command with
        nothing on a stream in `judged` is run again: a busy engine loses what it printed, now and then.
        """
        from grader.facts.engine.command import run_command

        return run_command(self.engine, self.runnable, command, timeout=timeout, judged=judged)

    def run_after(
        self,
        setup: Sequence[list[str]],
        command: list[str],
        env: Mapping[str, str],
        *,
        timeout: float,
        judged: Sequence[Stream],
    ) -> CommandResult:
        """Run the commands of `setup` one after the other, whatever their status, and then `command` on what they left.

        `env` is added to the environment of all, and `judged` is as for `run`. A result without an exit status may be
        that of a setup command.
        """
        from grader.facts.engine.command import run_command
        from grader.facts.engine.engine import new_name

        image = self.runnable
        for step in setup:
            kept = new_name()
            self.at_end(self.engine.remove_image, kept)
            result = run_command(self.engine, image, step, timeout=timeout, env=env, keep=kept, judged=())
            if result.exit_code is None:
                return result
            image = kept
        return run_command(self.engine, image, command, timeout=timeout, env=env, judged=judged)

    def started(self) -> AbstractContextManager[Running]:
        """Start the image as it starts by itself, for the duration of the block."""
        from grader.facts.engine.container import started

        return started(self.engine, self.runnable)

    @property
    def runnable(self) -> str:
        """The name of the image that was built. An image from an archive is not run."""
        return self.build.image


def _has_image(_facts: Facts, reference: ImageReference) -> bool:
    from grader.facts.registry.lookup import has_manifest

    return has_manifest(reference)


def _manifest(facts: Facts, repository: str, tag: str) -> Manifest | None:
    return facts.served(repository).manifest(tag)
