"""`command`: a command behaves inside a fresh container of the image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from grader.checks import Pattern, Told
from grader.facts.engine.errors import ContainerRefused
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.lib.units import Duration, format_duration, format_size
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.engine.command import CommandResult, Stream

SHOWN = 600
"""The most characters of each output stream shown as evidence."""


class Params(Told):
    """What to run, and what to expect of it.

    `run`: a text runs in the image's /bin/sh, a list runs as it is. Without `run`, the image's own command runs.
    `stdout` and `stderr` may match anywhere in the output; `^` and `$` match at line ends.
    """

    work: ClassVar[Workload] = Workload.RUNS
    run: Annotated[str, Field(min_length=1)] | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    exit: int = Field(default=0, ge=0, le=255)
    stdout: Pattern | None = None
    stderr: Pattern | None = None
    timeout: Duration = 30.0


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if the command ends in time with the expected status and its output matches."""
    command = list(params.run) if isinstance(params.run, tuple) else params.run
    what = _name(command)
    expected = f"exit status {params.exit}"
    patterns = _patterns(params)
    try:
        outcome = facts.run(command, timeout=params.timeout, judged=list(patterns))
    except ContainerRefused as problem:
        return Verdict.failed(f"{what} cannot be started: {problem}.", expected=expected, found="no process")
    details = _details(outcome)
    if outcome.timed_out:
        return Verdict.failed(
            f"{what} did not end within {format_duration(params.timeout)} and was stopped.",
            expected=expected,
            found="still running",
            details=details,
        )
    if outcome.flooded:
        return Verdict.failed(
            f"{what} printed without end and was stopped.",
            expected=expected,
            found="output without end",
            details=details,
        )
    if outcome.exit_code != params.exit:
        killed = ""
        if outcome.out_of_memory:
            killed = f": it was killed for using more than {format_size(_memory())} of memory"
        message = f"{what} ended with exit status {outcome.exit_code}, not {params.exit}{killed}."
        return Verdict.failed(
            message if killed or outcome.exit_code in _NOT_RUN else params.told(message),
            expected=expected,
            found=f"exit status {outcome.exit_code}",
            details=details,
        )
    for stream, pattern in patterns.items():
        text = outcome.printed(stream)
        if not re.search(pattern, text, re.MULTILINE):
            return Verdict.failed(
                params.told(
                    f"{what} ended with exit status {outcome.exit_code}, but its {_STREAMS[stream]} is not what was "
                    "expected."
                ),
                expected=f"{stream} matching {pattern}",
                found=_shown(text) or f"nothing on {stream}",
                details=details,
            )
    return Verdict.passed(f"{what} ended as expected after {format_duration(outcome.seconds)}.", details=details)


def _patterns(params: Params) -> dict[Stream, str]:
    """The pattern for each stream that is judged."""
    both: dict[Stream, str | None] = {"stdout": params.stdout, "stderr": params.stderr}
    return {stream: pattern for stream, pattern in both.items() if pattern is not None}


_NOT_RUN = (126, 127)
"""The exit status of a shell whose command cannot be run, or is not there."""

_STREAMS = {"stdout": "standard output", "stderr": "standard error"}


def _name(command: str | list[str] | None) -> str:
    if command is None:
        return "The image's own command"
    text = command if isinstance(command, str) else " ".join(command)
    return f"'{clean(' '.join(text.split()), 100)}'"


def _details(outcome: CommandResult) -> dict[str, object]:
    shown = {
        "exit": outcome.exit_code,
        "stdout": _shown(outcome.stdout),
        "stderr": _shown(outcome.stderr),
        "seconds": round(outcome.seconds, 2),
    }
    return {key: value for key, value in shown.items() if value not in (None, "")}


def _shown(text: str) -> str:
    """The end of an output, which usually gives the reason."""
    text = clean(text[-8 * SHOWN :], 8 * SHOWN).strip()
    return text if len(text) <= SHOWN else "…" + text[-SHOWN:]


def _memory() -> int:
    from grader.facts.engine.container import MEMORY

    return MEMORY
