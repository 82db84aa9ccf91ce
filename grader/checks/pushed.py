"""`pushed`: under each of the `tags`, a registry serves the image that the submission's folder builds.

    repository = "localhost:5000/{learner}/tides"
    tags       = ["1.0", "latest"]

The check fetches the whole image, verifies its digests, and compares it with a build of the folder (see
`grader.facts.registry.pushed`). All tags have to name the same digest, and each is worth the same. A tag that serves
something else than the folder builds, or something damaged, costs all points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from grader.checks import CheckParams
from grader.facts.registry.names import RepositoryName, TagName
from grader.facts.registry.pushed import pushed_tags
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.registry.pushed import Difference, Pushed, Tag

SHOWN = 8
"""The most differences named."""


def _unique(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) < len(tags):
        raise ValueError("expected each tag once")
    return tags


class Params(CheckParams):
    """`repository`, in which `{learner}` is replaced, and the `tags` that it has to have."""

    work: ClassVar[Workload] = Workload.LOOKS
    repository: RepositoryName
    tags: Annotated[tuple[TagName, ...], Field(min_length=1, max_length=20), AfterValidator(_unique)]


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of the tags that name the same right image. Nothing if any tag serves a wrong one."""
    pushed = pushed_tags(facts, params.repository, params.tags)
    more: dict[str, Any] = {
        "expected": f"the image that the folder builds, as {', '.join(params.tags)}",
        "found": "; ".join(f"{tag.name}: {_found(tag)}" for tag in pushed.tags),
    }
    for tag in pushed.tags:
        fault = tag.fault or pushed.faults.get(tag.digest or "", "")
        if fault:
            return Verdict.failed(f"What is pushed as {pushed.repository}:{tag.name} cannot be used: {fault}.", **more)
        differences = pushed.differences.get(tag.digest or "", ())
        if differences:
            return _other_image(pushed.repository, tag, differences, more)
    return _tags(pushed, more)


def _tags(pushed: Pushed, more: dict[str, Any]) -> Verdict:
    """The verdict if no tag serves a wrong image."""
    images = Counter(tag.image for tag in pushed.tags if tag.digest)
    best = images.most_common(1)[0][0] if images else None
    missing = [tag.name for tag in pushed.tags if tag.digest is None]
    apart = [tag.name for tag in pushed.tags if tag.digest and tag.image != best]
    good = [tag.name for tag in pushed.tags if tag.digest and tag.image == best]
    if not missing and not apart:
        named = list(dict.fromkeys(tag.digest for tag in pushed.tags if tag.digest))
        return Verdict.passed(
            f"{pushed.repository} serves the image that the folder builds, as {_and(good)}, with the digest "
            f"{_and(named)}.",
            **more,
        )
    told = [f"nothing is pushed as {_and([f'{pushed.repository}:{name}' for name in missing])}"] if missing else []
    if apart:
        told.append(
            f"{_and(apart)} {'has' if len(apart) == 1 else 'have'} another digest than {_and(good)}: a build that is "
            "pushed again becomes a new manifest. Give the image that is already pushed a second tag"
        )
    text = "; ".join(told)
    return Verdict.share(len(good) / len(pushed.tags), f"{text[0].upper()}{text[1:]}.", **more)


def _other_image(repository: str, tag: Tag, differences: Sequence[Difference], more: dict[str, Any]) -> Verdict:
    first = differences[0]
    where = [
        Place(
            layer=one.layer,
            step=clean(one.instruction, 120) or None,
            path=clean(one.path, 300) or None,
            text=clean(f"{one.what}: {one.found}; the folder's build: {one.expected}", 500),
        )
        for one in differences[:SHOWN]
    ]
    others = len(differences) - 1
    count = f", and {others} more difference{'s' if others > 1 else ''}" if others else ""
    return Verdict.failed(
        f"What is pushed as {repository}:{tag.name} is not what the folder builds: {_said(first)}{count}. "
        "It may have been built from other files, or before the last edit.",
        **{**more, "found": f"{more['found']}; {_said(first)}", "where": where},
    )


def _said(one: Difference) -> str:
    if one.path:
        step = f" ({clean(one.instruction, 80)})" if one.instruction else ""
        return f"{clean(one.path, 200)} in layer {one.layer}{step} is different"
    if one.layer:
        return f"layer {one.layer}, {one.what}, is different"
    return f"{clean(one.what, 80)} is {clean(one.found, 200)} instead of {clean(one.expected, 200)}"


def _found(tag: Tag) -> str:
    if tag.fault:
        return "cannot be used"
    return tag.digest or "nothing"


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nothing"
