"""The screens of interview practice, as the script draws them and as static HTML. All text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.reports import html as report_html
from grader.reports.reading import amount, points
from layerwise import workspace
from layerwise.errors import LabError
from layerwise.interview import answers
from layerwise.interview.report import SessionReport
from layerwise.interview.state import ItemState, Phase, State
from layerwise.interview.today import Today
from layerwise.interview.words import standing, when
from layerwise.questions.skills import SKILLS
from layerwise.views import due, session_page
from layerwise.views.ask import form
from layerwise.views.course_parts import text
from layerwise.views.markup import inline, paragraphs
from layerwise.views.sitting import Sitting
from layerwise.views.words import counted

MINUTES = (30, 45, 60)
RESUME, HERE, AGAIN = "Resume", "Go on here", "Try again"
"""What the button says that goes on with a session: that nobody has open, or another view, or another process."""
SHELL = "lab interview shell"
"""The command that opens the shell whose commands are recorded."""
MAX_FILES = 8
"""The most files of a task that are linked, the Dockerfile first."""


def start(
    found: Today, now: datetime, session: str, *, resume: str, note: str = "", earlier: Sequence[tuple[int, State]] = ()
) -> dict[str, Any]:
    """Not in a session. `session` is a sentence about the one that is open, or empty, and `resume` what the button says
    that goes on with it. `earlier` are sessions that are finished, with their numbers."""
    return {
        "name": "start",
        "today": due.today(found, now),
        "session": text(session),
        "resume": resume,
        "held": resume != RESUME,
        "note": text(note),
        "minutes": list(MINUTES),
        "earlier": [[number, f"{number}: {when(state)}"] for number, state in earlier],
        "skills": [[slug, f"{slug}: {words.replace('`', '')}"] for slug, words in SKILLS.items()],
    }


def open_session(number: int, state: State) -> str:
    """A sentence about a session that is not finished, and that nobody has open."""
    if state.phase is not Phase.ANSWERING:
        return f"Session {number} has ended, and its answers are not all rated."
    left = max(0, round(state.remaining / 60))
    return f"Session {number} is open: {left} of {state.plan.minutes} minutes are left, and the clock stands still."


def about(state: State) -> str:
    """A session in a line."""
    plan = state.plan
    allowed = "AI assistant allowed" if state.assistant else "no AI assistant"
    return f"Mock interview, {plan.minutes} minutes, {points(plan.points)}, seed {plan.seed}, {allowed}"


def rows(state: State) -> list[dict[str, Any]]:
    """The items of a session, as a list to choose from. It does not tell what they ask."""
    return [
        {
            "label": f"{number}. {item.item.kind.capitalize()}",
            "points": points(item.item.points),
            "standing": standing(item) or "not begun",
            "here": state.current == number - 1,
        }
        for number, item in enumerate(state.items, 1)
    ]


def clock(sitting: Sitting) -> dict[str, Any]:
    """What the browser needs to show the time left: it counts on from there by itself."""
    state = sitting.state
    stands = state.paused or state.is_over or state.phase is not Phase.ANSWERING or bool(sitting.news)
    return {"left": round(state.remaining, 1), "runs": not stands}


def mock(sitting: Sitting, problem: str = "") -> dict[str, Any]:
    """In a session: the item that is open. `problem` is why the files of a task are not there."""
    state = sitting.state
    shown = None if state.paused or state.current is None else _item(sitting, state, state.current, problem)
    left = sum(not item.is_done for item in state.items)
    return {
        "name": "mock",
        "about": text(about(state)),
        "paused": state.paused,
        "over": state.is_over,
        "item": shown,
        "left": f"{counted(left, 'item')} {'is' if left == 1 else 'are'} not done." if left else "",
    }


def _item(sitting: Sitting, state: State, number: int, problem: str) -> dict[str, Any]:
    kept, item = state.items[number], state.items[number].item
    question = sitting.sources.question(item)
    asked = form(question) if question and question.kind != "open" else None
    before = kept.answers[-1].fields if kept.answers else {}
    fields = [
        {"name": name, "label": label, "value": before.get(name), "part": name == "answer" and asked is not None}
        for name, label in answers.fields(item, question).items()
    ]
    kind = f"{item.level} question" if item.kind == "question" else "task"
    return {
        "number": number,
        "head": f"Item {number + 1} of {len(state.items)}: {kind}, {points(item.points)}, about {item.minutes} minutes",
        "text": inline(item.text),
        "asked": asked,
        "fields": fields,
        "task": _task(sitting, kept, state.timeline) if item.kind == "task" else None,
        "problem": text(problem),
    }


def _task(sitting: Sitting, kept: ItemState, timeline: bool) -> dict[str, Any]:
    """What a task shows beside its title: its story, its files, what is judged, and how its commands are recorded."""
    try:
        exercise = sitting.sources.task(kept.item).exercise
    except (GraderError, LabError) as problem:
        return {"story": paragraphs(str(problem)), "judged": [], "folder": "", "files": [], "shell": ""}
    folder = Path(kept.folder) if kept.folder else None
    files = workspace.files(exercise)[:MAX_FILES] if folder else []
    judged = [[amount(check.points), inline(check.title)] for check in exercise.checks]
    own = "What you say is wrong, what shows it, and how you verified your repair"
    return {
        "story": paragraphs(exercise.story),
        "judged": [*judged, [amount(len(kept.item.rubric)), own]],
        "folder": f"work/{exercise.name}" if folder else "",
        "files": [f"work/{exercise.name}/{path.relative_to(folder).as_posix()}" for path in files] if folder else [],
        "shell": SHELL if timeline and folder else "",
    }


def look(state: State) -> dict[str, Any]:
    """A session that somebody else has open, as it was last kept."""
    return {"name": "look", "html": table(state)}


def report(found: SessionReport) -> dict[str, Any]:
    """The report on a session that is finished: in the page, and as a page of its own."""
    return {
        "name": "report",
        "html": f"<style>{report_html.STYLE}</style>{session_page.main(found)}",
        "page": session_page.page(found),
        "file": f"interview-{found.number}.html",
        "words": f"Session {found.number}: {amount(found.score.points)} of {points(found.score.most)}.",
    }


def table(state: State) -> str:
    """The items of a session and how far they are, as HTML."""
    left = f"{max(0, int(state.remaining // 60))} minutes left" if state.phase is Phase.ANSWERING else "being rated"
    listed = "".join(
        f'<li>{row["label"]}: {row["standing"]} <span class="lw-soft">{row["points"]}</span></li>'
        for row in rows(state)
    )
    return f'<p class="lw-kicker">{text(about(state))}; {left}</p><ul class="lw-due">{listed}</ul>'


RUN = '<p class="lw-kicker">Run this cell to practise.</p>'


def static(screen: Mapping[str, Any], state: State | None) -> str:
    """What is shown without a kernel, as HTML: no question and no answer of a session."""
    if screen["name"] == "start":
        return f'<p class="lw-title">Interview practice</p>{screen["today"]}{RUN}'
    if screen["name"] == "report":
        return f"<p>{text(screen['words'])} The report: <code>lab interview report</code></p>{RUN}"
    return f"{table(state) if state else ''}{RUN}"


def words(screen: Mapping[str, Any]) -> str:
    """The same in plain words."""
    due_today = re.sub(r"</(p|li)>", r". ", screen.get("today", "")).replace(":. ", ": ").replace(".. ", ". ")
    said = {"start": unescape(re.sub(r"<[^>]+>", "", due_today)), "report": screen.get("words", "")}
    return " ".join(f"Interview practice. {said.get(screen['name'], 'Run this cell to go on.')}".split())
