"""Numbers and times in words, and items as they are shown."""

from __future__ import annotations

from datetime import datetime

from grader.lib.units import format_duration
from grader.reports.reading import amount, points
from layerwise.interview import answers
from layerwise.interview.plan import Item
from layerwise.interview.report import SessionReport
from layerwise.interview.scores import Score
from layerwise.interview.state import ItemState, State
from layerwise.questions.question import Question


def minutes(seconds: float) -> str:
    """``12:05``, with a sign for less than nothing."""
    whole = int(abs(seconds))
    return f"{'-' if seconds < 0 and whole else ''}{whole // 60}:{whole % 60:02}"


def of(score: Score) -> str:
    """``3.5 of 5``."""
    return f"{amount(score.points)} of {amount(score.most)}"


def clock(state: State) -> str:
    """The line at the bottom of the screen."""
    left = f"{minutes(state.remaining)} left" if not state.is_over else "the time is over: what you submit now is late"
    if state.current is None:
        return f" {left}"
    item = state.items[state.current]
    spent = f"{minutes(item.seconds)} of {item.item.minutes}:00 spent here"
    return f" {left} · item {state.current + 1} of {len(state.items)} · {points(item.item.points)} · {spent}"


def head(number: int, item: Item) -> str:
    """An item in a line, without what it asks."""
    kind = f"{item.level} question" if item.kind == "question" else f"task: {item.text}"
    return f"{number}  {kind} ({points(item.points)}, about {item.minutes} min)"


def standing(item: ItemState) -> str:
    """How far an item is, without a judgement."""
    if item.hand_in and item.hand_in.is_graded:
        return "handed in"
    if item.answers:
        return "answered" if item.item.kind == "question" else "written up, not handed in"
    return "skipped" if item.skipped else "begun" if item.opened else ""


def no_lab(problem: Exception) -> str:
    """What to say if the tasks' base images cannot be had: a session goes on all the same."""
    return f"Tasks cannot be built or graded now: {problem}"


def paragraphs(text: str) -> str:
    """A text whose author has wrapped its lines, with a line for each paragraph. Lists and tables stay as they are."""
    found: list[str] = []
    goes_on = False
    for line in text.splitlines():
        is_prose = bool(line) and not line.startswith((" ", "-", "*", "|", "#", ">", "`"))
        if is_prose and goes_on:
            found[-1] += f" {line}"
        else:
            found.append(line)
        goes_on = is_prose
    return "\n".join(found)


def options(question: Question) -> list[str]:
    """The options of a question as they are shown, with their numbers."""
    return [f"{number}  {question.options[option]}" for number, option in enumerate(answers.shown_options(question), 1)]


HOW = {
    "choice": "Type the number of an option.",
    "several": "Type the numbers of all that are right, such as 1 3.",
    "order": "Type the numbers in the right order, such as 2 1 3.",
    "number": "Type a number.",
    "text": "Type a word or a few.",
}
"""How a question that is not open is answered."""


def when(state: State) -> str:
    """When a session was begun, how long it was to take, and its seed."""
    day = datetime.fromtimestamp(state.begun).strftime("%Y-%m-%d %H:%M")
    return f"{day}, {state.plan.minutes} minutes, seed {state.plan.seed}"


def about(found: SessionReport) -> list[str]:
    """How the session went, a line each."""
    state = found.state
    ended = {"time": "ended by the clock", "candidate": "ended by you"}.get(state.ended_by, "not ended")
    lines = [
        f"{when(state)}; {ended} after {minutes(_counted(state))}.",
        f"An AI assistant was {'allowed' if state.assistant else 'not allowed'}. Rated by yourself.",
    ]
    lines += [_stop(stop.elapsed, stop.seconds) for stop in state.stops]
    back = state.given_back
    if back["grading"] >= 1:
        lines.append(f"{minutes(back['grading'])} were given back: the grader worked.")
    if back["engine"] >= 1:
        lines.append(f"{minutes(back['engine'])} were given back: the engine or the grader failed.")
    if found.commands is not None:
        lines.append(f"{found.commands} command{'' if found.commands == 1 else 's'} recorded in the session's shell.")
    return lines


def _counted(state: State) -> float:
    return state.elapsed - sum(state.given_back.values())


def _stop(elapsed: float, seconds: float | None) -> str:
    at = minutes(elapsed)
    if seconds is None:
        return f"Interrupted at {at}: the program ended there. How long is not known."
    return f"Paused at {at}, for {format_duration(round(seconds))}."
