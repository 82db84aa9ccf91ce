"""Where the base image ends and an image's own layers begin: one rule, for what is graded and for what is only shown.

An image is built on the base image whose layers are its lowest, and on the one with the most layers if several fit.
Layers are compared by digest: a copy of a base image under another name is that base image, and an image built on top
of one adds what lies above it. No other image counts, such as one that a learner built and pushed: its layers are the
image's own.

Two things differ with what is known of an image. For a submission (`base_of`) the exercise says which base images
count, the Dockerfile says which one was built on, and the grader gives no grade if it cannot look. For an image by
itself (`base_among`) all base images of the catalogue count, and one that cannot be looked up does not fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from grader.errors import EngineFailure, GraderError, RegistryUnavailable, SubmissionFault
from grader.facts.build import build
from grader.facts.dockerfile.reference import DOCKER_HUB, ImageReference, parse_reference
from grader.facts.registry import lookup

if TYPE_CHECKING:
    from grader.facts.engine.engine import Engine
    from grader.facts.facts import Facts

LAB = "localhost:5000/base/"
"""Before the name of a base image, this is where the lab keeps it and builds take it from."""
HUB = f"{DOCKER_HUB}/library/"
"""And this is where the original is published."""


@dataclass(frozen=True)
class Base:
    """The base image of an image. The lowest `layers` layers of the image are its."""

    reference: str
    """As Docker writes it in full; empty if the image has no base image that counts."""
    layers: int
    claimed: str = ""
    """The image that the Dockerfile builds on, if it is no base image of the exercise."""


class Candidate(NamedTuple):
    """A base image that may fit."""

    reference: str
    layers: Iterable[Sequence[str]]
    """The digests of its uncompressed layers, from the bottom, as each place has them. The next place is only asked if
    these do not fit."""


class Match(NamedTuple):
    """The candidate that fits: its name, empty for none, and how many layers it has."""

    reference: str
    layers: int
    missing: Sequence[str]
    """The candidates that no place has."""


def longest_match(own: Sequence[str], candidates: Iterable[Candidate]) -> Match:
    """Return the candidate with the most layers of those whose layers an image with the layers `own` begins with.

    The first of several with the same layers.
    """
    best, most, missing = "", 0, list[str]()
    for reference, places in candidates:
        found = False
        for layers in places:
            found = True
            if len(layers) > most and list(own[: len(layers)]) == list(layers):
                best, most = reference, len(layers)
                break
        if not found:
            missing.append(reference)
    return Match(best, most, tuple(missing))


def base_of(facts: Facts) -> Base:
    """Return which layers of the submission's image came with its base image.

    Raises EngineFailure if the Dockerfile builds on one of the exercise's base images and the image does not begin with
    its layers, and RegistryUnavailable if no base image fits and one could not be looked up.
    """
    return facts.once(_base)


def _base(facts: Facts) -> Base:
    root = facts.plan.target.root if facts.has_folder else None
    if root and root.is_scratch:
        return Base("", 0)
    named = root.reference if root else None
    counts = named is not None and any(_is(named, name) for name in facts.images)
    platform = root.platform if root else ""
    own = [layer.diff_id for layer in facts.image.layers]

    def match(references: Iterable[ImageReference]) -> Match:
        return longest_match(own, (Candidate(str(reference), places(reference)) for reference in references))

    def places(reference: ImageReference) -> Iterator[Sequence[str]]:
        return _served(facts, reference) if facts.from_archive else _built(facts, reference, platform)

    found = Match("", 0, ())
    if not counts or facts.from_archive:  # for an archive first: the lab's registry is near, the one named may be far
        found = match(_references(LAB, facts.images))
    if counts and named and not found.layers:
        missing = found.missing
        found = match([named])
        found = found._replace(missing=(*missing, *found.missing))
    if not found.layers:
        if counts and not facts.from_archive:
            raise EngineFailure(f"the layers of {named} are not at the bottom of the image built from it: grade again")
        if found.missing:
            raise RegistryUnavailable(
                f"the base image {found.missing[0]} is not in its registry: bring it there with 'lab up'"
            )
    return Base(found.reference, found.layers, "" if counts or named is None else str(named))


def base_among(
    own: Sequence[str], names: Sequence[str], *, architecture: str = "amd64", engine: Engine | None = None
) -> Base:
    """Return the base image of an image with the layers `own`, of which nothing else is known.

    `names` are the base images that count, by catalogue name. They are looked up on `engine`, if one is given, and in
    the lab's registry for `architecture`; the originals on the engine only. A registry that cannot answer is asked no
    more, and raises nothing.
    """
    registry = _LabRegistry(architecture)
    lab = (
        Candidate(str(reference), chain(_on_engine(engine, reference), registry.layers(reference)))
        for reference in _references(LAB, names)
    )
    originals = (
        Candidate(str(reference), _on_engine(engine, reference))
        for reference in _references(HUB, names if engine else ())
    )
    found = longest_match(own, chain(lab, originals))
    return Base(found.reference, found.layers)


def _references(place: str, names: Iterable[str]) -> Iterator[ImageReference]:
    for name in names:
        reference = parse_reference(place + name)
        if reference is not None:
            yield reference


def _is(reference: ImageReference, name: str) -> bool:
    """Whether it is the exercise's base image of that name; with a digest, any image ever published under it is."""
    return any(
        reference.name == wanted.name and (reference.tag == wanted.tag or bool(reference.digest))
        for place in (LAB, HUB)
        for wanted in _references(place, [name])
    )


def _built(facts: Facts, reference: ImageReference, platform: str) -> Iterator[Sequence[str]]:
    """The base image's layers as the engine's own image of that name has them, else as BuildKit takes them.

    BuildKit fetches a base image for itself: the engine may have none of that name, or an older one.
    """
    engine = facts.engine
    yield from _on_engine(engine, reference)
    try:
        image = build.build_base(engine, facts.submission, str(reference), platform)
    except build.BuildFailed:  # there is no such image, or its ONBUILD steps ask for files that are missing here
        return
    facts.at_end(engine.remove_image, image)
    yield _layers(engine.inspect_image(image))


def _served(facts: Facts, reference: ImageReference) -> Iterator[Sequence[str]]:
    """The base image's layers as its registry has them: for an image from an archive no engine is asked."""
    layers = lookup.layers(reference, facts.image.config.architecture)
    if layers is not None:
        yield layers


def _on_engine(engine: Engine | None, reference: ImageReference) -> Iterator[Sequence[str]]:
    """The layers of the engine's image of that name, if there is an engine and it has one."""
    try:
        found = engine.inspect_image(str(reference)) if engine else None
    except KeyError:
        return
    if found is not None:
        yield _layers(found)


class _LabRegistry:
    """The lab's registry, asked until it fails to answer once."""

    def __init__(self, architecture: str) -> None:
        self._architecture = architecture
        self._answers = True

    def layers(self, reference: ImageReference) -> Iterator[Sequence[str]]:
        """The layers of the image that the registry has under that name, if it can be read."""
        layers = None
        if self._answers:
            try:
                layers = lookup.layers(reference, self._architecture)
            except GraderError:
                self._answers = False
            except SubmissionFault:  # something else was pushed under that name
                pass
        if layers is not None:
            yield layers


def _layers(found: dict[str, Any]) -> list[str]:
    return [str(layer) for layer in (found.get("RootFS") or {}).get("Layers") or ()]
