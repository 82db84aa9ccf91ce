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
from layerwise.stack.coming import Record

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Say = Callable[[str], None]

QUIET_SECONDS = 5.0
"""Least time between two plain lines about the same thing."""


@dataclass(frozen=True)
class Task:
    """One long step: its key, what a person reads, and how many seconds it is expected to take. `beside` is true if it
    runs beside the others, so that nobody waits for it."""

    key: str
    title: str
    seconds: float
    beside: bool = False


class Reporter:
    """Shows the progress of a plan, and remembers how long each step took (`seconds`, by key). Steps may run at the
    same time, each in a thread of its own. `record` also gets it all, if there is one."""

    def __init__(self, plan: list[Task], record: Record | None = None, stream: TextIO | None = None) -> None:
        self.plan = plan
        self.stream = stream or sys.stderr
        self.seconds: dict[str, float] = {}
        self._record = record
        self._lock = threading.Lock()
        self._said: dict[tuple[int, str], float] = {}
        self._lacks: dict[str, str] = {}

    def plans(self, key: str) -> bool:
        """Whether there is such a step."""
        return any(step.key == key for step in self.plan)

    def lacks(self, key: str, what: str) -> None:
        """Say what a step cannot have, though it will be done all the same: an image that nobody offers here."""
        self._lacks[key] = what

    @contextmanager
    def step(self, key: str) -> Iterator[Say]:
        """Wraps one step of the plan. The value takes texts that say what the step is doing; plain lines about the same
        thing ("thing: what") are shown at most every QUIET_SECONDS."""
        at = next(index for index, step in enumerate(self.plan) if step.key == key)
        started = time.monotonic()

        def say(text: str) -> None:
            if self._record:
                self._record.said(key, text)
            self.said(at, text, time.monotonic() - started)

        if self._record:
            self._record.began(key)
        self.began(at)
        try:
            yield say
        except BaseException:
            if self._record:
                self._record.failed(key, time.monotonic() - started)
            self.failed(at)
            raise
        self.seconds[key] = time.monotonic() - started
        if self._record:
            self._record.ended(key, self.seconds[key], self._lacks.get(key, ""))
        self.ended(at, self.seconds[key], self._lacks.get(key, ""))

    def left(self, at: int, elapsed: float) -> float:
        """Seconds until the whole plan should be done, `elapsed` seconds into step `at`."""
        later = sum(step.seconds for step in self.plan[at + 1 :] if not step.beside)
        return max(0.0, self.plan[at].seconds - elapsed) + (0 if self.plan[at].beside else later)

    def began(self, at: int) -> None:
        step = self.plan[at]
        line = self._title(at)
        if step.seconds >= 3:
            about = f"about {format_duration(step.seconds)}"
            line += f" ({about})" if step.beside else f" ({about}; {format_duration(self.left(at, 0))} in all)"
        self._print(line)

    def said(self, at: int, text: str, elapsed: float) -> None:
        thing = at, text.partition(": ")[0]
        with self._lock:
            now = time.monotonic()
            if now - self._said.get(thing, -QUIET_SECONDS) < QUIET_SECONDS:
                return
            self._said[thing] = now
        self._print(f"      {text} ({format_duration(elapsed)} so far)" if elapsed >= 1 else f"      {text}")

    def ended(self, at: int, seconds: float, lacks: str = "") -> None:
        if seconds >= 1 or lacks:
            but = f", but {lacks}" if lacks else ""
            self._print(f"{self._title(at)}: done in {format_duration(seconds)}{but}")

    def failed(self, at: int) -> None:
        self._print(f"{self._title(at)}: stopped")

    def tell(self, lines: str) -> None:
        """Show a text of several lines between the others."""
        self._print(lines)

    def close(self) -> None:
        """End the display."""

    def _title(self, at: int) -> str:
        return f"[{at + 1}/{len(self.plan)}] {self.plan[at].title}"

    def _print(self, line: str) -> None:
        with self._lock:
            print(line, file=self.stream, flush=True)


class LiveReporter(Reporter):
    """The same on a terminal: a row for each step, and those that run move."""

    def __init__(self, plan: list[Task], record: Record | None = None, stream: TextIO | None = None) -> None:
        super().__init__(plan, record, stream)
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
        self._rows: dict[int, TaskID] = {}
        self._running: dict[int, float] = {}
        """When each step that runs began."""
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def _tick(self) -> None:
        while True:
            with self._lock:
                for at, began in self._running.items():
                    left = self.left(at, time.monotonic() - began)
                    text = f"about {format_duration(left)} left" if left >= 1 else "nearly there"
                    self._live.update(self._rows[at], left=text)
            if self._stop.wait(1):
                return

    def began(self, at: int) -> None:
        with self._lock:
            self._live.start()
            self._rows[at] = self._live.add_task(self.plan[at].title, total=1, detail="", left="")
            self._running[at] = time.monotonic()
            if not self._ticker.ident:
                self._ticker.start()

    def said(self, at: int, text: str, elapsed: float) -> None:
        self._live.update(self._rows[at], detail=text)

    def ended(self, at: int, seconds: float, lacks: str = "") -> None:
        self._halt(at, completed=1, detail=lacks)

    def failed(self, at: int) -> None:
        self._halt(at, detail="stopped here")

    def tell(self, lines: str) -> None:
        self._live.console.print(lines, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._stop.set()
        if self._ticker.ident:
            self._ticker.join()
        self._live.stop()

    def _halt(self, at: int, **fields: object) -> None:
        with self._lock:
            del self._running[at]
            self._live.update(self._rows[at], left="", **fields)  # type: ignore[arg-type]


def reporter(plan: list[Task], record: Record | None = None, stream: TextIO | None = None) -> Reporter:
    """The reporter for `stream` (default: standard error)."""
    stream = stream or sys.stderr
    return LiveReporter(plan, record, stream) if stream.isatty() else Reporter(plan, record, stream)
