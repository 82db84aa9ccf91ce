"""`health`: there is a HEALTHCHECK, the container becomes healthy, and the check notices if the service is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from grader.checks import CheckParams
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.health import observe_health
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.lib.units import Duration, format_duration
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.engine.health import Health

EXPECTED = "a HEALTHCHECK that succeeds if the service works, and only then"
SHOWN = 400
"""The most characters of the check's output shown as evidence."""


class Params(CheckParams):
    """How long it may take after the container's start. The check runs more often than its own interval says."""

    work: ClassVar[Workload] = Workload.RUNS
    deadline: ClassVar[bool] = True
    within: Annotated[Duration, Field(gt=0, le=600)] = 30.0


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if the container becomes healthy in time, and the check fails in a container without the service, and in
    one whose only process stands still."""
    check = facts.image.config.healthcheck
    try:
        health = observe_health(facts, params.within)
    except ContainerRefused as problem:
        return Verdict.failed(f"The container does not start: {problem}.", expected=EXPECTED, found="no process")
    if health is None or check is None:
        off = check is not None and check.test[:1] == ("NONE",)
        return Verdict.failed(
            "HEALTHCHECK NONE switches the health check off."
            if off
            else "The image has no HEALTHCHECK, so nobody notices if its service stops answering.",
            expected=EXPECTED,
            found="HEALTHCHECK NONE" if off else "no HEALTHCHECK",
        )
    details = _details(health, check.test)
    within = format_duration(params.within)
    if health.status != "healthy":
        if health.exit_code is not None:
            message = f"The main process ended with exit status {health.exit_code} before the container was healthy."
            return Verdict.failed(
                message, expected=EXPECTED, found=f"ended with status {health.exit_code}", details=details
            )
        older = ", with the image's files made a year older" if health.aged else ""
        return Verdict.failed(
            f"The container did not become healthy within {within}{older}: {_last(health)}.",
            expected=EXPECTED,
            found=clean(health.status, 40),
            details=details,
        )
    if health.succeeds_alone:
        return Verdict.failed(
            "The check succeeds even in a container where the service does not run: it would not notice that the "
            "service is gone.",
            expected=EXPECTED,
            found="a check that succeeds without the service",
            details=details,
        )
    if health.succeeds_at_standstill:
        return Verdict.failed(
            "The check still succeeds while the service is stopped (SIGSTOP), so it would not notice a service that "
            "hangs. Let the check ask for something that only a working service can give.",
            expected=EXPECTED,
            found="a check that succeeds while the service is stopped",
            details=details,
        )
    return Verdict.passed(
        f"The container becomes healthy {format_duration(health.seconds)} after its start, and the check fails if the "
        "service does not run.",
        details=details,
    )


def _last(health: Health) -> str:
    """How the last run of the check ended, in words."""
    if health.last_status is None:
        return "its check never finished"
    output = clean(health.last_output, 2 * SHOWN)
    if health.last_status == -1 and "exceeded timeout" in output:
        return "its check took longer than its own timeout"
    if health.last_status in (-1, 126, 127):
        return f"its check could not be run ({' '.join(output.split())[:SHOWN] or f'exit status {health.last_status}'})"
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
