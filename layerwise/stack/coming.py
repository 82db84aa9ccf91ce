"""What `lab up` is doing, kept in a file while it runs: for the home page, and for commands that must wait for it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from layerwise.stack import files, lock
from layerwise.stack.paths import Home

SCHEMA = 1


@dataclass
class Step:
    """One step of `lab up`. `state` is waiting, running, done or failed; `expected` and `took` are seconds, and `began`
    is a time of the clock (seconds since 1970), None before. `detail` says what the step is doing, and `lacks` what
    could not be had though it is done."""

    key: str
    title: str
    expected: float
    state: str = "waiting"
    detail: str = ""
    began: float | None = None
    took: float | None = None
    lacks: str = ""


@dataclass
class ComingUp:
    """The latest `lab up`: its steps, and whether it still runs. `problem` is why it ended early, if it did."""

    steps: list[Step] = field(default_factory=list)
    running: bool = False
    problem: str = ""

    @property
    def left(self) -> list[Step]:
        """The steps that have not ended."""
        return [step for step in self.steps if step.state in ("waiting", "running")]

    def is_awaited(self, *keys: str) -> bool:
        """Whether it runs and still has one of these steps to do; without keys, whether it runs."""
        return self.running and (not keys or any(step.key in keys for step in self.left))


class Record:
    """Writes the file as the steps go on. Several threads may call it."""

    def __init__(self, home: Home, steps: list[Step]) -> None:
        self._home = home
        self._now = ComingUp(steps)
        self._lock = threading.Lock()
        self._write()

    def began(self, key: str) -> None:
        self._change(key, state="running", began=time.time())

    def said(self, key: str, detail: str) -> None:
        self._change(key, detail=detail)

    def ended(self, key: str, took: float, lacks: str = "") -> None:
        self._change(key, state="done", detail="", took=round(took, 1), lacks=lacks)

    def failed(self, key: str, took: float) -> None:
        self._change(key, state="failed", took=round(took, 1))

    def stopped(self, problem: str) -> None:
        """`lab up` has ended without success."""
        with self._lock:
            self._now.problem = problem
            self._write()

    def _change(self, key: str, **values: Any) -> None:
        with self._lock:
            step = next(step for step in self._now.steps if step.key == key)
            for name, value in values.items():
                setattr(step, name, value)
            self._write()

    def _write(self) -> None:
        told = {"schema": SCHEMA, "problem": self._now.problem, "steps": [asdict(step) for step in self._now.steps]}
        with suppress(OSError):  # a full disk is told by the step that fails on it
            files.replace(self._home.coming_up, json.dumps(told, indent=1))


def read(home: Home) -> ComingUp | None:
    """The latest `lab up`, None if there was none. It runs for as long as it holds the lab's lock, so that one that was
    killed is not waited for."""
    try:
        told = json.loads(home.coming_up.read_text(encoding="utf-8"))
        steps = [Step(**step) for step in told["steps"]]
        return ComingUp(steps, lock.is_held(home), str(told["problem"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
