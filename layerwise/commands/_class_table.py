"""What `lab classroom status` prints: a line for each learner, a column for each exercise, and the totals."""

from __future__ import annotations

from collections import Counter

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.lib.text import clean
from grader.reports.reading import amount
from layerwise.classroom.gradebook import Entry, Gradebook, State
from layerwise.classroom.lateness import span
from layerwise.classroom.layouts import Layout, shown

_WORDS = {State.WAITING: "to grade", State.ERROR: "no score", State.MISSING: "–"}
_STYLES = {State.STALE: "yellow", State.ERROR: "bold red", State.WAITING: "cyan", State.MISSING: "dim"}


def render(book: Gradebook, layout: Layout) -> None:
    """Print the table, what needs a look, and the totals."""
    for line in shown(layout):
        click.echo(line)
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("learner", overflow="fold", max_width=40)
    for exercise in book.exercises:
        table.add_column(exercise.name, justify="right")
    for learner, entries in book.by_learner.items():
        cells = {entry.exercise.name: _cell(entry) for entry in entries}
        table.add_row(Text(clean(learner, 60)), *(cells.get(exercise.name, Text("–")) for exercise in book.exercises))
    console.print(table)
    for entry in book.entries:
        if why := _why(entry):
            console.print(Text(f"{clean(entry.learner, 60)}  {entry.exercise.name}: {why}"))
    click.echo(totals(book))


def totals(book: Gradebook) -> str:
    """How many hand-ins are graded, stale, failed, waiting and late, in one line."""
    handed_in = [entry for entry in book.entries if entry.hand_in]
    counts = Counter(entry.state for entry in handed_in)
    lost = sum(1 for entry in handed_in if entry.score is not None and entry.score < entry.max_score)
    late = sum(entry.late.is_late for entry in handed_in)
    parts = [f"{len(handed_in)} handed in", f"{counts[State.GRADED]} graded"]
    parts += [
        f"{number} {words}"
        for number, words in (
            (counts[State.STALE], "stale"),
            (counts[State.WAITING], "to grade"),
            (counts[State.ERROR], "without a score because the grader failed"),
            (lost, "lost points"),
            (late, "late"),
        )
        if number
    ]
    return ", ".join(parts) + "."


def _cell(entry: Entry) -> Text:
    words = _WORDS.get(entry.state, "")
    if not words and entry.points is not None:
        words = f"{amount(entry.points)}/{amount(entry.max_score)}"
    marks = (" stale" if entry.state is State.STALE else "") + (" late" if entry.late.is_late else "")
    return Text(f"{words}{marks}", style=_STYLES.get(entry.state, ""))


def _why(entry: Entry) -> str:
    """What a person should know about an entry beyond its points; "" if nothing."""
    reasons = [f"stale, because {entry.why}"] if entry.state is State.STALE else []
    if entry.state is State.ERROR:
        reasons.append(f"no score: {entry.why}; lab classroom grade tries again")
    if entry.kept and entry.kept.unusable:
        reasons.append("there was nothing to grade in it")
    if entry.late.is_late:
        how = f"{span(entry.late.by)} late" if entry.late.by else "late, as the LMS says"
        lost = (entry.score or 0) - (entry.points or 0)
        reasons.append(how + (f", which costs {amount(lost)} points" if lost else ""))
    return "; ".join(reasons)
