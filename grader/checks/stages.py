"""`stages`: the image is built in stages, on the right base image, and leaves the build tools behind.

What ships counts. A tool that a later step deletes still ships in a layer; one in a stage that is only copied from does
not. A path includes everything below it. A command is a program with that name in any folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from grader.checks import CheckParams
from grader.facts.build.base import LAB, base_of
from grader.facts.context import go_pattern
from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.image.contents import ShippedFile, contents_of, contributing, helpers
from grader.facts.image.tar import normal
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts

SHOWN = 5
"""The most places shown for one path or command."""


def _item(text: str) -> str:
    text = text.strip()
    if not normal(text):
        raise ValueError(f"{text!r} is neither a path nor the name of a command")
    go_pattern.require(normal(text), text)
    return text


Item = Annotated[str, AfterValidator(_item)]


class Params(CheckParams):
    """`min`: stages, including the one that ships. `final_base`: globs; the base image's name has to match one of them,
    and is `scratch` if there is no base image. `absent`: what must not ship: a path or glob with a slash, or a command.
    """

    work: ClassVar[Workload] = Workload.LOOKS
    min: int | None = Field(default=None, ge=2, le=50)
    final_base: tuple[str, ...] = ()
    absent: tuple[Item, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.min is None and not self.final_base and not self.absent:
            raise ValueError("expected at least one of min, final_base, absent")
        return self


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of `absent` that stayed behind. Nothing if the stages or the base image are not as expected."""
    if params.min is not None and (verdict := _too_few(facts, params.min)):
        return verdict
    if params.final_base and (verdict := _wrong_base(facts, params.final_base)):
        return verdict
    return _tools(facts, params.absent)


def _too_few(facts: Facts, least: int) -> Verdict | None:
    written = helpers(facts.plan)
    # If the file has too few stages, there is no need to build.
    used = contributing(facts) if len(written) + 1 >= least else written
    if len(used) + 1 >= least:
        return None
    names = ", ".join(clean(stage.label, 60) for stage in used)
    found = "1 stage" if not used else f"{len(used) + 1} stages"
    unused = [stage for stage in facts.plan.stages if stage not in used and stage not in facts.plan.target.lineage()]
    idle = f" Nothing that the image needs comes from stage {clean(unused[0].label, 60)}." if unused else ""
    return Verdict.failed(
        f"The image is made of {found}, but at least {least} are expected. A stage counts if it is the last one, or if "
        f"something that the image needs is built in it and copied from it.{idle}",
        expected=f"at least {least} stages",
        found=found + (f": the last, and {names}" if names else ""),
        where=[Place(file=facts.plan.dockerfile.source, line=stage.stage.line) for stage in unused[:SHOWN]],
    )


def _wrong_base(facts: Facts, globs: Sequence[str]) -> Verdict | None:
    root = facts.plan.target.root
    # The layers tell which base it is, not the name that somebody tagged it with.
    known = parse_reference(base_of(facts).reference) if base_of(facts).layers else root.reference
    names = _names(known) if known else {"scratch"}
    if any(fnmatchcase(name, glob) for name in names for glob in globs):
        return None
    shown = clean(root.base, 200)
    return Verdict.failed(
        f"The image that ships is built on {shown}. A different base is expected, with no more in it than the program "
        "needs to run.",
        expected=f"a base image matching {' or '.join(globs)}",
        found=shown + (f", which is {base_of(facts).reference}" if known and str(known) != str(root.reference) else ""),
        where=[Place(file=facts.plan.dockerfile.source, line=root.stage.line)],
    )


def _names(reference: ImageReference) -> set[str]:
    """The ways to write a reference: in full, as people do, and as in the lab's catalogue; with and without tag and
    digest."""
    names = set()
    for name in (reference.name, reference.familiar_name, f"{reference.name}/".removeprefix(LAB).rstrip("/")):
        tagged = f"{name}:{reference.tag}" if reference.tag else name
        names |= {name, tagged, f"{tagged}@{reference.digest}" if reference.digest else tagged}
    return names


def _tools(facts: Facts, absent: Sequence[str]) -> Verdict:
    if not absent:
        return Verdict.passed("The image is built in stages, on the expected base image.")
    contents = contents_of(facts)
    commands = [item for item in absent if "/" not in item]
    programs = contents.programs(commands) if commands else {}
    shipped: dict[str, list[ShippedFile]] = {}
    for item in absent:
        found = programs[item] if item in programs else list(contents.under(item))
        if found:
            shipped[item] = sorted(found, key=lambda file: (not file.visible, file.path))
    if not shipped:
        return Verdict.passed(f"What only the build needs stayed behind: {', '.join(absent)}.")
    first, *others = shipped
    part = "what" if len(shipped) == len(absent) else f"{len(shipped)} of the {len(absent)} things that"
    return Verdict.share(
        1 - len(shipped) / len(absent),
        f"The image ships {part} should have stayed behind: {_told(first, shipped[first])}"
        + (f", and {', '.join(others)}." if others else "."),
        expected=f"an image without {', '.join(absent)}",
        found=", ".join(shipped),
        where=[
            Place(
                layer=file.layer + 1,
                path=f"/{file.path}",
                text=item if file.visible else f"{item}, hidden by a later layer",
            )
            for item, found in shipped.items()
            for file in found[:SHOWN]
        ],
    )


def _told(item: str, found: Sequence[ShippedFile]) -> str:
    file, others = found[0], len(found) - 1
    more = f" and {others} more file{'' if others == 1 else 's'}" if others else ""
    gone = "" if file.visible else f", deleted in a later layer but still shipped in layer {file.layer + 1}"
    return f"{item} (/{clean(file.path, 200)}{more}{gone})"
