"""`pinning`: what the build takes from outside is pinned at least as well as the exercise asks.

The check judges the stages that the target needs. Each given parameter makes a group (images, packages, downloads). In
a group, each thing that is not pinned costs its share. All groups that are not empty have the same weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from grader.checks import CheckParams
from grader.errors import RegistryUnavailable
from grader.facts import Facts
from grader.facts.dockerfile.reference import parse_reference
from grader.facts.pins.model import Category, Dependency, Tier
from grader.lib.schedule import Workload
from grader.verdict import Verdict

Manager = Literal["pip", "npm", "apt", "apk", "gem", "go", "cargo"]
_TIERS = {"tag": Tier.TAG, "version": Tier.VERSION, "digest": Tier.DIGEST}
SHOWN = 4
"""The most things named in the message. The evidence has all of them."""


class Params(CheckParams):
    """What to judge: images, pinned at least by `bases`; packages of the managers in `packages`; and `downloads`.

    What is left out is not judged. At least one must be given.
    """

    work: ClassVar[Workload] = Workload.LOOKS
    needs_build: ClassVar[bool] = False
    bases: Literal["tag", "version", "digest"] | None = None
    packages: tuple[Manager, ...] | None = Field(default=None, min_length=1)
    downloads: bool = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.bases is None and self.packages is None and not self.downloads:
            raise ValueError("expected at least one of bases, packages, downloads")
        return self


def judge(facts: Facts, params: Params) -> Verdict:
    """The share that is pinned in each group, averaged over the groups that are not empty."""
    asked = {
        Category.IMAGE: params.bases is not None,
        Category.PACKAGE: params.packages is not None,
        Category.DOWNLOAD: params.downloads,
    }
    found = [thing for thing in facts.dependencies if asked[thing.category] and _is_judged(thing, params)]
    judged = [(thing, _why_open(facts, thing, params)) for thing in found]
    groups: dict[Category, list[bool]] = {}
    for thing, why in judged:
        groups.setdefault(thing.category, []).append(why is None)
    fraction = sum(sum(group) / len(group) for group in groups.values()) / len(groups) if groups else 1.0
    unpinned = [(thing, why) for thing, why in judged if why is not None]
    details = {"things": [_detail(thing, why) for thing, why in judged]}
    if not unpinned:
        message = f"All {len(judged)} things that the build takes from outside are pinned."
        if len(judged) < 2:
            message = (
                "What the build takes from outside is pinned." if judged else "The build takes nothing from outside."
            )
        return Verdict.passed(message, expected=_expected(params), details=details)
    return Verdict.share(
        min(fraction, 0.999_999),
        _message(unpinned, len(judged)),
        expected=_expected(params),
        found=f"{len(unpinned)} of {len(judged)} not pinned",
        where=[thing.place for thing, _ in unpinned],
        details=details,
    )


def _is_judged(thing: Dependency, params: Params) -> bool:
    if thing.category is not Category.PACKAGE:
        return True
    # A command that cannot be read might install anything.
    return thing.manager in (params.packages or ()) or thing.manager == "shell"


def _why_open(facts: Facts, thing: Dependency, params: Params) -> str | None:
    """Why a thing is not pinned well enough. None if it is."""
    wanted = _TIERS[params.bases or "tag"] if thing.category is Category.IMAGE else Tier.VERSION
    why = thing.why_open(wanted)
    if why is None and wanted is Tier.DIGEST and not _exists(facts, thing):
        return "no image has this digest"
    return why


def _exists(facts: Facts, thing: Dependency) -> bool:
    """Whether the registry of the reference serves the digest. If the build has used it, it existed in any case."""
    reference = parse_reference(thing.name)
    try:
        return reference is None or facts.has_image(reference)
    except RegistryUnavailable:
        if facts.known(Facts.build):
            return True
        raise


def _message(unpinned: Sequence[tuple[Dependency, str]], total: int) -> str:
    shown = "; ".join(f"{thing.name}: {why}" for thing, why in unpinned[:SHOWN])
    more = f"; and {len(unpinned) - SHOWN} more" if len(unpinned) > SHOWN else ""
    count = "The one thing" if total == 1 else f"{len(unpinned)} of the {total} things"
    verb = "is" if len(unpinned) == 1 else "are"
    return f"{count} that the build takes from outside {verb} not pinned ({shown}{more})."


def _detail(thing: Dependency, why: str | None) -> dict[str, object]:
    detail: dict[str, object] = {
        "kind": thing.category if thing.category is not Category.PACKAGE else thing.manager,
        "name": thing.name,
        "line": thing.line,
        "pinned": why is None,
    }
    return detail if why is None else {**detail, "why": why}


def _expected(params: Params) -> str:
    wanted = [f"images pinned by {params.bases}"] if params.bases else []
    if params.packages:
        wanted.append(f"exact versions for {', '.join(params.packages)}")
    if params.downloads:
        wanted.append("downloads verified")
    return "; ".join(wanted)
