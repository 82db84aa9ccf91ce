"""`stop`: SIGTERM ends the main process in time, with no SIGKILL."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from grader.checks import CheckParams
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.stop import observe_stop
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.lib.units import Duration, format_duration
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.engine.container import Process
    from grader.facts.engine.stop import Stopped

KILLED = 128 + 9
"""The exit status of a process that SIGKILL ended, or of one that passes on its child's status."""
SHOWN = 600
_SHELLS = frozenset(("ash", "bash", "dash", "ksh", "sh", "zsh"))
_KILL = re.compile(r"(?:SIG)?KILL|0*9", re.IGNORECASE)


class Params(CheckParams):
    """How long the main process may take. `docker stop` itself waits for ten seconds, then sends SIGKILL."""

    work: ClassVar[Workload] = Workload.RUNS
    deadline: ClassVar[bool] = True
    within: Annotated[Duration, Field(gt=0, le=120)] = 5.0


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if the signal that `docker stop` sends ends a main process that would have gone on."""
    signal = facts.image.config.stop_signal
    expected = f"the main process ends within {format_duration(params.within)} of being asked to"
    if _KILL.fullmatch(signal.strip()):
        return Verdict.failed(
            "STOPSIGNAL is SIGKILL, which no process can handle: its work is cut off every time.",
            expected=expected,
            found=f"STOPSIGNAL {clean(signal, 40)}",
        )
    try:
        stopped = observe_stop(facts, params.within)
    except ContainerRefused as problem:
        return Verdict.failed(f"The container does not start: {problem}.", expected=expected, found="no process")
    details = _details(stopped)
    fault = _fault(stopped, params)
    if fault:
        return Verdict.failed(fault[0], expected=expected, found=fault[1], details=details)
    own = " (the image's own STOPSIGNAL)" if signal else ""
    return Verdict.passed(
        f"{stopped.signal}{own} ended the main process after {format_duration(stopped.seconds)}, "
        f"with exit status {stopped.exit_code}.",
        details=details,
    )


def _fault(stopped: Stopped, params: Params) -> tuple[str, str] | None:
    """What is wrong, as a message and a short phrase for what was found. None if nothing is."""
    code, within = stopped.exit_code, format_duration(params.within)
    if not stopped.sent:
        return (
            f"The main process ended by itself, with exit status {code}, before it was asked to stop. "
            "A process that ends anyway proves nothing.",
            "ended by itself",
        )
    if code is None:
        return f"{_who(stopped.main)} did not end within {within} of {stopped.signal}. {_why(stopped)}", "still running"
    if stopped.ends_anyway:
        return (
            f"The main process ended after {stopped.signal}, but it also ended in a container that got no signal. "
            "A process that ends anyway proves nothing.",
            "ended by itself",
        )
    if not stopped.again:
        return (
            f"The main process ended after {stopped.signal} in one container, but not within {within} in a second one: "
            "it ended by chance.",
            "ended in one container of two",
        )
    if code == KILLED:
        return (
            f"The main process reacted to {stopped.signal}, but ended with exit status {KILLED}: the program that it "
            "had started was killed (SIGKILL), not stopped.",
            f"exit status {KILLED}",
        )
    return None


def _who(main: Process | None) -> str:
    return f"The main process ({clean(main.command, 100)})" if main else "The main process"


def _why(stopped: Stopped) -> str:
    program = posixpath.basename(stopped.main.command.split(maxsplit=1)[0]) if stopped.main else ""
    if program.lstrip("-") in _SHELLS:
        return "It is a shell, and a shell does not pass a signal on to the program it waits for."
    return (
        "Process 1 of a container has no default action for a signal: if the program does not handle it, nothing "
        "happens."
    )


def _details(stopped: Stopped) -> dict[str, Any]:
    shown = {
        "signal": stopped.signal,
        "exit": stopped.exit_code,
        "seconds": round(stopped.seconds, 2) if stopped.exit_code is not None and stopped.sent else None,
        "process": clean(stopped.main.command, 200) if stopped.main else None,
        "stderr": clean(stopped.stderr[-SHOWN:], SHOWN).strip(),
    }
    return {key: value for key, value in shown.items() if value not in (None, "")}
