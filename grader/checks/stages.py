"""`stages`: the image is built in stages, stands on the base it should, and the tools stayed behind.

What counts is what ships: a tool that a later step deletes is in the layer below still, and one in a stage that is only
copied from is not. A path stands for what lies below it too; a command for a program of that name, wherever it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from grader.beside import Work
from grader.checks import CheckParams
from grader.facts import gopattern
from grader.facts.base import LAB
from grader.facts.dockerfile import ImageReference, parse_reference
from grader.facts.shipping import Shipped, contributing, helpers
from grader.facts.tar import normal
from grader.verdict import Place, Verdict, clean

if TYPE_CHECKING:
    from grader.facts import Facts

SHOWN = 5
"""Places shown for one path or command."""


def _item(text: str) -> str:
    text = text.strip()
    if not normal(text):
        raise ValueError(f"{text!r} is neither a path nor the name of a command")
    gopattern.require(normal(text), text)
    return text


Item = Annotated[str, AfterValidator(_item)]


class Params(CheckParams):
    """`min`: stages, the one that ships among them. `final_base`: globs, one of which the base image's name matches;
    none is called `scratch`. `absent`: what must not ship, a path or glob with a slash in it, or a command."""

    work: ClassVar[Work] = Work.LOOKS
    min: int | None = Field(default=None, ge=2, le=50)
    final_base: tuple[str, ...] = ()
    absent: tuple[Item, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.min is None and not self.final_base and not self.absent:
            raise ValueError("expected at least one of min, final_base, absent")
        return self


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of `absent` that stayed behind; nothing where the stages or the base image are not as they should."""
    if params.min is not None and (verdict := _too_few(facts, params.min)):
        return verdict
    if params.final_base and (verdict := _wrong_base(facts, params.final_base)):
        return verdict
    return _tools(facts, params.absent)


def _too_few(facts: Facts, least: int) -> Verdict | None:
    written = helpers(facts.plan)
    # With too few in the file there is nothing to build for.
    used = contributing(facts) if len(written) + 1 >= least else written
    if len(used) + 1 >= least:
        return None
    names = ", ".join(clean(stage.label, 60) for stage in used)
    found = "1 stage" if not used else f"{len(used) + 1} stages"
    unused = [stage for stage in facts.plan.stages if stage not in used and stage not in facts.plan.target.lineage()]
    idle = f" Nothing of use reaches the image from stage {clean(unused[0].label, 60)}." if unused else ""
    return Verdict.failed(
        f"The image is made of {found}, where {least} are expected: the last, and those that something it needs is "
        f"built in and copied from.{idle}",
        expected=f"{least} stages",
        found=found + (f": the last, and {names}" if names else ""),
        where=[Place(file=facts.plan.dockerfile.source, line=stage.stage.line) for stage in unused[:SHOWN]],
    )


def _wrong_base(facts: Facts, globs: Sequence[str]) -> Verdict | None:
    root = facts.plan.target.root
    # What its layers are counts, not what somebody tagged it as.
    known = parse_reference(facts.base.reference) if facts.base.layers else root.reference
    names = _names(known) if known else {"scratch"}
    if any(fnmatchcase(name, glob) for name in names for glob in globs):
        return None
    shown = clean(root.base, 200)
    return Verdict.failed(
        f"The image that ships stands on {shown}. Another base is expected: one with no more in it than the program "
        "needs to run.",
        expected=f"a base image matching {' or '.join(globs)}",
        found=shown + (f", which is {facts.base.reference}" if known and str(known) != str(root.reference) else ""),
        where=[Place(file=facts.plan.dockerfile.source, line=root.stage.line)],
    )


def _names(reference: ImageReference) -> set[str]:
    """The ways to write it: in full, as people do, as the lab's catalogue has it; with and without tag and digest."""
    names = set()
    for name in (reference.name, reference.familiar_name, f"{reference.name}/".removeprefix(LAB).rstrip("/")):
        tagged = f"{name}:{reference.tag}" if reference.tag else name
        names |= {name, tagged, f"{tagged}@{reference.digest}" if reference.digest else tagged}
    return names


def _tools(facts: Facts, absent: Sequence[str]) -> Verdict:
    if not absent:
        return Verdict.passed("The image is built in stages, on the base image expected.")
    shipment = facts.shipment
    commands = [item for item in absent if "/" not in item]
    programs = shipment.programs(commands) if commands else {}
    came: dict[str, list[Shipped]] = {}
    for item in absent:
        found = programs[item] if item in programs else list(shipment.under(item))
        if found:
            came[item] = sorted(found, key=lambda shipped: (not shipped.visible, shipped.path))
    if not came:
        return Verdict.passed(f"What was needed only to build stayed behind: {', '.join(absent)}.")
    first = next(iter(came))
    return Verdict.share(
        1 - len(came) / len(absent),
        f"{len(came)} of {len(absent)} came along that should have stayed behind: {_told(first, came[first])}"
        + (f", and {', '.join(list(came)[1:])}." if len(came) > 1 else "."),
        expected=f"an image without {', '.join(absent)}",
        found=", ".join(came),
        where=[
            Place(
                layer=shipped.layer + 1,
                path=f"/{shipped.path}",
                text=item if shipped.visible else f"{item}, hidden by a later layer",
            )
            for item, found in came.items()
            for shipped in found[:SHOWN]
        ],
    )


def _told(item: str, found: Sequence[Shipped]) -> str:
    shipped = found[0]
    more = f" and {len(found) - 1} more files" if len(found) > 1 else ""
    gone = (
        "" if shipped.visible else f", deleted in a later layer but shipped in layer {shipped.layer + 1} all the same"
    )
    return f"{item} (/{clean(shipped.path, 200)}{more}{gone})"
