"""Show what `lab up` is doing, for how long, and how much is left: live rows on a terminal, else plain lines."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from grader.lib.units import format_duration

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Say = Callable[[str], None]

QUIET_SECONDS = 5.0
"""Least time between two plain lines about the same thing."""


@dataclass(frozen=True)
class Task:
    """One long step: its key, what a person reads, and how many seconds it is expected to take."""

    key: str
    title: str
    seconds: float


class Reporter:
    """Shows the progress of a plan, and remembers how long each step took (`seconds`, by key)."""

    def __init__(self, plan: list[Task], stream: TextIO | None = None) -> None:
        self.plan = plan
        self.stream = stream or sys.stderr
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}

    @contextmanager
    def step(self, key: str) -> Iterator[Say]:
        """Wraps one step of the plan. The value takes texts that say what the step is doing; plain lines about the same
        thing ("thing: what") are shown at most every QUIET_SECONDS."""
        at = next(index for index, step in enumerate(self.plan) if step.key == key)
        self._said.clear()
        started = time.monotonic()
        self.began(at)
        try:
            yield lambda text: self.said(at, text, time.monotonic() - started)
        except BaseException:
            self.failed(at)
            raise
        self.seconds[key] = time.monotonic() - started
        self.ended(at, self.seconds[key])

    def left(self, at: int, elapsed: float) -> float:
        """Seconds until the whole plan should be done, `elapsed` seconds into step `at`."""
        return max(0.0, self.plan[at].seconds - elapsed) + sum(step.seconds for step in self.plan[at + 1 :])

    def began(self, at: int) -> None:
        step = self.plan[at]
        line = f"[{at + 1}/{len(self.plan)}] {step.title}"
        if step.seconds >= 3:
            line += f" (about {format_duration(step.seconds)}; {format_duration(self.left(at, 0))} in all)"
        self._print(line)

    def said(self, at: int, text: str, elapsed: float) -> None:
        thing = text.partition(": ")[0]
        with self._lock:
            now = time.monotonic()
            if now - self._said.get(thing, -QUIET_SECONDS) < QUIET_SECONDS:
                return
            self._said[thing] = now
        self._print(f"      {text} ({format_duration(elapsed)} so far)" if elapsed >= 1 else f"      {text}")

    def ended(self, at: int, seconds: float) -> None:
        if seconds >= 1:
            self._print(f"      done in {format_duration(seconds)}")

    def failed(self, at: int) -> None:
        self._print("      stopped here")

    def close(self) -> None:
        """End the display."""

    def _print(self, line: str) -> None:
        with self._lock:
            print(line, file=self.stream, flush=True)


class LiveReporter(Reporter):
    """The same on a terminal: a row for each step, and the current one moves."""

    def __init__(self, plan: list[Task], stream: TextIO | None = None) -> None:
        super().__init__(plan, stream)
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self._live: Progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[left]}[/]"),
            TextColumn("[dim]{task.fields[detail]}[/]", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=Console(file=self.stream),
        )
        self._tasks: dict[int, TaskID] = {}
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def began(self, at: int) -> None:
        self._live.start()
        self._tasks[at] = self._live.add_task(self.plan[at].title, total=1, detail="", left="")
        started = time.monotonic()
        self._stop.clear()

        def tick() -> None:
            while True:
                left = self.left(at, time.monotonic() - started)
                text = f"about {format_duration(left)} left" if left >= 1 else "nearly there"
                self._live.update(self._tasks[at], left=text)
                if self._stop.wait(1):
                    return

        self._ticker = threading.Thread(target=tick, daemon=True)
        self._ticker.start()

    def said(self, at: int, text: str, elapsed: float) -> None:
        self._live.update(self._tasks[at], detail=text)

    def ended(self, at: int, seconds: float) -> None:
        self._halt()
        self._live.update(self._tasks[at], completed=1, detail="", left="")

    def failed(self, at: int) -> None:
        self._halt()
        self._live.update(self._tasks[at], detail="stopped here", left="")
        self._live.stop()

    def close(self) -> None:
        self._halt()
        self._live.stop()

    def _halt(self) -> None:
        self._stop.set()
        if self._ticker:
            self._ticker.join()
            self._ticker = None


def reporter(plan: list[Task], stream: TextIO | None = None) -> Reporter:
    """The reporter for `stream` (default: standard error)."""
    stream = stream or sys.stderr
    return LiveReporter(plan, stream) if stream.isatty() else Reporter(plan, stream)
