"""The report on a session, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layerwise.interview import words
from layerwise.interview.report import SessionReport
from layerwise.interview.scores import Score
from layerwise.interview.state import Phase
from layerwise.interview.terminal.console import Desk

BAR = 20
"""Characters of a whole bar."""


def show(desk: Desk, found: SessionReport) -> None:
    """Print the report."""
    state = found.state
    desk.heading(f"Session {found.number}: {words.of(found.score)} points")
    for line in words.about(found):
        desk.say(line)
    if state.phase is not Phase.FINISHED:
        desk.say("It is not finished: the points are those so far.", "yellow")
    _bars(desk, "By dimension", found.by_dimension)
    _bars(desk, "By skill", found.by_skill)
    desk.heading("Items")
    for one in found.items:
        desk.say(f"  {words.head(one.number, one.state.item)}")
        took = f"{words.minutes(one.state.seconds)} of {words.minutes(one.planned)} planned"
        evidence = f"; first useful evidence after {words.minutes(one.found)}" if one.found is not None else ""
        desk.quote(f"{words.of(one.score)}; {took}{evidence}")
        for note in one.notes:
            desk.quote(note, "yellow")
        if one.state.item.kind == "task":
            for ask in one.follow_ups:
                desk.quote(f"· {ask}")
    desk.say()
    desk.say(
        f"Model answers and differences: lab interview review {found.number}. As a page: lab interview report "
        f"{found.number} --html FILE"
    )


def _bars(desk: Desk, title: str, parts: Mapping[Any, Score]) -> None:
    desk.heading(title)
    width = max((len(name) for name in parts), default=0)
    for name, score in parts.items():
        full = round(BAR * score.share)
        desk.say(f"  {name:<{width}}  {'█' * full}{'░' * (BAR - full)}  {words.of(score)}")
