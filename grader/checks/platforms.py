"""`platforms`: a tag is an index with an image for each platform, and each image can run there.

    repository = "localhost:5000/{learner}/tides"
    tag        = "1.0"                              # default: latest
    has        = ["linux/amd64", "linux/arm64"]

For each platform, the check fetches the entry of the index, its manifest, config and layers. The config has to name the
same platform as the index, and the program that the image starts has to be for that processor (see
`grader.facts.registry.platforms`). Every platform is worth the same. No engine is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from grader.checks import CheckParams
from grader.facts.registry.documents import Platform
from grader.facts.registry.names import RepositoryName, TagName
from grader.facts.registry.platforms import platforms_of
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts

SHOWN = 12
"""The most platforms of an index that are named."""


def _platform(text: str) -> str:
    Platform.parse(text)
    return text


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if len({Platform.parse(name).plain for name in names}) < len(names):
        raise ValueError("expected each platform once")
    return names


PlatformName = Annotated[str, AfterValidator(_platform)]


class Params(CheckParams):
    """`repository`, in which `{learner}` is replaced, its `tag`, and the platforms that it `has`."""

    work: ClassVar[Workload] = Workload.LOOKS
    repository: RepositoryName
    tag: TagName = "latest"
    has: Annotated[tuple[PlatformName, ...], Field(min_length=1, max_length=12), AfterValidator(_unique)]


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of the platforms that the index serves."""
    name = f"{facts.repository(params.repository)}:{params.tag}"
    expected = f"an index with {_and(params.has)}"
    found = platforms_of(facts, params.repository, params.tag, tuple(Platform.parse(text) for text in params.has))
    if found is None:
        return Verdict.failed(f"Nothing is pushed as {name}.", expected=expected, found="no such tag")
    listed = ", ".join(found.listed[:SHOWN]) + (" and more" if len(found.listed) > SHOWN else "")
    if not found.is_index:
        return Verdict.failed(
            f"{name} is a single image for {listed or 'no platform'}, not an index: machines of every other kind get "
            "the same image, and cannot run it.",
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
        return Verdict.passed(f"{name} is an index with images for {_and(params.has)}.", **more)
    return Verdict.share(
        (len(found.entries) - len(wrong)) / len(found.entries),
        f"{name}: " + "; ".join(f"for {entry.platform}, {clean(entry.fault, 400)}" for entry in wrong) + ".",
        **more,
    )


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
