"""OBSERVE: what can be known of a submission, each thing measured once, when first asked for.

    facts.dockerfile       what its Dockerfile says                   (no engine)
    facts.plan             its stages and variables resolved          (no engine)
    facts.context          what reaches the builder                   (no engine)
    facts.build            the finished build and its log
    facts.image            the image: config, layers, files
    facts.configured_user  whom a container starts as
    facts.run(command)     a command in a fresh container -> Outcome
    facts.started()        the image as it starts by itself -> Running

A fact raises SubmissionFault where the submission makes it impossible, and GraderError where it could not be looked at.
Asked again, it raises the same object: so a check that meets a fault another check met can be told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from grader.errors import EngineFailure, GraderError, SubmissionFault
from grader.facts.engine import Engine
from grader.submission import Submission
from grader.units import format_size

if TYPE_CHECKING:
    from grader.facts.build import Build
    from grader.facts.buildlog import Vertex
    from grader.facts.container import Outcome, Running, Seen
    from grader.facts.context import BuildContext
    from grader.facts.dockerfile import Dockerfile
    from grader.facts.image import Image
    from grader.facts.users import User

T = TypeVar("T")

MAX_DOCKERFILE = 1_000_000
"""Bytes of a Dockerfile that are read."""


class Fact(Generic[T]):
    """A property that is measured once; a fault is kept like a value, and raised again each time."""

    def __init__(self, measure: Callable[[Facts], T]) -> None:
        self.measure = measure
        self.__doc__ = measure.__doc__
        self.name = measure.__name__

    @overload
    def __get__(self, facts: None, kind: type[Facts]) -> Fact[T]: ...
    @overload
    def __get__(self, facts: Facts, kind: type[Facts]) -> T: ...
    def __get__(self, facts: Facts | None, kind: type[Facts]) -> Fact[T] | T:
        if facts is None:
            return self
        return facts.once(self.name, lambda: self.measure(facts))


class Facts:
    """What can be known of one submission. Use it in a `with` block: leaving it removes what was made on the engine."""

    def __init__(
        self,
        submission: Submission,
        *,
        engine: Engine | None = None,
        on_step: Callable[[Vertex], None] | None = None,
    ) -> None:
        """With no `engine`, one is connected to when first needed; `on_step` is told of each build step."""
        self.submission = submission
        self.settings = submission.settings
        self._given_engine = engine
        self._on_step = on_step
        self._known: dict[str, object] = {}
        self._faults: dict[str, Exception] = {}
        self._lock = threading.RLock()
        self._cleanup = ExitStack()

    def __enter__(self) -> Facts:
        return self

    def __exit__(self, *fault: object) -> None:
        self._cleanup.close()

    def once(self, name: str, measure: Callable[[], T]) -> T:
        """What `measure` gives, measured once under that name; SubmissionFault and GraderError are kept as well."""
        with self._lock:
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

    @Fact
    def engine(self) -> Engine:
        """The engine. EngineUnavailable where none answers."""
        if self._given_engine:
            return self._given_engine
        return self._cleanup.enter_context(closing(Engine.connect()))

    @Fact
    def dockerfile(self) -> Dockerfile:
        """The Dockerfile as written. DockerfileSyntaxError where BuildKit reports one."""
        from grader.facts.dockerfile.parser import parse

        with self.submission.dockerfile.open("rb") as file:
            text = file.read(MAX_DOCKERFILE + 1)
        if len(text) > MAX_DOCKERFILE:
            raise SubmissionFault(f"{self.settings.dockerfile} is larger than {format_size(MAX_DOCKERFILE)}")
        return parse(text, source=self.settings.dockerfile)

    @Fact
    def context(self) -> BuildContext:
        """What reaches the builder."""
        from grader.facts.context import BuildContext

        return BuildContext(self.submission.context, self.submission.dockerfile)

    @Fact
    def build(self) -> Build:
        """The build, ended well. BuildFailed or a Dockerfile's syntax error where it does not."""
        from grader.facts import build

        # Read first: the message is better than BuildKit's, and a file with no stage at all crashes some engines.
        _ = self.dockerfile
        engine = self.engine
        made = build.build(engine, self.submission, on_step=self._on_step)
        self._cleanup.callback(engine.remove_image, made.image)
        return made

    @Fact
    def image(self) -> Image:
        """The image that was built."""
        from grader.facts.image import Image

        engine, name = self.engine, self.build.image
        try:
            found = engine.inspect_image(name)
        except KeyError:
            raise EngineFailure("the image that was built is gone from the engine: grade again") from None
        digests = [text.rpartition("@")[2] for text in found.get("RepoDigests") or ()]
        return Image(
            lambda: engine.save_image(name),
            name=str(found["Id"]),
            digest=digests[0] if digests else None,
            platform=(str(found.get("Os")), str(found.get("Architecture"))),
        )

    def run(
        self,
        command: str | list[str] | None = None,
        *,
        timeout: float = 30.0,
        network: bool = False,
    ) -> Outcome:
        """Run the image's own command, or another, in a fresh container until it ends or `timeout` seconds are over.

        A string goes through the image's shell, a list is run as it is; both in place of the entrypoint.
        """
        from grader.facts import container

        return container.run(self.engine, self.build.image, command, timeout=timeout, network=network)

    @Fact
    def configured_user(self) -> User:
        """Whom a container starts as, by the image's config and its own /etc/passwd. UnknownUser where nobody."""
        from grader.facts.users import resolve

        files = self.image.read_all(["/etc/passwd", "/etc/group"], limit=4_000_000)
        return resolve(self.image.config.user, files["/etc/passwd"], files["/etc/group"])

    def main_process(self, patience: float) -> Seen:
        """The main process as it runs, given `patience` seconds to drop root; see `container.watch`."""
        from grader.facts import container

        with self.started() as running:
            return container.watch(running, patience)

    def started(self, *, network: bool = False) -> AbstractContextManager[Running]:
        """The image as it starts by itself, for as long as the block lasts."""
        from grader.facts import container

        return container.started(self.engine, self.build.image, network=network)
