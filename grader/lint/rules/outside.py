"""What is taken from outside: base-unpinned, base-latest, base-tag-only, package-unpinned, download-unverified.

The judgements are those of the check `pinning`: grader.facts.pins.
"""

from __future__ import annotations

from collections.abc import Iterator

from grader.facts.dockerfile.reference import ImageReference
from grader.facts.pins.model import Category, Dependency, Tier
from grader.lint.model import Severity
from grader.lint.rule import Hit, rule
from grader.lint.target import LintTarget

SHOWN = 4
"""Packages named in one message."""


@rule(
    "base-unpinned",
    Severity.WARNING,
    lesson="06-registries",
    text="An image is named with a tag or a digest.",
    order=20,
)
def base_unpinned(target: LintTarget) -> Iterator[Hit]:
    """An image with neither."""
    return _images(target, "base-unpinned")


@rule(
    "base-latest",
    Severity.WARNING,
    lesson="06-registries",
    text="An image is not named by the tag latest.",
    order=30,
)
def base_latest(target: LintTarget) -> Iterator[Hit]:
    """An image with that tag."""
    return _images(target, "base-latest")


@rule(
    "base-tag-only",
    Severity.INFO,
    lesson="06-registries",
    text="An image is named by its digest.",
    order=40,
)
def base_tag_only(target: LintTarget) -> Iterator[Hit]:
    """An image with any other tag, and no digest."""
    return _images(target, "base-tag-only")


def _images(target: LintTarget, rule_id: str) -> Iterator[Hit]:
    """The images that this one of the three rules speaks of."""
    for use, thing in target.pulled:
        why = thing.why_open(Tier.DIGEST)
        if why is not None and _rule_of(thing, use.reference) == rule_id:
            yield Hit(thing.line, f"{thing.name}: {why}.")


def _rule_of(thing: Dependency, reference: ImageReference | None) -> str:
    if reference is None or not (reference.tag or reference.digest):
        return "base-unpinned"
    return "base-latest" if thing.tier is Tier.NONE else "base-tag-only"


@rule(
    "package-unpinned",
    Severity.WARNING,
    lesson="06-registries",
    text="A package is installed at one exact version.",
    order=50,
)
def package_unpinned(target: LintTarget) -> Iterator[Hit]:
    """A package whose version is not settled, or (an info) cannot be shown to be."""
    return _things(target, Category.PACKAGE)


@rule(
    "download-unverified",
    Severity.WARNING,
    lesson="06-registries",
    text="What is downloaded is checked against a known hash.",
    order=60,
)
def download_unverified(target: LintTarget) -> Iterator[Hit]:
    """A download that is checked against nothing."""
    return _things(target, Category.DOWNLOAD)


def _things(target: LintTarget, category: Category) -> Iterator[Hit]:
    """One hit for all that one command takes for one reason."""
    for things in target.dependencies:
        groups: dict[tuple[int, str, str, bool], list[Dependency]] = {}
        for thing in things:
            why = thing.why_open(Tier.VERSION)
            if thing.category is not category or why is None:
                continue
            # A thing in the Dockerfile is reported there; a thing in a copied file, at the line that uses the file.
            inside = thing.place.file in (None, target.file.source)
            line = (thing.place.line if inside else None) or thing.line
            place = "" if inside else f" (in {thing.place.file})"
            groups.setdefault((line, why, place, thing.shown), []).append(thing)
        for (line, why, place, shown), group in groups.items():
            names = [thing.name for thing in group]
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield Hit(line, f"{', '.join(names[:SHOWN])}{more}{place}: {why}.", None if shown else Severity.INFO)
