"""`secrets`: no secret shows anywhere, neither in the image nor in the build output.

The exercise says where to plant a canary, a secret made up for this grading. After the build the check looks for it,
and for credentials that are known by their shape. A report never contains the secret itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from grader.canary import Plant
from grader.checks import CheckParams
from grader.errors import GraderError
from grader.facts.image.leaks import leaks_of
from grader.lib.schedule import Workload
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.image.leaks import Leak

SHOWN = 20
"""The most places shown."""


class Params(CheckParams):
    """`planted`: files of the build context, build arguments and build secrets that hold a canary."""

    work: ClassVar[Workload] = Workload.LOOKS
    no_shared_cache: ClassVar[bool] = True
    planted: tuple[Plant, ...] = ()

    @property
    def plants(self) -> tuple[Plant, ...]:
        return self.planted


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if no canary and no credential is found."""
    if params.planted:
        there = {(canary.plant.kind, canary.plant.name) for canary in facts.canaries}
        if missing := [plant.label for plant in params.planted if (plant.kind, plant.name) not in there]:
            raise GraderError(f"the {missing[0]} was not planted before the build")
    own = {plant.label for plant in params.planted}
    leaks = [leak for leak in leaks_of(facts) if not leak.canary or leak.what in own]
    looked = f"{len(own)} planted, none found" if own else "no credential found"
    if not leaks:
        return Verdict.passed(
            "No secret was found in the layers, the config, the history or the build output.", found=looked
        )
    # Canaries first: there is no doubt about them.
    leaks.sort(key=lambda leak: not leak.canary)
    return Verdict.failed(
        f"{_sentence(leaks)} Anyone who has the image or its build log can read it. Removing it in a later step "
        "does not take it out.",
        expected="no secret in the layers, the config, the history or the build output",
        found=f"{len(leaks)} place{'' if len(leaks) == 1 else 's'}",
        where=[_place(leak) for leak in leaks[:SHOWN]],
    )


def _sentence(leaks: Sequence[Leak]) -> str:
    leak = leaks[0]
    subject = f"The {leak.what}" if leak.canary else f"What looks like a {leak.what}"
    if not leak.canary and leak.what[:1] in "aAeEiIoO":
        subject = f"What looks like an {leak.what}"
    how = f" ({leak.encoding})" if leak.encoding else ""
    more = f", and in {len(leaks) - 1} other place{'s' if len(leaks) > 2 else ''}" if len(leaks) > 1 else ""
    return f"{subject} shows {_where(leak)}{how}{more}."


def _where(leak: Leak) -> str:
    match leak.where:
        case "file":
            gone = "" if leak.visible else ", deleted or overwritten later but still shipped"
            return f"in /{leak.path} of layer {(leak.layer or 0) + 1}{gone}"
        case "name":
            return f"in the name of a file in layer {(leak.layer or 0) + 1}"
        case "config":
            return f"in the image's config ({leak.path})"
        case "history":
            return "in the image's history"
        case "output":
            return "in the build output"


def _place(leak: Leak) -> Place:
    text = f"{leak.what}{f' ({leak.encoding})' if leak.encoding else ''}"
    if leak.where in ("file", "name"):
        at = f" at byte {leak.offset}" if leak.where == "file" else " in the name"
        hidden = "" if leak.visible else ", hidden by a later layer"
        return Place(layer=(leak.layer or 0) + 1, path=f"/{leak.path}", text=f"{text}{at}{hidden}")
    if leak.where == "output":
        return Place(step=leak.path, text=f"{text} in the build output")
    return Place(text=f"{text} in the {leak.where}, {leak.path}")
