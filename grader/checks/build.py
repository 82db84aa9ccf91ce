"""`build`: the Dockerfile builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from grader.checks import CheckParams
from grader.lib.schedule import Workload
from grader.lib.units import format_duration
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts


class Params(CheckParams):
    """There are no parameters."""

    work: ClassVar[Workload] = Workload.LOOKS


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if the build ends with status 0. If it does not, the fact raises a SubmissionFault that says why."""
    log = facts.build.log
    count = f"{len(log.steps)} step{'' if len(log.steps) == 1 else 's'}"
    return Verdict.passed(
        f"The image builds: {count} in {format_duration(log.seconds)}.",
        details={"seconds": round(log.seconds, 2), "steps": len(log.steps)},
    )
