"""OBSERVE: what can be known of a submission, each thing measured once, when first asked for.

    facts.submission       the private copy of its folder             (no engine)
    facts.dockerfile       what its Dockerfile says                   (no engine)
    facts.plan             its stages and variables resolved          (no engine)
    facts.context          what reaches the builder                   (no engine)
    facts.taken            what it takes from outside, and how pinned (no engine)
    facts.build            the finished build and its log
    facts.steps            each instruction, and whether it ran or was reused
    facts.image            the image: config, layers, files           (or from an archive, with no engine)
    facts.leaks            where secrets show in the image and its build
    facts.base             which of its layers the base image brought
    facts.shipment         everything the image ships, visible or not
    facts.scan(snapshot)   which packages it lists, and the advisories about them
    facts.configured_user  whom a container starts as
    facts.run(command)     a command in a fresh container -> Outcome
    facts.started()        the image as it starts by itself -> Running
    facts.main_process()   the main process as it was seen running -> Seen
    facts.health(within)   what its HEALTHCHECK finds              -> Health
    facts.stopped(within)  what became of it when asked to stop    -> Stopped
    facts.service(port)    what it serves over HTTP                -> Service
    facts.signatures(…)    who signed what it was pushed as        -> Signatures
    facts.sboms(…)         which SBOMs are attached to that        -> Sboms
    facts.pushed(…)        what its tags serve, held against what its folder builds -> Pushed
    facts.platforms(…)     what a tag serves for each platform     -> Platforms  (no engine)

A fact raises SubmissionFault where the submission makes it impossible, and GraderError where it could not be looked at.
Asked again, it raises the same object: so a check that meets a fault another check met can be told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from grader.errors import (
    EngineFailure,
    ExerciseInvalid,
    GraderError,
    NotObservable,
    SubmissionFault,
    SubmissionUnusable,
)
from grader.facts.engine import Engine
from grader.facts.fact import Fact
from grader.repository import DEFAULT_LEARNER, fill, learner_name
from grader.submission import Submission
from grader.units import format_size

if TYPE_CHECKING:
    from grader.canary import Canary
    from grader.facts.advisories import SnapshotName
    from grader.facts.base import Base
    from grader.facts.build import Build
    from grader.facts.buildlog import Vertex
    from grader.facts.container import Outcome, Running, Seen
    from grader.facts.context import BuildContext
    from grader.facts.cosign import Cosign
    from grader.facts.dockerfile import Dockerfile, ImageReference, Step
    from grader.facts.dockerfile.resolved import Build as Plan
    from grader.facts.health import Health
    from grader.facts.image import Image
    from grader.facts.inventory import Blinding
    from grader.facts.leaks import Ear, Leak
    from grader.facts.pins import Taken
    from grader.facts.platforms import Platforms
    from grader.facts.purl import Package
    from grader.facts.pushed import Pushed
    from grader.facts.registry import Manifest, Platform, Repository
    from grader.facts.sbom import Sboms
    from grader.facts.scan import Scan
    from grader.facts.service import Answer, Service
    from grader.facts.shipping import Shipment
    from grader.facts.signature import Elsewhere, Signatures
    from grader.facts.steps import BuiltStep
    from grader.facts.stopping import Stopped
    from grader.facts.users import User

T = TypeVar("T")

MAX_DOCKERFILE = 1_000_000
"""Bytes of a Dockerfile that are read."""


class Facts:
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
        """From a folder, an image archive on disk (then nothing is built), or both.

        With no `engine`, one is connected to when first needed; `exercise` is the exercise's folder, `images` are its
        base images, by catalogue name; `learner` is whose repositories are meant; `on_step` is told of each build step.

        UnusableInput where `learner` cannot be a part of a repository's name.
        """
        self._submission = submission
        self._archive = archive
        self._given_engine = engine
        self._exercise = exercise
        self.images = tuple(images)
        self._learner = learner_name(learner)
        self.on_step = on_step
        self._known: dict[str, object] = {}
        self._faults: dict[str, Exception] = {}
        self._lock = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}
        """One for each fact, so that several checks may measure different ones at the same time."""
        self._cleanup = ExitStack()

    def __enter__(self) -> Facts:
        return self

    def __exit__(self, *fault: object) -> None:
        self._cleanup.close()

    def once(self, name: str, measure: Callable[[], T]) -> T:
        """What `measure` gives, measured once under that name; SubmissionFault and GraderError are kept as well.

        Whoever asks while another measures it waits for that.
        """
        with self._lock:
            lock = self._locks.setdefault(name, threading.RLock())
        with lock:
            if name in self._faults:
                raise self._faults[name].with_traceback(None)
            if name not in self._known:
                try:
                    self._known[name] = measure()
                except (SubmissionFault, GraderError) as fault:
                    self._faults[name] = fault
                    raise
            return self._known[name]  # type: ignore[return-value]

    def known(self, name: str) -> bool:
        """Whether that fact was measured, and with success."""
        return name in self._known

    def at_end(self, callback: Callable[..., object], *args: object) -> None:
        """Call this when the facts are done with: for what a fact made and must not outlive it."""
        self._cleanup.callback(callback, *args)

    @property
    def has_folder(self) -> bool:
        """Whether a folder was handed in, not an image alone."""
        return self._submission is not None

    @property
    def from_archive(self) -> bool:
        """Whether the image is one from an archive, and not built."""
        return self._archive is not None

    def repository(self, text: str) -> str:
        """A repository, or a text that names one, as an exercise writes it: with the learner's name filled in."""
        return fill(text, self._learner)

    def exercise_file(self, name: str) -> Path:
        """A file of the exercise's own folder, never of the submission. ExerciseInvalid where it is not there."""
        if self._exercise is None:
            raise NotObservable(f"{name} is a file of an exercise, and none was given")
        path = (self._exercise / name).resolve()
        if not path.is_relative_to(self._exercise.resolve()):
            raise ExerciseInvalid(f"{self._exercise / name}: leads out of the exercise's folder")
        if not path.is_file():
            raise ExerciseInvalid(
                f"{self._exercise / name}: there is no such file, and a check of the exercise needs it"
            )
        return path

    def exercise_function(self, file: str, name: str) -> AbstractContextManager[Callable[..., Any]]:
        """A function of the exercise's own, for as long as the block lasts; see `function.loaded`."""
        from grader.facts.function import loaded

        return loaded(self.exercise_file(file), name)

    def measured(self, wanted: str) -> int | str:
        """A measure of the image that was built, or of one in a registry; see `measure.measure`."""
        from grader.facts.measure import Measure, measure

        return measure(self, Measure.parse(wanted, self._learner))

    def submitted_file(self, name: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file of the submission; None where there is no such file."""
        path = (self.submission.folder / name).resolve()
        if not path.is_relative_to(self.submission.folder.resolve()) or not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(limit)

    @Fact
    def submission(self) -> Submission:
        """The private copy of the folder. NotObservable where only an image was handed in."""
        if self._submission is None:
            raise NotObservable("an image alone was handed in, and this is seen in its folder: grade that")
        return self._submission

    @Fact
    def engine(self) -> Engine:
        """The engine. EngineUnavailable where none answers; NotObservable where an image was handed in: that is only
        looked at, neither built nor run."""
        if self._archive:
            raise NotObservable(
                "an image was handed in, which is only looked at, neither built nor run: grade the folder it comes from"
            )
        if self._given_engine:
            return self._given_engine
        return self._cleanup.enter_context(closing(Engine.connect()))

    @Fact
    def dockerfile(self) -> Dockerfile:
        """The Dockerfile as written. DockerfileSyntaxError where BuildKit reports one."""
        from grader.facts.dockerfile.parser import parse

        name = self.submission.settings.dockerfile
        with self.submission.dockerfile.open("rb") as file:
            text = file.read(MAX_DOCKERFILE + 1)
        if len(text) > MAX_DOCKERFILE:
            raise SubmissionFault(f"{name} is larger than {format_size(MAX_DOCKERFILE)}")
        return parse(text, source=name)

    @Fact
    def plan(self) -> Plan:
        """The Dockerfile with its variables replaced, for the exercise's target and arguments. DockerfileError."""
        from grader.facts.dockerfile.build import resolve

        settings = self.submission.settings
        return resolve(self.dockerfile, target=settings.target, args=settings.args)

    @Fact
    def context(self) -> BuildContext:
        """What reaches the builder."""
        from grader.facts.context import BuildContext

        return BuildContext(self.submission.context, self.submission.dockerfile)

    @Fact
    def taken(self) -> tuple[Taken, ...]:
        """What the build takes from outside, and how firmly each thing is named."""
        from grader.facts.pins import taken

        return taken(self.plan, self.context, self.submission.settings.dockerfile)

    @Fact
    def scripts(self) -> Mapping[int, Sequence[Step]]:
        """The shell scripts of the context that each RUN starts, as steps, by the `id` of the RUN's step in `plan`."""
        from grader.facts.pins import scripts

        return scripts(self.plan, self.context, self.submission.settings.dockerfile)

    def has_image(self, reference: ImageReference) -> bool:
        """Whether the registry holds the digest of a reference. RegistryUnavailable where it cannot be asked."""
        from grader.facts.registry import has_manifest

        return self.once(f"image {reference}", lambda: has_manifest(reference))

    @Fact
    def build(self) -> Build:
        """The build, ended well. BuildFailed or a DockerfileSyntaxError where it does not."""
        from grader.facts import build

        submission = self.submission
        # Read and resolved first: its words are better than BuildKit's, and some files bring some engines down.
        _ = self.plan
        engine = self.engine
        on_output = self.ear.hear if submission.canaries else None
        made = build.build(engine, submission, on_step=self.on_step, on_output=on_output)
        self.at_end(engine.remove_image, made.image)
        return made

    @Fact
    def canaries(self) -> tuple[Canary, ...]:
        """What was planted in the submission. NotObservable where an image was handed in instead."""
        if self._archive:
            raise NotObservable("an image archive was handed in, and nothing could be planted: give the folder alone")
        return self.submission.canaries

    @Fact
    def ear(self) -> Ear:
        """What has heard the build's output."""
        from grader.facts.leaks import Ear

        return Ear(self.canaries)

    @Fact
    def leaks(self) -> tuple[Leak, ...]:
        """Where secrets show in the image and its build."""
        from grader.facts.leaks import find

        return find(self)

    @Fact
    def steps(self) -> Sequence[BuiltStep]:
        """Every instruction of the stages that were built, and what became of it."""
        from grader.facts.steps import match

        return match(self.build.log, self.plan)

    @Fact
    def image(self) -> Image:
        """The image that was built, or the one in the archive."""
        from grader.facts.archive import open_file
        from grader.facts.image import Image
        from grader.facts.kept import Kept

        archive = self._archive
        if archive:
            return Image(lambda: open_file(archive), unusable=SubmissionUnusable)
        engine, name = self.engine, self.build.image
        try:
            found = engine.inspect_image(name)
        except KeyError:
            raise EngineFailure("the image that was built is gone from the engine: grade again") from None
        digests = [text.rpartition("@")[2] for text in found.get("RepoDigests") or ()]
        source = Kept(lambda: engine.save_image(name), self.submission.folder.parent)
        return Image(source, name=str(found["Id"]), digest=digests[0] if digests else None)

    @Fact
    def cosign(self) -> Cosign:
        """Cosign, which judges signatures."""
        from grader.facts.cosign import Cosign

        return Cosign()

    def signatures(self, repository: str, tag: str, key: str) -> Signatures | None:
        """The signatures over what a tag of a repository names, held against the public key in the submission's file
        `key`; None where there is no such tag. NoPublicKey, RegistryUnavailable, NotAManifest, DigestMismatch."""
        from grader.facts import signature

        return self._attached("signatures", repository, tag, key, signature.look)

    def signed_elsewhere(self, repository: str, tag: str, key: str) -> Elsewhere | None:
        """What the key signed instead of what that tag names; see `signature.elsewhere`."""
        from grader.facts import signature

        served, manifest = self._served(repository), self._manifest(repository, tag)
        return signature.elsewhere(served, manifest, self._public_key(key), self.cosign) if manifest else None

    def sboms(self, repository: str, tag: str, key: str | None) -> Sboms | None:
        """The SBOMs attached to what a tag of a repository names, held against the public key in the submission's file
        `key` where one is given; None where there is no such tag. Errors as of `signatures`."""
        from grader.facts import sbom

        return self._attached("sboms", repository, tag, key, sbom.look)

    def inventory(self, repository: str, digest: str) -> frozenset[Package]:
        """The packages that an image of a repository holds, by the scanner's list."""
        from grader.facts import sbom

        return self.once(f"inventory {repository}@{digest}", lambda: sbom.inventory(self._served(repository), digest))

    def _attached(self, what: str, repository: str, tag: str, key: str | None, look: Callable[..., T]) -> T | None:
        """What `look` finds attached to what a tag names; None where there is no such tag."""

        def measure() -> T | None:
            public = self._public_key(key) if key else None
            manifest = self._manifest(repository, tag)
            return look(self._served(repository), manifest, public, self.cosign) if manifest else None

        return self.once(f"{what} {repository}:{tag} {key}", measure)

    def _public_key(self, name: str) -> bytes:
        from grader.facts import signature

        return signature.public_key(self.submitted_file(name, signature.MAX_KEY + 1), name)

    def _served(self, repository: str) -> Repository:
        from grader.facts.registry import Repository

        return Repository.parse(self.repository(repository))

    def _manifest(self, repository: str, tag: str) -> Manifest | None:
        """What a tag names, looked up once: whoever asks about it means the same, also where it moves meanwhile."""
        return self.once(f"manifest {repository}:{tag}", lambda: self._served(repository).manifest(tag))

    @Fact
    def base(self) -> Base:
        """Which of the image's layers came with its base image."""
        from grader.facts.base import find

        return find(self)

    @Fact
    def shipment(self) -> Shipment:
        """Everything the image ships, visible or not."""
        from grader.facts.shipping import shipment

        return shipment(self)

    def scan(self, name: SnapshotName) -> Scan:
        """What the scanner finds in the image, by the advisories as they were known in that snapshot."""
        from grader.facts.scan import scan_image

        return self.once(f"scan {name}", lambda: scan_image(self.image, name))

    def blindings(self, name: SnapshotName) -> tuple[Blinding, ...]:
        """Where that scan could not see what the image holds; see `inventory`."""
        from grader.facts import inventory

        return self.once(f"blindings {name}", lambda: inventory.find(self.image, self.scan(name)))

    @Fact
    def configured_user(self) -> User:
        """Whom a container starts as, by the image's config and its own /etc/passwd. UnknownUser where nobody."""
        from grader.facts.users import MAX_TABLE, TABLES, resolve

        files = self.image.read_all(TABLES, MAX_TABLE)
        return resolve(self.image.config.user, *(files[table] for table in TABLES))

    def run(self, command: str | list[str] | None = None, *, timeout: float = 30.0) -> Outcome:
        """Run the image's own command, or another, in a fresh container until it ends or `timeout` seconds are over.

        A string goes through /bin/sh, a list is run as it is; both in place of the image's entrypoint.
        """
        from grader.facts import container

        return container.run(self.engine, self._runnable, command, timeout=timeout)

    def run_after(
        self, setup: Sequence[list[str]], command: list[str], env: Mapping[str, str], *, timeout: float
    ) -> Outcome:
        """`run`, in the file system that the commands of `setup` left, one after the other, whatever their status.

        `env` is added to the environment of all. An Outcome without exit status may be that of a setup.
        """
        from grader.facts import container
        from grader.facts.build import new_name

        image = self._runnable
        for step in setup:
            left = new_name()
            self.at_end(self.engine.remove_image, left)
            outcome = container.run(self.engine, image, step, timeout=timeout, env=env, keep=left)
            if outcome.exit_code is None:
                return outcome
            image = left
        return container.run(self.engine, image, command, timeout=timeout, env=env)

    def started(self) -> AbstractContextManager[Running]:
        """The image as it starts by itself, for as long as the block lasts."""
        from grader.facts import container

        return container.started(self.engine, self._runnable)

    def main_process(self, patience: float) -> Seen:
        """The main process as it runs, given `patience` seconds to drop root; see `container.watch`."""
        from grader.facts import container

        with self.started() as running:
            return container.watch(running, patience)

    def stopped(self, within: float) -> Stopped:
        """What became of the image, started by itself, when asked to stop; see `stopping.stop`."""
        from grader.facts import stopping

        return stopping.stop(self.engine, self._runnable, self.image.config.stop_signal, within)

    def health(self, within: float) -> Health | None:
        """What the image's HEALTHCHECK finds; None where it has none, or NONE. See `health.watch`."""
        from grader.facts import health

        check = self.image.config.healthcheck
        if not check or check.test[:1] not in (("CMD",), ("CMD-SHELL",)):
            return None
        return health.watch(self.engine, self._runnable, within)

    def service(self, port: int, path: str, good: Callable[[Answer], bool], within: float) -> Service:
        """How the image, started by itself, answers `GET path` at that port: asked again until an answer is `good`, or
        `within` seconds are over. See `service.watch`."""
        from grader.facts import service

        return service.watch(self.engine, self._runnable, port, path, good, within)

    def pushed(self, repository: str, tags: Sequence[str]) -> Pushed:
        """What a registry serves under these tags of the learner's repository, held against what the folder builds; see
        `pushed.look`. Nothing is built where nothing is pushed."""
        from grader.facts import pushed

        served = self._served(repository)
        return self.once(f"pushed {served}:{','.join(tags)}", lambda: pushed.look(self, served, tags))

    def platforms(self, repository: str, tag: str, wanted: Sequence[Platform]) -> Platforms | None:
        """What a tag of the learner's repository serves for each platform; None where there is no such tag. See
        `platforms.look`."""
        from grader.facts import platforms

        def measure() -> Platforms | None:
            folder = self.submission.folder.parent if self.has_folder else None
            return platforms.look(self._served(repository), tag, wanted, folder)

        return self.once(f"platforms {repository}:{tag} {wanted}", measure)

    @property
    def _runnable(self) -> str:
        """The name of the image that was built; one from an archive is not run."""
        return self.build.image
