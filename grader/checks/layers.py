"""`layers`: the submission adds few layers, and ships little that no container sees.

Only layers above the base image count, which must be one of the exercise's, and only those that hold something: ENV,
CMD and a WORKDIR that already exists make empty layers. Waste is the content of files in these layers that the final
file system does not show: overwritten, deleted, in a folder that was deleted or replaced, or copied again by a change
of owner or mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from grader.checks import CheckParams
from grader.facts.build.base import base_of
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.lib.units import Size, format_size
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.image.filesystem import Waste
    from grader.facts.image.image import Layer

SHOWN = 12
"""The most wasted files shown, the largest first."""


class Params(CheckParams):
    """`max`: layers the submission may add. `max_waste`: bytes it may ship that no container sees."""

    work: ClassVar[Workload] = Workload.LOOKS
    max: Annotated[int, Field(strict=True, ge=0)] | None = None
    max_waste: Size | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.max is None and self.max_waste is None:
            raise ValueError("expected at least one of max, max_waste")
        return self


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if both are within their limits."""
    base = base_of(facts)
    layers = [layer for layer in facts.image.layers[base.layers :] if not layer.is_empty]
    wasted = facts.image.files.waste(base.layers)
    waste = sum(item.size for item in wasted)
    number = f"{len(layers)} layer{'' if len(layers) == 1 else 's'}"
    too_many = params.max is not None and len(layers) > params.max
    too_much = params.max_waste is not None and waste > params.max_waste
    found = number if params.max_waste is None else f"{number}, {format_size(waste)} that no container sees"
    details: dict[str, Any] = {
        "layers": [
            {"layer": layer.index + 1, "bytes": layer.size, "instruction": clean(layer.instruction, 80)}
            for layer in layers
        ],
        "waste": format_size(waste),
    }
    if not too_many and not too_much:
        wasteful = f", with {format_size(waste)} that no container sees" if params.max_waste is not None else ""
        return Verdict.passed(f"The image adds {number}{wasteful}.", found=found, details=details)
    reasons = []
    if too_many:
        reasons.append(f"the image adds {number}, more than {params.max}")
    if too_much:
        whose = "its" if too_many else "the image's"
        number = f"{len(wasted)} file{'' if len(wasted) == 1 else 's'}"
        reasons.append(
            f"{whose} layers ship {format_size(waste)} in {number} that no container sees, "
            f"since later layers hide {'it' if len(wasted) == 1 else 'them'}"
        )
    foreign = ""
    if base.claimed:
        foreign = f" It is built on {clean(base.claimed, 200)}, which is not one of the exercise's base images."
    text = ", and ".join(reasons)
    return Verdict.failed(
        f"{text[0].upper()}{text[1:]}.{foreign}",
        expected=_expected(params),
        found=found,
        where=_places(facts, wasted[:SHOWN]) if too_much else [],
        details=details,
    )


def _expected(params: Params) -> str:
    parts = []
    if params.max is not None:
        parts.append(f"at most {params.max} layer{'' if params.max == 1 else 's'}")
    if params.max_waste is not None:
        parts.append(f"at most {format_size(params.max_waste)} that no container sees")
    return ", ".join(parts)


def _places(facts: Facts, wasted: Sequence[Waste]) -> list[Place]:
    """Each wasted file, with the layer that ships it and the one that hides it."""
    layers = facts.image.layers
    hiding = facts.image.files.hidden_by(wasted)
    return [
        Place(layer=item.layer + 1, path=f"/{item.path}", bytes=item.size, text=_hidden(item, hiding.get(item), layers))
        for item in wasted
    ]


def _hidden(item: Waste, by: int | None, layers: Sequence[Layer]) -> str:
    what = "overwritten" if item.overwritten else "deleted"
    if by is None or by == item.layer:
        return f"{what} in the same layer"
    return f"{what} in layer {by + 1}: {clean(layers[by].instruction, 60)}"
