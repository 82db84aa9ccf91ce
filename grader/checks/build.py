"""`build`: the Dockerfile builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from grader.beside import Work
from grader.checks import CheckParams
from grader.units import format_duration
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts


class Params(CheckParams):
    """It has no parameters."""

    work: ClassVar[Work] = Work.LOOKS


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed when the build ends with status 0. Why it did not is said by the fault that the fact raises."""
    log = facts.build.log
    return Verdict.passed(
        f"The image builds: {len(log.steps)} steps in {format_duration(log.seconds)}.",
        details={"seconds": round(log.seconds, 2), "steps": len(log.steps)},
    )
