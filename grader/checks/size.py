"""`size`: the image is small enough.

`of = "image"`: the bytes of all its layers, uncompressed. `of = "added"`: of the layers above its base image, which
must be one of the exercise's. `of = "download"`: the bytes of all layers as a registry serves them. The grader
compresses them itself, with gzip at level 6 as builders and `docker push` do, so that the size is the same on every
engine. A file that a later layer deletes or replaces is still shipped, and counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import model_validator

from grader.checks import CheckParams
from grader.facts.build.base import base_of
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.lib.units import Size, format_size
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.build.base import Base
    from grader.facts.image.image import Image, Layer

FILES = 8
"""The most files shown, the largest first."""


class Params(CheckParams):
    """`full`: up to this size, all points. `zero`: from this size on, none; the default is `full`. Between them, a
    share."""

    work: ClassVar[Workload] = Workload.LOOKS
    of: Literal["image", "added", "download"]
    full: Size
    zero: Size | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.zero is not None and self.zero < self.full:
            raise ValueError(f"expected zero to be no less than full ({format_size(self.full)})")
        return self


class _Counted(NamedTuple):
    """What counts: layers, the bytes of each, and the base image if it matters."""

    layers: Sequence[Layer]
    sizes: Sequence[int]
    base: Base | None

    @property
    def total(self) -> int:
        return sum(self.sizes)


def judge(facts: Facts, params: Params) -> Verdict:
    """All points up to `full`, none from `zero` on, linear in between."""
    counted = _counted(facts, params.of)
    total = counted.total
    found = _exact(total, params.full)
    details: dict[str, Any] = {
        "bytes": total,
        "layers": [
            {"layer": layer.index + 1, "bytes": size, "instruction": clean(layer.instruction, 80)}
            for layer, size in zip(counted.layers, counted.sizes, strict=True)
        ],
    }
    return Verdict.share(
        _fraction(total, params.full, params.full if params.zero is None else params.zero),
        _message(params, counted, found),
        expected=f"at most {_exact(params.full, total)}",
        found=found,
        where=[] if total <= params.full else _largest(facts.image, counted.layers),
        details=details,
    )


def _counted(facts: Facts, of: str) -> _Counted:
    layers = facts.image.layers
    if of == "download":
        return _Counted(layers, facts.image.compressed_sizes, None)
    base = base_of(facts) if of == "added" else None
    layers = layers[base.layers if base else 0 :]
    return _Counted(layers, [layer.size for layer in layers], base)


def _fraction(total: int, full: int, zero: int) -> float:
    if total <= full:
        return 1.0
    return 0.0 if total >= zero else (zero - total) / (zero - full)


def _message(params: Params, counted: _Counted, found: str) -> str:
    number = len(counted.layers)
    layers, s = (f"{number} layers", "") if number != 1 else ("1 layer", "s")
    text = {
        "image": f"The image's {layers} hold{s} {found}",
        "added": f"Above its base image, {layers} add{s} {found}",
        "download": f"The image's {layers} take{s} {found} to download",
    }[params.of]
    if counted.base and not counted.base.reference:
        built = "has no base image"
        if counted.base.claimed:
            built = f"is built on {clean(counted.base.claimed, 200)}, which is not one of this exercise's base images"
        text = f"The image {built}, so all of it counts, {found} in {layers}"
    if counted.total <= params.full:
        return f"{text}: within {_exact(params.full, counted.total)}."
    hidden = " What a later layer deletes is still shipped." if number > 1 else ""
    return f"{text}: more than {_exact(params.full, counted.total)}.{hidden}"


def _exact(size: int, other: int) -> str:
    """A size. It is exact to the byte if rounding would make it read like the other one."""
    text = format_size(size)
    return text if size == other or text != format_size(other) else f"{size:,} bytes"


def _largest(image: Image, layers: Sequence[Layer]) -> list[Place]:
    """The largest files of the layers, with a note on those that no container sees."""
    files = sorted(
        ((member.size, layer.index, member.path) for layer in layers for member in layer.members if member.size),
        key=lambda item: (-item[0], item[1], item[2]),
    )
    hidden = {(waste.layer, waste.path) for waste in image.files.waste()} if files else set()
    return [
        Place(
            layer=index + 1,
            path="/" + path,
            bytes=size,
            text="hidden by a later layer" if (index, path) in hidden else None,
        )
        for size, index, path in files[:FILES]
    ]
