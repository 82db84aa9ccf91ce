"""`health`: there is a HEALTHCHECK, it turns healthy, and it looks at something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from grader.beside import Work
from grader.checks import CheckParams
from grader.facts.engine import ContainerRefused
from grader.units import Duration, format_duration
from grader.verdict import Verdict, clean

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.health import Health

EXPECTED = "a HEALTHCHECK that turns healthy when the service works, and only then"
SHOWN = 400
"""Characters of the check's output shown as evidence."""


class Params(CheckParams):
    """How long it may take from the container's start. The check is asked more often than its own interval says."""

    work: ClassVar[Work] = Work.RUNS
    within: Annotated[Duration, Field(gt=0, le=600)] = 30.0


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed when the check turns healthy in time, and its command fails where nothing serves."""
    check = facts.image.config.healthcheck
    try:
        health = facts.health(params.within)
    except ContainerRefused as problem:
        return Verdict.failed(f"The container does not start: {problem}.", expected=EXPECTED, found="no process")
    if health is None or check is None:
        off = check is not None and check.test[:1] == ("NONE",)
        return Verdict.failed(
            "HEALTHCHECK NONE switches the health check off."
            if off
            else "The image has no HEALTHCHECK: whether its service still answers is not looked at by anybody.",
            expected=EXPECTED,
            found="HEALTHCHECK NONE" if off else "no HEALTHCHECK",
        )
    details = _details(health, check.test)
    within = format_duration(params.within)
    if health.status != "healthy":
        if health.exit_code is not None:
            message = f"The container's main process ended, with exit status {health.exit_code}, before it was healthy."
            return Verdict.failed(
                message, expected=EXPECTED, found=f"ended with status {health.exit_code}", details=details
            )
        return Verdict.failed(
            f"The container did not turn healthy within {within}: {_last(health)}.",
            expected=EXPECTED,
            found=clean(health.status, 40),
            details=details,
        )
    if health.succeeds_alone:
        return Verdict.failed(
            "The check turns healthy, and it does so too in a container in which nothing runs but the check itself: it "
            "would not notice that the service is gone.",
            expected=EXPECTED,
            found="a check that succeeds without the service",
            details=details,
        )
    return Verdict.passed(
        f"The container turns healthy {format_duration(health.seconds)} after its start, and the check fails where the "
        "service does not run.",
        details=details,
    )


def _last(health: Health) -> str:
    """How the check's last look ended, in words."""
    if health.last_status is None:
        return "its check had not ended once"
    output = clean(health.last_output, 2 * SHOWN)
    if health.last_status == -1 and "exceeded timeout" in output:
        return "its check took longer than its own timeout allows"
    if health.last_status in (-1, 126, 127):
        return f"its check cannot be run ({' '.join(output.split())[:SHOWN] or f'exit status {health.last_status}'})"
    return f"its check ended with exit status {health.last_status}"


def _details(health: Health, test: tuple[str, ...]) -> dict[str, Any]:
    shown = {
        "check": clean(" ".join(test[1:]), 200),
        "status": clean(health.status, 40),
        "seconds": round(health.seconds, 2),
        "exit": health.last_status,
        "output": clean(health.last_output[-SHOWN:], SHOWN).strip(),
    }
    return {key: value for key, value in shown.items() if value not in (None, "")}
