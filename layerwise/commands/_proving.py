"""The output of `lab exercises verify`: a line for each submission, and the total."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from grader.exercise import Exercise
from grader.lib.units import format_duration
from grader.verify.trials import Outcome
from layerwise import prerequisites
from layerwise.stack.images import NotAvailable


class Tally:
    """Counts outcomes, and prints a line for each, with the reasons if it was not proved."""

    def __init__(self) -> None:
        self.count = 0
        self._wrong = self._errors = self._remembered = 0
        self._skipped: list[str] = []
        self._exercises: set[str] = set()

    def ready(self, exercises: Sequence[Exercise], report: Callable[[str, str], None]) -> list[Exercise]:
        """The exercises whose base images are available here. The others are reported as skipped."""
        found = []
        for exercise in exercises:
            try:
                prerequisites.prepare([exercise], report)
            except NotAvailable as problem:
                self._skipped.append(exercise.label)
                click.echo(f"- {exercise.label}: skipped: {problem}")
            else:
                found.append(exercise)
        return found

    def add(self, outcome: Outcome) -> None:
        self.count += 1
        self._exercises.add(outcome.exercise)
        self._wrong += bool(outcome.problems)
        self._errors += bool(outcome.error)
        self._remembered += outcome.remembered
        kind = f" ({outcome.kind})" if outcome.kind != outcome.submission else ""
        mark = "✓" if outcome.proved else "!" if outcome.error else "✗"
        when = "proved before" if outcome.remembered else format_duration(outcome.seconds)
        click.echo(f"{mark} {outcome.exercise}: {outcome.submission}{kind}, {when}")
        if outcome.proved:
            return
        click.echo(f"    what it shows: {outcome.why}")
        for problem in outcome.problems:
            click.echo(f"    {problem}")
        if outcome.error:
            click.echo(f"    no grade: {outcome.error}")

    def close(self) -> int:
        """Print the total, and return the exit status."""
        proved = self.count - self._wrong - self._errors
        exercises = "1 exercise" if len(self._exercises) == 1 else f"{len(self._exercises)} exercises"
        parts = [f"{proved} of {self.count} submissions of {exercises} proved"]
        if self._remembered:
            parts[0] += f", {self._remembered} of them before (--again proves them again)"
        if self._wrong:
            parts.append(f"{self._wrong} with another verdict than expected")
        if self._errors:
            parts.append(f"{self._errors} could not be graded")
        if self._skipped:
            parts.append(f"skipped: {', '.join(self._skipped)}")
        click.echo("; ".join(parts))
        return 3 if self._errors else 1 if self._wrong else 0
