"""Where the base image ends and the submission's own layers begin.

Only the base images an exercise names count as a base: the layers of any other image, one the learner built and pushed
say, are the submission's own. What counts is what the layers are, not what the Dockerfile calls them: a copy of a named
base image under another name is that base image, and an image built on top of one adds what lies above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import EngineFailure, RegistryUnavailable
from grader.facts import build, registry
from grader.facts.dockerfile.reference import DOCKER_HUB, ImageReference, parse_reference

if TYPE_CHECKING:
    from grader.facts import Facts

LAB = "localhost:5000/base/"
"""Before the name of an exercise's base image, this is where builds take it from."""
HUB = f"{DOCKER_HUB}/library/"
"""And this is where the original is published."""


@dataclass(frozen=True)
class Base:
    """The base image the image stands on. `layers` of the image's layers, from the bottom, are its."""

    reference: str
    """As Docker writes it in full; empty where the image stands on none that counts."""
    layers: int
    claimed: str = ""
    """What the Dockerfile builds on instead, where that is none of the exercise's base images."""


def find(facts: Facts) -> Base:
    """Compare the layers of the image with those of the exercise's base images, by their digests; the longest match
    counts. EngineFailure where the Dockerfile builds on one of them and its layers are not there; RegistryUnavailable
    where none matches and one could not be looked at."""
    root = facts.plan.target.root if facts.has_folder else None
    if root and root.is_scratch:
        return Base("", 0)
    named = root.reference if root else None
    counts = named is not None and any(_is(named, name) for name in facts.images)
    own = [layer.diff_id for layer in facts.image.layers]
    best = Base("", 0, "" if counts or named is None else str(named))
    unseen = []
    for reference in _references(facts, named if counts else None):
        if reference is named and best.layers:
            break
        platform = root.platform if root else ""
        seen = False
        for layers in _served(facts, reference) if facts.from_archive else _candidates(facts, reference, platform):
            seen = True
            if len(layers) > best.layers and own[: len(layers)] == list(layers):
                best = Base(str(reference), len(layers), best.claimed)
                break
        if not seen:
            unseen.append(str(reference))
    if counts and not facts.from_archive and not best.layers:
        raise EngineFailure(f"the layers of {named} are not at the bottom of the image built from it: grade again")
    if unseen and not best.layers:
        raise RegistryUnavailable(f"the base image {unseen[0]} is not in its registry: bring it there with 'lab up'")
    return best


def _references(facts: Facts, named: ImageReference | None) -> Iterator[ImageReference]:
    """What to look at: the base image that the Dockerfile names, where it counts, else all of the exercise's. For an
    image from an archive these come first: the lab's registry is near, and the one that is named may be far."""
    if named is None or facts.from_archive:
        for name in facts.images:
            reference = parse_reference(LAB + name)
            if reference is not None:
                yield reference
    if named is not None:
        yield named


def _is(reference: ImageReference, name: str) -> bool:
    """Whether it is the exercise's base image of that name; with a digest, any image ever published under it is."""
    for place in (LAB, HUB):
        wanted = parse_reference(place + name)
        if wanted and reference.name == wanted.name and (reference.tag == wanted.tag or reference.digest):
            return True
    return False


def _candidates(facts: Facts, reference: ImageReference, platform: str) -> Iterator[Sequence[str]]:
    """The base image's layers as the engine's own image of that name has them, else as BuildKit takes them.

    BuildKit fetches a base image for itself: the engine may have none of that name, or an older one.
    """
    engine = facts.engine
    try:
        known = _layers(engine.inspect_image(str(reference)))
    except KeyError:
        known = None
    if known is not None:
        yield known
    try:
        image = build.build_base(engine, facts.submission, str(reference), platform)
    except build.BuildFailed:  # its own ONBUILD wants what is not there, or there is no such image
        return
    facts.at_end(engine.remove_image, image)
    yield _layers(engine.inspect_image(image))


def _served(facts: Facts, reference: ImageReference) -> Iterator[Sequence[str]]:
    """The base image's layers as its registry has them: for an image from an archive no engine is asked."""
    layers = registry.layers(reference, facts.image.config.architecture)
    if layers is not None:
        yield layers


def _layers(found: dict[str, Any]) -> list[str]:
    return [str(layer) for layer in (found.get("RootFS") or {}).get("Layers") or ()]
