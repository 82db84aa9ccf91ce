"""What `lab exercises verify` says while it goes, and what it adds up to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from grader.exercise import Exercise
from grader.units import format_duration
from grader.verify import Outcome
from layerwise import bench
from layerwise.stack.images import NotAvailable


class Tally:
    """Counts outcomes and says each one in a line; what was not proved with its reasons."""

    def __init__(self) -> None:
        self.count = 0
        self._wrong = self._errors = 0
        self._skipped: list[str] = []
        self._exercises: set[str] = set()

    def ready(self, exercises: Sequence[Exercise], report: Callable[[str, str], None]) -> list[Exercise]:
        """Those whose base images can be had here; the others are said to be skipped."""
        found = []
        for exercise in exercises:
            try:
                bench.prepare([exercise], report)
            except NotAvailable as problem:
                self._skipped.append(exercise.name)
                click.echo(f"- {exercise.name}: skipped: {problem}")
            else:
                found.append(exercise)
        return found

    def add(self, outcome: Outcome) -> None:
        self.count += 1
        self._exercises.add(outcome.exercise)
        self._wrong += bool(outcome.problems)
        self._errors += bool(outcome.error)
        kind = f" ({outcome.kind})" if outcome.kind != outcome.submission else ""
        mark = "✓" if outcome.proved else "!" if outcome.error else "✗"
        click.echo(f"{mark} {outcome.exercise}: {outcome.submission}{kind}, {format_duration(outcome.seconds)}")
        if outcome.proved:
            return
        click.echo(f"    what it shows: {outcome.why}")
        for problem in outcome.problems:
            click.echo(f"    {problem}")
        if outcome.error:
            click.echo(f"    no grade: {outcome.error}")

    def close(self) -> int:
        """Say the sum, and what exit status it makes."""
        proved = self.count - self._wrong - self._errors
        exercises = "1 exercise" if len(self._exercises) == 1 else f"{len(self._exercises)} exercises"
        parts = [f"{proved} of {self.count} submissions of {exercises} proved"]
        if self._wrong:
            parts.append(f"{self._wrong} with another verdict than expected")
        if self._errors:
            parts.append(f"{self._errors} could not be graded")
        if self._skipped:
            parts.append(f"skipped: {', '.join(self._skipped)}")
        click.echo("; ".join(parts))
        return 3 if self._errors else 1 if self._wrong else 0
