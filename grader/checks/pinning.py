"""`pinning`: what the build takes from outside is pinned at least as well as asked.

Judged are the stages that the target needs. Each parameter that is given makes one group (images, packages, downloads);
within a group each thing that is not pinned costs its share, and the groups that hold anything count alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from grader.beside import Work
from grader.checks import CheckParams
from grader.errors import RegistryUnavailable
from grader.facts.dockerfile import parse_reference
from grader.facts.pins import Category, Taken, Tier
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts

Manager = Literal["pip", "npm", "apt", "apk", "gem", "go", "cargo"]
_TIERS = {"tag": Tier.TAG, "version": Tier.VERSION, "digest": Tier.DIGEST}
SHOWN = 4
"""Things named in the message; all of them stand in the evidence."""


class Params(CheckParams):
    """What is judged: images named at least by `bases`, packages of the managers in `packages`, and `downloads`.

    What is left out is not judged; at least one must be given.
    """

    work: ClassVar[Work] = Work.LOOKS
    bases: Literal["tag", "version", "digest"] | None = None
    packages: tuple[Manager, ...] | None = Field(default=None, min_length=1)
    downloads: bool = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.bases is None and self.packages is None and not self.downloads:
            raise ValueError("expected at least one of bases, packages, downloads")
        return self


def judge(facts: Facts, params: Params) -> Verdict:
    """The mean, over the groups that hold anything, of the share that is pinned."""
    asked = {
        Category.IMAGE: params.bases is not None,
        Category.PACKAGE: params.packages is not None,
        Category.DOWNLOAD: params.downloads,
    }
    found = [thing for thing in facts.taken if asked[thing.category] and _is_judged(thing, params)]
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


def _is_judged(thing: Taken, params: Params) -> bool:
    if thing.category is not Category.PACKAGE:
        return True
    # A command that cannot be read might install anything.
    return thing.manager in (params.packages or ()) or thing.manager == "shell"


def _why_open(facts: Facts, thing: Taken, params: Params) -> str | None:
    """Why a thing is not pinned well enough, None where it is."""
    wanted = _TIERS[params.bases or "tag"] if thing.category is Category.IMAGE else Tier.VERSION
    why = thing.why_open(wanted)
    if why is None and wanted is Tier.DIGEST and not _exists(facts, thing):
        return "no image with this digest is there"
    return why


def _exists(facts: Facts, thing: Taken) -> bool:
    """Whether the digest is served where the reference says. What has been built from was there, in any case."""
    reference = parse_reference(thing.name)
    try:
        return reference is None or facts.has_image(reference)
    except RegistryUnavailable:
        if facts.known("build"):
            return True
        raise


def _message(unpinned: Sequence[tuple[Taken, str]], total: int) -> str:
    shown = "; ".join(f"{thing.name}: {why}" for thing, why in unpinned[:SHOWN])
    more = f"; and {len(unpinned) - SHOWN} more" if len(unpinned) > SHOWN else ""
    count = "The one thing" if total == 1 else f"{len(unpinned)} of the {total} things"
    verb = "is" if len(unpinned) == 1 else "are"
    return f"{count} that the build takes from outside {verb} not pinned ({shown}{more})."


def _detail(thing: Taken, why: str | None) -> dict[str, object]:
    detail: dict[str, object] = {
        "kind": thing.category if thing.category is not Category.PACKAGE else thing.manager,
        "name": thing.name,
        "line": thing.line,
        "pinned": why is None,
    }
    return detail if why is None else {**detail, "why": why}


def _expected(params: Params) -> str:
    wanted = [f"images by {params.bases}"] if params.bases else []
    if params.packages:
        wanted.append(f"exact versions for {', '.join(params.packages)}")
    if params.downloads:
        wanted.append("downloads checked")
    return "; ".join(wanted)
