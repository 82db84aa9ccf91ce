"""What `lab watch` shows: on a terminal one screen that is redrawn, elsewhere lines as things happen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from grader.lint.model import Linted, Severity
from grader.reports import safe, terminal
from grader.reports.reading import score
from grader.verdict import Report

FINDINGS = 6
"""Findings on the screen, the most severe ones; `lab lint` lists all."""
_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


class Screen(Protocol):
    """Where the loop reports to, from its own thread."""

    def saved(self, linted: Linted | None) -> None:
        """The folder was saved; these are the findings of lint (None: there is no Dockerfile)."""

    def news(self, text: str) -> None:
        """What is going on now; empty for nothing."""

    def report(self, report: Report) -> None: ...

    def problem(self, text: str) -> None:
        """Why there is no grade."""


@contextmanager
def screen(exercise: str, folder: str) -> Iterator[Screen]:
    """The screen for as long as the block lasts. After that, the last score is printed on a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        yield _Lines(console, exercise, folder)
        return
    page = _Page(console, exercise, folder)
    try:
        with Live(get_renderable=page.render, console=console, screen=True, refresh_per_second=4):
            yield page
    finally:
        if page.last is not None:
            console.print(Text(f"{page.last.exercise}: {score(page.last)}"))


class _Lines:
    def __init__(self, console: Console, exercise: str, folder: str) -> None:
        self._console = console
        self._said = ""
        self._print(Text(f"watching {folder} for {exercise}; Ctrl-C ends"))

    def saved(self, linted: Linted | None) -> None:
        self._said = ""
        self._print(Text())
        for line in _findings(linted, 1000):
            self._print(line)

    def news(self, text: str) -> None:
        # Steps are for a screen. Here only news of another kind is shown: that grading begins, waits, is stopped.
        kind = text.partition(":")[0].rstrip("…").split(",")[0]
        if text and kind != self._said and not kind.startswith(("check ", "building", "base image")):
            self._said = kind
            self._print(Text(text))

    def report(self, report: Report) -> None:
        terminal.render(report, console=self._console)
        self._flush()

    def problem(self, text: str) -> None:
        self._print(Text(f"no grade: {text}"))

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
        self._flush()

    def _flush(self) -> None:
        self._console.file.flush()


class _Page:
    def __init__(self, console: Console, exercise: str, folder: str) -> None:
        self._console = console
        self._title = f"watching {folder} · {exercise} · Ctrl-C ends"
        self._exercise = exercise
        self._folder = folder
        self._linted: Linted | None = None
        self._news = ""
        self._began = time.monotonic()
        self._problem = ""
        self._stale = False
        self.last: Report | None = None

    def saved(self, linted: Linted | None) -> None:
        self._linted = linted
        self._stale, self._problem = True, ""

    def news(self, text: str) -> None:
        if text and not self._news:
            self._began = time.monotonic()
        self._news = text

    def report(self, report: Report) -> None:
        self.last, self._stale, self._problem = report, False, ""

    def problem(self, text: str) -> None:
        self._problem, self._stale = text, True

    def render(self) -> Group:
        """All of it, cut to the terminal's size."""
        width, height = self._console.size
        lines = [Text(self._title, style="bold"), Text(), *_findings(self._linted, FINDINGS), Text()]
        if self._news:
            lines += [Text(f"… {self._news} ({time.monotonic() - self._began:.0f} s)", style="cyan"), Text()]
        if self._problem:
            lines += [Text(f"no grade: {self._problem}", style="magenta"), Text()]
        if self.last is not None:
            if self._stale:
                lines.append(Text("the last grade, of an earlier save:", style="dim"))
            lines += terminal.lines(self.last, width=width, encoding=self._console.encoding)
        rows = [row for line in lines for row in (line.wrap(self._console, width) or [Text()])]
        if len(rows) > height:
            rows = rows[: height - 1]
            rows.append(Text(f"… see all with: ./lab grade {self._exercise}"[:width], style="dim"))
        for row in rows:
            row.truncate(width)
        return Group(*rows)


def _findings(linted: Linted | None, most: int) -> Iterator[Text]:
    if linted is None:
        yield Text("no Dockerfile to look at", style="dim")
        return
    if linted.error is not None and not linted.findings:
        yield Text(f"{safe.line(linted.path)}: {safe.line(linted.error)}", style="red")
        return
    count = len(linted.findings)
    if not count:
        yield Text("lint: nothing found", style="green")
        return
    yield Text(f"lint: {count} finding{'' if count == 1 else 's'} in {safe.line(linted.path)}")
    graver = sorted(linted.findings, key=lambda item: -item.severity.rank)[:most]
    for found in sorted(graver, key=lambda item: item.line):
        text = Text(f"  line {found.line or 1}: ")
        text.append(str(found.severity), style=_STYLES[found.severity])
        yield text.append(f" {found.rule}: {found.message}")
    if count > most:
        yield Text(f"  … and {count - most} more: ./lab lint", style="dim")
