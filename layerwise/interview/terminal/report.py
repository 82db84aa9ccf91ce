"""The report on a session, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from grader.lib.units import format_duration
from layerwise.interview.report import SessionReport
from layerwise.interview.scores import Score
from layerwise.interview.state import Phase, State
from layerwise.interview.terminal import words
from layerwise.interview.terminal.console import Desk

BAR = 20
"""Characters of a whole bar."""


def show(desk: Desk, found: SessionReport) -> None:
    """Print the report."""
    state = found.state
    desk.heading(f"Session {found.number}: {words.of(found.score)} points")
    for line in about(found):
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


def about(found: SessionReport) -> list[str]:
    """How the session went, a line each."""
    state = found.state
    day = datetime.fromtimestamp(state.begun).strftime("%Y-%m-%d %H:%M")
    ended = {"time": "ended by the clock", "candidate": "ended by you"}.get(state.ended_by, "not ended")
    lines = [
        f"{day}, {state.plan.minutes} minutes, seed {state.plan.seed}; {ended} after {words.minutes(_counted(state))}.",
        f"An AI assistant was {'allowed' if state.assistant else 'not allowed'}. Rated by yourself.",
    ]
    lines += [_stop(stop.elapsed, stop.seconds) for stop in state.stops]
    back = state.given_back
    if back["grading"] >= 1:
        lines.append(f"{words.minutes(back['grading'])} were given back: the grader worked.")
    if back["engine"] >= 1:
        lines.append(f"{words.minutes(back['engine'])} were given back: the engine or the grader failed.")
    if found.commands is not None:
        lines.append(f"{found.commands} command{'' if found.commands == 1 else 's'} recorded in the session's shell.")
    return lines


def _counted(state: State) -> float:
    return state.elapsed - sum(state.given_back.values())


def _stop(elapsed: float, seconds: float | None) -> str:
    at = words.minutes(elapsed)
    if seconds is None:
        return f"Interrupted at {at}: the program ended there. How long is not known."
    return f"Paused at {at}, for {format_duration(round(seconds))}."


def _bars(desk: Desk, title: str, parts: Mapping[Any, Score]) -> None:
    desk.heading(title)
    width = max((len(name) for name in parts), default=0)
    for name, score in parts.items():
        full = round(BAR * score.share)
        desk.say(f"  {name:<{width}}  {'█' * full}{'░' * (BAR - full)}  {words.of(score)}")
