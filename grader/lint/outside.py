"""What is taken from outside: base-unpinned, base-latest, base-tag-only, package-unpinned, download-unverified.

The judgements are those of the check `pinning`: grader.facts.pins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grader.facts.dockerfile import images
from grader.facts.dockerfile.reference import ImageReference
from grader.facts.pins import Category, Taken, Tier, taken
from grader.facts.pins.images import image
from grader.lint.model import (
    BASE_LATEST,
    BASE_TAG_ONLY,
    BASE_UNPINNED,
    DOWNLOAD_UNVERIFIED,
    PACKAGE_UNPINNED,
    Finding,
    Rule,
    Severity,
)
from grader.lint.scene import Scene

SHOWN = 4
"""Packages named in one message."""


def look(scene: Scene) -> Iterator[Finding]:
    """Findings about images, packages and downloads."""
    for build in scene.builds:
        for use in images(build):
            if use.kind != "onbuild":
                yield from _image(image(use, build.dockerfile.source), use.reference)
        things = taken(build, scene.context, build.dockerfile.source)
        yield from _things(build.dockerfile.source, things)


def _image(thing: Taken, reference: ImageReference | None) -> Iterator[Finding]:
    why = thing.why_open(Tier.DIGEST)
    if why is None:
        return
    if reference is None or not (reference.tag or reference.digest):
        rule, severity = BASE_UNPINNED, Severity.WARNING
    elif thing.tier is Tier.NONE:
        rule, severity = BASE_LATEST, Severity.WARNING
    else:
        rule, severity = BASE_TAG_ONLY, Severity.INFO
    yield Finding.of(rule, thing.line, severity, f"{thing.name}: {why}.")


def _things(dockerfile: str, things: Iterable[Taken]) -> Iterator[Finding]:
    """One finding for all that one command takes for one reason."""
    groups: dict[tuple[Rule, int, str, str, bool], list[Taken]] = {}
    for thing in things:
        why = thing.why_open(Tier.VERSION)
        if thing.category is Category.IMAGE or why is None:
            continue
        rule = PACKAGE_UNPINNED if thing.category is Category.PACKAGE else DOWNLOAD_UNVERIFIED
        # What stands in the Dockerfile is found there; what stands in a file that it copies, where that is used.
        inside = thing.place.file in (None, dockerfile)
        line = (thing.place.line if inside else None) or thing.line
        place = "" if inside else f" (in {thing.place.file})"
        groups.setdefault((rule, line, why, place, thing.shown), []).append(thing)
    for (rule, line, why, place, shown), group in groups.items():
        names = [thing.name for thing in group]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        severity = Severity.WARNING if shown else Severity.INFO
        yield Finding.of(rule, line, severity, f"{', '.join(names[:SHOWN])}{more}{place}: {why}.")
