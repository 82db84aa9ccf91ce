"""Find how firmly images are pinned: FROM, COPY --from, RUN --mount=from, # syntax=."""

from __future__ import annotations

import re

from grader.facts.dockerfile.external import ImageUse
from grader.facts.dockerfile.reference import ImageReference
from grader.facts.pins.model import Category, Dependency, Tier
from grader.verdict import Place

_VERSION = re.compile(
    r"""
    (?<![0-9.]) v?[0-9]+\.[0-9]+\.[0-9]+ (?![0-9])         # 3.13.1, v1.2.3, 1.2.3-slim-trixie, 21.0.5_11-jre
    | (?<![0-9]) (?:19|20)[0-9]{2} -? [01][0-9] -? [0-3][0-9] (?![0-9])   # 20250113, 2025-01-13: a dated build
    | ^ (?:sha-|git-)? [0-9a-f]{12,64} $                   # named after a commit
    | ^ (?:sha-|git-) [0-9a-f]{7,11} $
    """,
    re.VERBOSE,
)


def tag_tier(reference: ImageReference) -> Tier:
    """The tier of a reference.

    A tag is a version if it has three numbers with dots, a date or a commit: 3.13.1, trixie-20250113-slim. Tags such
    as `3.13` and `trixie` are moved to new builds again and again.
    """
    if reference.digest:
        return Tier.DIGEST
    tag = reference.tag
    if not tag or "latest" in re.split(r"[-_.]", tag):
        return Tier.NONE
    return Tier.VERSION if _VERSION.search(tag) else Tier.TAG


def image(use: ImageUse, file: str) -> Dependency:
    """The dependency of an image that the build pulls."""
    place = Place(file=file, line=use.line, text=use.raw)
    if use.reference is None:
        return Dependency(
            Category.IMAGE, "image", use.resolved, Tier.NONE, use.line, place, "Docker refuses this name", False
        )
    tier = tag_tier(use.reference)
    if tier is Tier.NONE:
        why = f"the tag {use.reference.tag} moves to each new release" if use.reference.tag else "it has no tag"
    elif tier is Tier.TAG:
        why = f"the tag {use.reference.tag} moves to newer builds"
    else:
        why = "" if tier is Tier.DIGEST else "a tag can be moved, a digest cannot"
    return Dependency(Category.IMAGE, "image", use.resolved, tier, use.line, place, why)
