"""Base images at localhost:5000/base/NAME:TAG: from upstream if it can be reached, else by recipe.

An image made by recipe has its origin and the recipe's fingerprint as labels. One from upstream is kept byte by byte,
and so has no label of ours. If private certificates must be added, a thin image is made on top of it and labelled. An
image made by another version of its recipe, or for other certificates, is made again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from time import monotonic
from typing import TypeVar

from grader.errors import RegistryUnavailable, SubmissionFault
from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.registry import lookup
from layerwise.errors import LabError
from layerwise.stack import certificates, lock, paths, recipe, upstream
from layerwise.stack.addresses import REGISTRY
from layerwise.stack.catalogue import HERE, Image, catalogue, find, order
from layerwise.stack.run import CommandFailed, Stopped, run

WORKERS = 2
PUSH_TIMEOUT = 15 * 60.0
SHORT = 60.0
HERE_ALREADY = "already here"
LATER = "comes when there is a registry"

Report = Callable[[str, str], None]
T = TypeVar("T")


class NotAvailable(LabError):
    """Only upstream has the image, and it cannot be reached. Whatever uses the image is skipped, and the user told."""


def reference(name: str) -> str:
    """The reference of a base image, for FROM in a Dockerfile: localhost:5000/base/NAME:TAG."""
    return f"{REGISTRY}/base/{name}"


def present() -> dict[str, str]:
    """The base images that the registry holds: name -> digest. Raises LabError if the registry cannot say."""
    return {name: found for name in catalogue() if (found := digest(name))}


def digest(name: str) -> str | None:
    """The digest of a base image in the registry, None if it is not there. Raises LabError if the registry cannot
    say."""
    return _asked(lookup.digest, name)


def _asked(ask: Callable[[ImageReference], T | None], name: str) -> T | None:
    """What the lab's registry says of a base image. Raises LabError if it cannot say."""
    place = parse_reference(reference(name))
    try:
        return ask(place) if place else None
    except RegistryUnavailable as problem:
        raise LabError(f"{problem}; run: ./lab up") from None
    except SubmissionFault as problem:
        raise LabError(f"{name} in the lab's registry cannot be used: {problem}; run: ./lab doctor") from None


def seed(names: Iterable[str], *, env: Mapping[str, str], offline: bool = False, report: Report) -> None:
    """Bring each of `names` into the registry; return when all are there.

    `report` is called with a name and what happens to it, from several threads. With `offline`, only what the registry
    or the engine already has is used. An image that is up to date is left alone, so a second call continues where the
    first one was stopped. If one image fails, the others are still finished; then the failure is raised.

    Raises InputError for an unknown name, before anything is done; NotAvailable for an image that cannot be had here,
    but only if nothing worse happened; and LabError for all other failures.
    """
    _bring(names, _Seeding(env, certificates.trusted(env), offline, report))


def _bring(names: Iterable[str], seeding: _Seeding) -> None:
    """Handle each image in a thread, in the order in which they need each other; then raise what went wrong."""
    wanted = [find(name).name for name in names]
    ordered = [name for name in order(wanted) if name in wanted]
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="seed") as pool:
        futures = [pool.submit(seeding.ensure, catalogue()[name]) for name in ordered]
        try:
            _all_done(futures)
        except BaseException:
            seeding.cancel.set()
            for future in futures:
                future.cancel()
            raise
    problems = [problem for future in futures if (problem := future.exception())]
    for problem in problems:
        if not isinstance(problem, NotAvailable):
            raise problem
    if problems:
        raise NotAvailable("; ".join(map(str, problems)))


def prepare(
    names: Iterable[str], *, env: Mapping[str, str], report: Report, cancel: threading.Event | None = None
) -> None:
    """Have the engine make those of `names` that have a recipe, while there is no registry yet: `seed` then has only to
    push them. Raises as `seed` does, and Stopped when `cancel` is set."""
    _bring(names, _Seeding(env, certificates.trusted(env), False, report, registry=False, cancel=cancel))


def forget(env: Mapping[str, str]) -> None:
    """Remove the tags of the base images from the engine; the registry keeps its copies. Raises LabError."""
    listing = run(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], env=env, timeout=SHORT)
    mine = [line for line in listing.split() if line.startswith(reference("")) and not line.endswith(":<none>")]
    if mine:
        run(["docker", "image", "rm", "--no-prune", *mine], env=env, timeout=SHORT)


def fingerprint(image: Image) -> str:
    """The fingerprint of an image's recipe and of everything it builds on."""
    return recipe.fingerprint(HERE / image.recipe, [fingerprint(catalogue()[need]) for need in image.needs])


def is_fresh(image: Image, labels: Mapping[str, str] | None, trust: certificates.Trust) -> bool:
    """Whether an image with these labels (None: no image) will do, whether from upstream or by recipe.

    It must be made by today's recipe, and trust the private certificates that are named today. If none are named, those
    it trusts do no harm: a shell without the variables must not discard what a shell with them made.
    """
    if labels is None:
        return False
    if trust.private and labels.get(recipe.CERTIFICATES, "") != trust.fingerprint:
        return False
    if labels.get(recipe.ORIGIN) == "recipe":
        return bool(image.recipe) and labels.get(recipe.RECIPE) == fingerprint(image)
    return True


class _Seeding:
    """One call of `seed` or `prepare`: each image is handled once, by the thread that asks for it first."""

    def __init__(
        self,
        env: Mapping[str, str],
        trust: certificates.Trust,
        offline: bool,
        report: Report,
        registry: bool = True,
        cancel: threading.Event | None = None,
    ) -> None:
        self.env = env
        self.trust = trust
        self.offline = offline
        self.report = report
        self.registry = registry
        self.cancel = cancel or threading.Event()
        self._locks = {name: threading.Lock() for name in catalogue()}
        self._done: set[str] = set()

    def ensure(self, image: Image) -> None:
        """Bring the image into the registry. Raises LabError with the image's name and a remedy."""
        with self._locks[image.name]:
            if image.name in self._done:
                return
            if self.cancel.is_set():
                raise Stopped(f"{image.name}: stopped")
            started = monotonic()
            try:
                how = HERE_ALREADY if is_fresh(image, self._labels(image), self.trust) else self._brought(image)
            except CommandFailed as problem:
                raise LabError(
                    f"{image.name}: {problem}; ./lab doctor looks for the cause, ./lab up tries again"
                ) from None
            self._done.add(image.name)
            self.report(image.name, how if how == HERE_ALREADY else f"{how} ({monotonic() - started:.0f} s)")

    def _labels(self, image: Image) -> Mapping[str, str] | None:
        """The labels of the image where it is to be: in the registry, or on the engine."""
        if self.registry:
            return _asked(lookup.labels, image.name)
        return upstream.labels(reference(image.name), self.env)

    def _brought(self, image: Image) -> str:
        """Bring the image, or wait while another process does."""

        def wait(first: bool) -> None:
            if self.cancel.is_set():
                raise Stopped(f"{image.name}: stopped")
            if first:
                self.report(image.name, "waiting: it is being brought already")

        with lock.turn(paths.home(), f"image-{image.name.replace('/', '-')}", wait):
            return self._ensure(image)

    def _ensure(self, image: Image) -> str:
        labels = self._labels(image)
        if is_fresh(image, labels, self.trust):
            return HERE_ALREADY
        if self.offline:
            return self._from_what_is_here(image, labels)
        if not self.registry:
            return self._from_recipe(image) if image.recipe else LATER
        here = upstream.labels(reference(image.name), self.env)
        if here and recipe.ORIGIN in here and is_fresh(image, here, self.trust):
            self._push(image)
            return "pushed"
        if upstream.has(image.upstream, self.env):
            try:
                return self._from_upstream(image)
            except CommandFailed as problem:  # a pull quota, an image that has gone, a connection that broke
                if not image.recipe:
                    raise NotAvailable(f"{image.name} could not be pulled: {problem}; try again later") from None
                self.report(image.name, f"upstream failed, using the recipe: {problem}")
        if not image.recipe:
            raise NotAvailable(f"only {image.registry} has {image.name}, and the engine cannot get it from there")
        return self._from_recipe(image)

    def _from_what_is_here(self, image: Image, labels: Mapping[str, str] | None) -> str:
        if labels is not None:
            return "already here, made with another recipe or other certificates"
        if upstream.labels(reference(image.name), self.env) is None:
            kind = LabError if image.recipe else NotAvailable
            raise kind(
                f"{image.name} is not here, and --offline forbids a download; run: ./lab up --images {image.name}"
            )
        self._push(image)
        return "pushed"

    def _from_upstream(self, image: Image) -> str:
        upstream.bring(
            image.upstream,
            reference(image.name),
            env=self.env,
            trust=self.trust,
            push=lambda: self._push(image),
            progress=lambda text: self.report(image.name, text),
            cancel=self.cancel,
        )
        return "ready, from upstream"

    def _from_recipe(self, image: Image) -> str:
        for need in image.needs:
            self.ensure(catalogue()[need])
            if self.registry:
                self._on_engine(catalogue()[need])
        self.report(image.name, f"building from its recipe, about {image.seconds} s")
        make(image, env=self.env, trust=self.trust, report=self.report, cancel=self.cancel)
        if self.registry:
            self._push(image)
        return "ready, by recipe"

    def _on_engine(self, image: Image) -> None:
        """Have the engine's copy up to date with the registry's: a recipe builds on it."""
        labels = upstream.labels(reference(image.name), self.env)
        if not is_fresh(image, labels, self.trust):
            run(
                ["docker", "pull", "--quiet", reference(image.name)],
                env=self.env,
                timeout=PUSH_TIMEOUT,
                cancel=self.cancel,
            )

    def _push(self, image: Image) -> None:
        self.report(image.name, "pushing to the registry")
        run(["docker", "push", reference(image.name)], env=self.env, timeout=PUSH_TIMEOUT, cancel=self.cancel)


def make(
    image: Image,
    *,
    env: Mapping[str, str],
    trust: certificates.Trust,
    report: Report,
    cancel: threading.Event | None = None,
) -> None:
    """Make the image by its recipe, on the engine only, and tag it with its name in the registry. Raises LabError."""
    labels = {
        "layerwise": "base",
        recipe.ORIGIN: "recipe",
        recipe.RECIPE: fingerprint(image),
        recipe.CERTIFICATES: trust.fingerprint,
    }
    recipe.make(
        HERE / image.recipe,
        reference(image.name),
        env=env,
        labels=labels,
        trust=trust,
        progress=lambda text: report(image.name, text),
        cancel=cancel,
    )


def _all_done(futures: Iterable[Future[None]]) -> None:
    """Wait for all of them, in short turns so that Ctrl-C gets through. Each has deadlines of its own."""
    waiting = set(futures)
    while waiting:
        _, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
