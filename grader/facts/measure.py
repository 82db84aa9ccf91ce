"""Measures of an image that an answer is held against: true of the machine that grades, not of its author's.

"layers"                                        of the image that was built
"layers localhost:5000/base/python:3.13-slim"   of an image in a registry
"digest localhost:5000/{learner}/tides:1.0"     of one that the learner is to have pushed
"image localhost:5000/{learner}/tides:1.0"      the same with its name: localhost:5000/me/tides@sha256:…
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grader.errors import EngineFailure, SubmissionFault
from grader.facts import build, registry
from grader.facts.dockerfile import ImageReference, parse_reference
from grader.facts.image import Image
from grader.repository import DEFAULT_LEARNER, PLACEHOLDER, fill

if TYPE_CHECKING:
    from grader.facts import Facts

WHAT = ("layers", "bytes", "user", "digest", "image")
"""How many layers; bytes of them all, uncompressed; the config's USER; the digest of the manifest in its registry, and
the image by that digest."""
_IN_REGISTRY = ("digest", "image")


class Measure(NamedTuple):
    """What is measured, and of which image; of the one that was built where there is no `reference`.

    `own`: it is the learner's doing that the image is in its registry.
    """

    what: str
    reference: ImageReference | None
    own: bool = False

    @classmethod
    def parse(cls, text: str, learner: str = DEFAULT_LEARNER) -> Measure:
        """From its text, with that learner's name in place of `{learner}`. ValueError where it is none."""
        what, _, rest = fill(text, learner).strip().partition(" ")
        if what not in WHAT:
            raise ValueError(f"expected a measure, one of {', '.join(WHAT)}, found {what!r}")
        reference = parse_reference(rest.strip()) if rest else None
        if rest and not reference:
            raise ValueError(f"expected an image reference, found {rest.strip()!r}")
        if what in _IN_REGISTRY and not reference:
            raise ValueError("a digest is measured of an image in a registry: each build has its own")
        return cls(what, reference, PLACEHOLDER in text)


class NotPushed(SubmissionFault):
    """The learner's image that is to be measured is not in its registry."""


def measure(facts: Facts, wanted: Measure) -> int | str:
    """The value. NotPushed where the learner's own image is not there; RegistryUnavailable, EngineUnavailable or
    EngineFailure where it cannot be had."""
    if wanted.reference and (wanted.own or wanted.what in _IN_REGISTRY):
        found = registry.digest(wanted.reference)
        if found is None and wanted.own:
            raise NotPushed(f"there is no {wanted.reference} in its registry")
        if found is None:
            raise EngineFailure(f"there is no {wanted.reference} in its registry: 'lab up' seeds the base images")
        if wanted.what in _IN_REGISTRY:
            return found if wanted.what == "digest" else f"{wanted.reference.name}@{found}"
    image = _image(facts, wanted.reference) if wanted.reference else facts.image
    if wanted.what == "user":
        return image.config.user
    return len(image.layers) if wanted.what == "layers" else image.size


def _image(facts: Facts, reference: ImageReference) -> Image:
    """An image of a registry, fetched as a FROM fetches it, and measured once."""

    def fetch() -> Image:
        engine = facts.engine
        try:
            name = build.build_base(engine, facts.submission, str(reference))
        except build.BuildFailed as problem:  # what is asked for is the exercise's choice, not the learner's
            raise EngineFailure(f"{reference}, which an answer is held against, cannot be had: {problem}") from None
        facts.at_end(engine.remove_image, name)
        return Image(lambda: engine.save_image(name))

    return facts.once(f"outside image {reference}", fetch)
