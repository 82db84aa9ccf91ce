"""Base images at localhost:5000/base/NAME:TAG: from upstream where that is reachable, by recipe where it is not.

An image made by recipe carries its origin and the recipe's fingerprint as labels. One from upstream is kept byte for
byte, and so has no label of ours; only where private certificates must be added is a thin image made on top of it, and
labelled. An image made by another form of the recipe, or for other certificates, is made again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from time import monotonic

from layerwise.errors import LabError
from layerwise.stack import certificates, distribution, recipe, upstream
from layerwise.stack.catalogue import HERE, Image, catalogue, find, first, order
from layerwise.stack.run import CommandFailed, Stopped, run

__all__ = ["WORKERS", "NotAvailable", "catalogue", "find", "first", "forget", "order", "present", "reference", "seed"]

WORKERS = 2
PUSH_TIMEOUT = 15 * 60.0
SHORT = 60.0
HERE_ALREADY = "already here"

Report = Callable[[str, str], None]


class NotAvailable(LabError):
    """An image that only upstream has, and upstream is out of reach. What uses it is to be skipped, and said so."""


def reference(name: str) -> str:
    """What a Dockerfile says to build on the image: localhost:5000/base/NAME:TAG."""
    return f"{distribution.REGISTRY}/base/{name}"


def present(env: Mapping[str, str]) -> dict[str, str]:
    """The base images that the registry holds: name -> digest. Raises LabError when the registry does not answer."""
    found = {image.name: distribution.digest(image.repository, image.tag) for image in catalogue().values()}
    return {name: digest for name, digest in found.items() if digest}


def seed(names: Iterable[str], *, env: Mapping[str, str], offline: bool = False, report: Report) -> None:
    """See to it that each of `names` is in the registry; return when all are.

    `report` is called with a name and what happens to it, from several threads. With `offline`, only what the registry
    or the engine already holds is used. What is there and up to date is left alone, so a second call goes on where a
    first one was stopped. Where one image fails the others are still finished, and then its failure is raised:
    InputError for an unknown name (before anything is done), NotAvailable for an image that cannot be had here (the
    least of them: raised only when nothing worse happened), LabError for the rest.
    """
    wanted = [find(name).name for name in names]
    seeding = _Seeding(env, certificates.trusted(env), offline, report)
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
    for problem in sorted(problems, key=lambda problem: isinstance(problem, NotAvailable)):
        raise problem


def forget(env: Mapping[str, str]) -> None:
    """Remove the base images' tags from the engine (the registry keeps its copies). Raises LabError."""
    listing = run(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], env=env, timeout=SHORT)
    mine = [line for line in listing.split() if line.startswith(reference("")) and not line.endswith(":<none>")]
    if mine:
        run(["docker", "image", "rm", "--no-prune", *mine], env=env, timeout=SHORT)


def fingerprint(image: Image) -> str:
    """The fingerprint of an image's recipe and of all it builds on."""
    return recipe.fingerprint(HERE / image.recipe, [fingerprint(catalogue()[need]) for need in image.needs])


def is_fresh(image: Image, labels: Mapping[str, str] | None, trust: certificates.Trust) -> bool:
    """Whether an image with these labels (None: no image) will do, from whichever source it came.

    It must come from the recipe as it is today, and trust the private certificates named today. Where none are named,
    any that it trusts do no harm: a shell without the variables must not throw away what a shell with them made.
    """
    if labels is None:
        return False
    if trust.private and labels.get(recipe.CERTIFICATES, "") != trust.fingerprint:
        return False
    if labels.get(recipe.ORIGIN) == "recipe":
        return bool(image.recipe) and labels.get(recipe.RECIPE) == fingerprint(image)
    return True


class _Seeding:
    """One call of `seed`: each image is looked after once, by whichever thread asks for it first."""

    def __init__(self, env: Mapping[str, str], trust: certificates.Trust, offline: bool, report: Report) -> None:
        self.env = env
        self.trust = trust
        self.offline = offline
        self.report = report
        self.cancel = threading.Event()
        self._locks = {name: threading.Lock() for name in catalogue()}
        self._done: set[str] = set()

    def ensure(self, image: Image) -> None:
        """Have the image in the registry. Raises LabError naming the image and a remedy."""
        with self._locks[image.name]:
            if image.name in self._done:
                return
            if self.cancel.is_set():
                raise Stopped(f"{image.name}: stopped")
            started = monotonic()
            try:
                how = self._ensure(image)
            except CommandFailed as problem:
                raise LabError(f"{image.name}: {problem}; ./lab doctor looks for the cause, ./lab up goes on") from None
            self._done.add(image.name)
            self.report(image.name, how if how == HERE_ALREADY else f"{how} ({monotonic() - started:.0f} s)")

    def _ensure(self, image: Image) -> str:
        labels = distribution.labels(image.repository, image.tag)
        if is_fresh(image, labels, self.trust):
            return HERE_ALREADY
        if self.offline:
            return self._from_what_is_here(image, labels)
        here = upstream.labels(reference(image.name), self.env)
        if here and recipe.ORIGIN in here and is_fresh(image, here, self.trust):
            self._push(image)
            return "pushed"
        if upstream.reachable(image.registry):
            try:
                return self._from_upstream(image)
            except CommandFailed as problem:  # a pull quota, an image that has gone, a connection that broke
                if not image.recipe:
                    raise NotAvailable(f"{image.name} could not be pulled: {problem}; try again later") from None
                self.report(image.name, f"upstream failed, using the recipe: {problem}")
        if not image.recipe:
            raise NotAvailable(f"{image.name} comes from {image.registry} only, which cannot be reached from here")
        return self._from_recipe(image)

    def _from_what_is_here(self, image: Image, labels: Mapping[str, str] | None) -> str:
        if labels is not None:
            return "already here, made with another recipe or other certificates"
        if upstream.labels(reference(image.name), self.env) is None:
            kind = LabError if image.recipe else NotAvailable
            raise kind(
                f"{image.name} is not here and --offline allows no download; run: ./lab up --images {image.name}"
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
            self._on_engine(catalogue()[need])
        self.report(image.name, f"building from its recipe, about {image.seconds} s")
        make(image, env=self.env, trust=self.trust, report=self.report, cancel=self.cancel)
        self._push(image)
        return "ready, by recipe"

    def _on_engine(self, image: Image) -> None:
        """A recipe builds on the engine's copy: have one, and have the registry's."""
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
    """Make the image by its recipe, on the engine only, under its name in the registry. Raises LabError."""
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
    """Wait for all of them, in short turns so that Ctrl-C is heard. Each has its own deadlines."""
    waiting = set(futures)
    while waiting:
        _, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
