"""`platforms`: a tag is an index that holds an image for each platform, and each would run there.

    repository = "localhost:5000/{learner}/tides"
    tag        = "1.0"                              # default: latest
    has        = ["linux/amd64", "linux/arm64"]

Of each platform the entry of the index, its manifest, config and layers are fetched; the config has to say the same
platform as the index, and the program that the image starts has to be for its processor (see `grader.facts.platforms`).
Each platform is worth the same. No engine is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from grader.beside import Work
from grader.checks import CheckParams
from grader.facts.registry import Platform
from grader.repository import RepositoryName, TagName
from grader.verdict import Verdict, clean

if TYPE_CHECKING:
    from grader.facts import Facts

SHOWN = 12
"""Platforms of an index told of."""


def _platform(text: str) -> str:
    Platform.parse(text)
    return text


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if len({Platform.parse(name).plain for name in names}) < len(names):
        raise ValueError("expected each platform once")
    return names


PlatformName = Annotated[str, AfterValidator(_platform)]


class Params(CheckParams):
    """`repository`, where `{learner}` is filled in, its `tag`, and the platforms that it `has`."""

    work: ClassVar[Work] = Work.LOOKS
    repository: RepositoryName
    tag: TagName = "latest"
    has: Annotated[tuple[PlatformName, ...], Field(min_length=1, max_length=12), AfterValidator(_unique)]


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of the platforms that are served."""
    name = f"{facts.repository(params.repository)}:{params.tag}"
    expected = f"an index with {_and(params.has)}"
    found = facts.platforms(params.repository, params.tag, tuple(Platform.parse(text) for text in params.has))
    if found is None:
        return Verdict.failed(f"Nothing is pushed as {name}.", expected=expected, found="no such tag")
    listed = ", ".join(found.listed[:SHOWN]) + (" and more" if len(found.listed) > SHOWN else "")
    if not found.is_index:
        return Verdict.failed(
            f"{name} is one image, for {listed or 'no platform'}, and no index: a machine of another kind gets it "
            "as well, and cannot run it.",
            expected=expected,
            found=f"a manifest for {listed}",
            details={"digest": found.digest},
        )
    wrong = [entry for entry in found.entries if entry.fault]
    rows = [
        {
            "platform": str(entry.platform),
            "digest": entry.digest or None,
            "fault": clean(entry.fault) or None,
            "programs": [f"{path}: {architecture}" for path, architecture in entry.programs],
        }
        for entry in found.entries
    ]
    more = {
        "expected": expected,
        "found": f"an index with {listed or 'no platform'}",
        "details": {"digest": found.digest, "platforms": rows},
    }
    if not wrong:
        return Verdict.passed(f"{name} is an index with {_and(params.has)}, each an image for its platform.", **more)
    return Verdict.share(
        (len(found.entries) - len(wrong)) / len(found.entries),
        f"{name}: " + "; ".join(f"for {entry.platform}, {clean(entry.fault, 400)}" for entry in wrong) + ".",
        **more,
    )


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
