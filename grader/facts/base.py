"""Where the base image ends and the submission's own layers begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import EngineFailure
from grader.facts import build
from grader.facts.dockerfile.resolved import ResolvedStage

if TYPE_CHECKING:
    from grader.facts import Facts


@dataclass(frozen=True)
class Base:
    """The outside image the final stage stands on. `layers` of the image's layers, from the bottom, are its."""

    reference: str
    """As Docker writes it in full; empty for scratch."""
    layers: int


def find(facts: Facts) -> Base:
    """Compare the layers of the image with those of the base image its Dockerfile names, by their digests."""
    root = facts.plan.target.root
    if root.reference is None:
        return Base("", 0)
    own = [layer.diff_id for layer in facts.image.layers]
    for layers in _candidates(facts, root):
        if own[: len(layers)] == list(layers):
            return Base(str(root.reference), len(layers))
    raise EngineFailure(f"the layers of {root.base} are not at the bottom of the image built from it: grade again")


def _candidates(facts: Facts, root: ResolvedStage) -> Iterator[Sequence[str]]:
    """The base image's layers as the engine's own image of that name has them, else as BuildKit takes them.

    BuildKit fetches a base image for itself: the engine may have none of that name, or an older one.
    """
    engine = facts.engine
    try:
        known = _layers(engine.inspect_image(str(root.reference)))
    except KeyError:
        known = None
    if known is not None:
        yield known
    try:
        image = build.build_base(engine, facts.submission, root.base, root.platform)
    except build.BuildFailed:  # its own ONBUILD wants what is not there
        return
    facts.at_end(engine.remove_image, image)
    yield _layers(engine.inspect_image(image))


def _layers(found: dict[str, Any]) -> list[str]:
    return [str(layer) for layer in (found.get("RootFS") or {}).get("Layers") or ()]
