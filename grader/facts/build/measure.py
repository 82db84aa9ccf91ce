"""Measure an image that an answer is about, so that the key is right for the machine that grades.

"layers"                                        of the image that was built
"layers localhost:5000/base/python:3.13-slim"   of an image in a registry
"digest localhost:5000/{learner}/tides:1.0"     of one that the learner should have pushed
"image localhost:5000/{learner}/tides:1.0"      the same with its name: localhost:5000/me/tides@sha256:…
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grader.errors import EngineFailure, SubmissionFault
from grader.facts.build import build
from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.image.image import Image
from grader.facts.registry import lookup
from grader.facts.registry.names import DEFAULT_LEARNER, PLACEHOLDER, fill

if TYPE_CHECKING:
    from grader.facts.facts import Facts

WHAT = ("layers", "bytes", "user", "digest", "image")
"""The number of layers; the bytes of all of them, uncompressed; the config's USER; the digest of the manifest in its
registry; and the image's name with that digest."""
_IN_REGISTRY = ("digest", "image")


class Measure(NamedTuple):
    """What is measured, and of which image: without a `reference`, of the image that was built.

    `own` says whether it is up to the learner that the image is in its registry.
    """

    what: str
    reference: ImageReference | None
    own: bool = False

    @classmethod
    def parse(cls, text: str, learner: str = DEFAULT_LEARNER) -> Measure:
        """Read a measure, with that learner's name in place of `{learner}`. Raises ValueError if it is not one."""
        what, _, rest = fill(text, learner).strip().partition(" ")
        if what not in WHAT:
            raise ValueError(f"expected a measure, one of {', '.join(WHAT)}, found {what!r}")
        reference = parse_reference(rest.strip()) if rest else None
        if rest and not reference:
            raise ValueError(f"expected an image reference, found {rest.strip()!r}")
        if what in _IN_REGISTRY and not reference:
            raise ValueError("expected an image in a registry: a digest differs from build to build")
        return cls(what, reference, PLACEHOLDER in text)


class NotPushed(SubmissionFault):
    """The learner's image is not in its registry, and cannot be measured."""


def measured(facts: Facts, text: str) -> int | str:
    """Return a measure of the image that was built, or of one in a registry. Raises what `measure` raises."""
    return measure(facts, Measure.parse(text, facts.learner))


def measure(facts: Facts, wanted: Measure) -> int | str:
    """Return the value.

    Raises NotPushed if the learner's own image is not in its registry, and RegistryUnavailable, EngineUnavailable or
    EngineFailure if the image cannot be looked at.
    """
    if wanted.reference and (wanted.own or wanted.what in _IN_REGISTRY):
        found = lookup.digest(wanted.reference)
        if found is None and wanted.own:
            raise NotPushed(f"{wanted.reference} is not in its registry")
        if found is None:
            raise EngineFailure(f"{wanted.reference} is not in its registry: bring the base images there with 'lab up'")
        if wanted.what in _IN_REGISTRY:
            return found if wanted.what == "digest" else f"{wanted.reference.name}@{found}"
    image = facts.once(_image, wanted.reference) if wanted.reference else facts.image
    if wanted.what == "user":
        return image.config.user
    return len(image.layers) if wanted.what == "layers" else image.size


def _image(facts: Facts, reference: ImageReference) -> Image:
    """Return an image of a registry, pulled as a FROM pulls it."""
    engine = facts.engine
    try:
        name = build.build_base(engine, facts.submission, str(reference))
    except build.BuildFailed as problem:  # the exercise chose the image, not the learner
        raise EngineFailure(f"a question asks about {reference}, which cannot be pulled: {problem}") from None
    facts.at_end(engine.remove_image, name)
    return Image(lambda: engine.save_image(name))
