"""The status line while grading runs: the step and the time, on standard error, if that is a terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from grader.grade import Event


class Watch:
    """Puts the grader's events, and the news of base images, on the status line."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self.show = show
        """Put this text on the line."""

    def event(self, event: Event) -> None:
        if event.kind == "check":
            self.show(f"check {event.number} of {event.total}: {event.title}")
        elif event.kind == "step":
            self.show(f"building, step {min(event.done + 1, event.steps)} of {event.steps}: {event.text}")

    def seeding(self, name: str, what: str) -> None:
        self.show(f"base image {name}: {what}")


@contextmanager
def watching() -> Iterator[Watch]:
    """A status line that is cleared at the end; none if standard error is not a terminal.

    With LAYERWISE_PROGRESS=lines, each text is a line of its own on standard error, for a program that reads them.
    """
    if os.environ.get("LAYERWISE_PROGRESS") == "lines":
        yield Watch(lambda text: click.echo(" ".join(text.split()), err=True))
        return
    console = Console(stderr=True)  # in a notebook, FORCE_COLOR makes it take the output for a terminal
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty(), expand=True) as progress:
        task = progress.add_task("reading the exercise", total=None)

        def show(text: str) -> None:
            progress.update(task, description=" ".join(text.split()))

        yield Watch(show)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM, SIGQUIT and a closed terminal end the work as Ctrl-C does: all that was made is cleaned up."""

    def stop(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    # Under nohup a closed terminal is ignored, and that is left as it is.
    ending = (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
    heard = [number for number in ending if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
