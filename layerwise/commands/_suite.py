"""The tests by what may run at the same time, and pytest run so that it can be stopped at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import click

from grader.lib.units import format_duration
from layerwise.stack.paths import ROOT

LEAVE_SECONDS = 120
"""Given to the tests to remove what they have made, when they are stopped."""
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""Set in many containers. The tests start Python hundreds of times: each would compile anew all that it imports."""


@dataclass(frozen=True)
class Phase:
    """Tests that run at the same time, in `workers` processes: those that the expression over markers chooses.

    Each of them has one of the markers in `marked`, if there are any. Then the other test files are not even read,
    which takes each process a quarter of a minute.
    """

    title: str
    markers: str = ""
    workers: int = 1
    marked: Sequence[str] = ()


LIVE = ("engine", "lab", "browser")
UNIT = " and ".join(f"not {marker}" for marker in LIVE)
UNIT_TESTS = Phase("unit tests", UNIT, workers=3)
PHASES = (
    Phase("tests that build", f"not ({UNIT}) and not waits and not lesson and not alone", workers=3, marked=LIVE),
    Phase("tests that wait", f"not ({UNIT}) and waits and not lesson and not alone", workers=5, marked=("waits",)),
    Phase("lessons", f"not ({UNIT}) and lesson and not alone", workers=3, marked=("lesson",)),
    Phase("tests that must be alone", f"not ({UNIT}) and alone", marked=("alone",)),
)
"""What needs an engine or a browser. Each test of the project is a unit test or in one of these."""
ANSWERS = Phase("what the builder says", "engine")
"""Of some tests those that ask a live builder."""
WANTED = Phase("tests")
"""Those that were asked for, one after the other."""


@dataclass(frozen=True)
class Ended:
    """How a phase ended: `status` is pytest's."""

    phase: Phase
    status: int
    seconds: float

    @property
    def passed(self) -> bool:
        return self.status == 0

    def __str__(self) -> str:
        how = {0: "passed", 1: "FAILED"}.get(self.status, f"FAILED, pytest ended with status {self.status}")
        return f"{self.phase.title}: {how}, {format_duration(self.seconds)}"


def run(
    phases: Sequence[Phase],
    args: Sequence[str],
    env: Mapping[str, str],
    command: Callable[[Sequence[str]], list[str]] = list,
) -> list[Ended]:
    """Run the phases one after the other, also after one that fails, and return how each ended. `command` returns what
    is run in place of a command, so that it runs elsewhere."""
    ended = []
    for phase in phases:
        words = [*args]
        if phase.markers:
            words = ["-m", phase.markers, *words]
        if phase.marked:
            words = [f"--marked={','.join(phase.marked)}", *words]
        if phase.workers > 1:
            words = [f"--numprocesses={phase.workers}", *words]
        click.echo(f"── {phase.title}", err=True)
        began = time.monotonic()
        status = pytest(command([sys.executable, "-m", "pytest", *words]), env)
        ended.append(Ended(phase, status, time.monotonic() - began))
    return ended


def pytest(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run this command, which is pytest, to its end, and return its exit status. A stop is passed on to it and to its
    workers, and they are given the time to remove what their tests have made."""
    env = {name: value for name, value in env.items() if name != NO_BYTECODE}
    process = subprocess.Popen(argv, cwd=ROOT, env=env, start_new_session=True, preexec_fn=_hear)
    try:
        return process.wait()
    finally:
        with suppress(ProcessLookupError):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LEAVE_SECONDS)
            os.killpg(process.pid, signal.SIGKILL)


def _hear() -> None:
    """Started in the background, this command is deaf to these signals, and so would be what the tests start."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
