"""The home page as HTML: a frame that stays, and parts that are made anew whenever something has changed."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import quote

from grader.lib.text import clean
from grader.lib.units import format_duration
from layerwise import workspace
from layerwise.course_progress import Course, ExerciseProgress, Lesson
from layerwise.homepage.lab_state import LabState
from layerwise.interview.today import Today
from layerwise.stack.coming import Step
from layerwise.stack.jupyter_config import HOME_PAGE
from layerwise.views import course_parts as parts
from layerwise.views import due
from layerwise.views.markup import inline, plain

_HERE = Path(__file__).parent
LOOK = _HERE.parent / "views" / "look.css"
STEP_MARKS = {"waiting": "○", "running": "…", "done": "✓", "failed": "✕", "stopped": "✕"}
PRACTICE, PRACTICE_CELL = "11-interview", "practice"
"""The lesson, and its cell, in which one practises for an interview."""
LONGEST = 300
"""The most characters that are shown of a text that is not the course's own: what a step says, why the lab is down."""


@cache
def files() -> dict[str, str]:
    """What the page is made with, by name: its look, with that of the views, and its script."""
    look, own, script = (path.read_text(encoding="utf-8") for path in (LOOK, _HERE / "page.css", _HERE / "page.js"))
    return {"page.css": look + own, "page.js": script}


def document(base: str, found: Course, lab: LabState, practice: Today | None, *, form: str, fault: str = "") -> str:
    """The whole page. `base` is the server's base URL, `form` the hidden field that proves that a form is ours, `fault`
    one line about what was asked for and not done."""
    frame = Template((_HERE / "page.html").read_text(encoding="utf-8"))
    return frame.substitute(
        changing(base, found, lab, practice),
        lab_page=parts.text(f"{base}lab"),
        home=parts.text(base.rstrip("/") + HOME_PAGE),
        version=hashlib.sha256("".join(files().values()).encode()).hexdigest()[:12],
        form=form,
        said=parts.text(lab.said),
        fault=f'<p class="lw-fault fault" role="alert">{_foreign(fault)}</p>' if fault else "",
    )


def changing(base: str, found: Course, lab: LabState, practice: Today | None, *, steps: bool = False) -> dict[str, str]:
    """The parts that change, by the id of the element that holds them. `steps` keeps the steps of `lab up` shown when
    all are done: the page of somebody who watches them does not jump."""
    return {
        "lab": _lab(lab, steps=steps),
        "next": _next(base, found),
        "practice": _practice(base, found, practice),
        "done": f"<p>{parts.text(parts.totals(found))}</p>{parts.bar(found)}",
        "faults": "".join(f'<p class="lw-fault">{_foreign(line)}</p>' for line in parts.faults(found)),
        "lessons": "".join(_group(base, lesson) for lesson in found.lessons),
    }


def opened(base: str, progress: ExerciseProgress) -> str:
    """The address at which JupyterLab opens the first of the learner's files; the folder if it shows none of them."""
    place = workspace.folder(progress.exercise)
    inside = (path.relative_to(place) for path in workspace.files(progress.exercise))
    first = next((path for path in inside if not any(part.startswith(".") for part in path.parts)), Path())
    return f"{base}lab/tree/{quote((Path('work', progress.exercise.name) / first).as_posix())}"


def _lab(lab: LabState, *, steps: bool) -> str:
    well = lab.up and not lab.problem
    state = "up" if well else "coming" if lab.coming_up else "down"
    said = f'<p class="said is-{state}"><span class="dot" aria-hidden="true"></span>{parts.text(lab.said)}</p>'
    if lab.coming_up:
        said += "<p>You need not wait: begin to read. A cell that needs what is not there yet waits for it.</p>"
    if well and steps and not lab.lacks:
        said += "<p>All that the first lessons need is there.</p>"
    if lab.lacks:
        said += f"<p>{_foreign(lab.lacks[:1].upper() + lab.lacks[1:])}.</p>"
    if lab.problem:
        said += f"<p>{_foreign(lab.problem[:1].upper() + lab.problem[1:])}.</p>"
    if state == "down" and "./lab up" not in lab.problem:
        run = "To try again, run" if lab.problem else "Run"
        said += f"<p>{run} <code>./lab up</code> in a terminal, in the folder of the course.</p>"
    if lab.steps and (steps or not well):
        said += f'<ol class="steps">{"".join(map(_step, lab.steps))}</ol>'
    return said


def _step(step: Step) -> str:
    """A step in a row: its state, what it is, what it is doing, and how long it takes."""
    state = step.state if step.state in STEP_MARKS else "waiting"
    about = f"about {_seconds(step.expected)}" if step.expected >= 1 else ""
    if state == "running":
        since = time.time() - (step.began or time.time())
        took = f"{_seconds(since)} of {about}" if since <= step.expected else _seconds(since)
    else:
        took = about if state == "waiting" else _seconds(step.took) if step.took is not None else ""
    detail = step.lacks if state == "done" else step.detail if state != "waiting" else ""
    return (
        f'<li class="step is-{state}"><span class="lw-mark" aria-hidden="true">{STEP_MARKS[state]}</span>'
        f'<span class="what"><span class="lw-heard">{state}: </span>{parts.text(clean(step.title, LONGEST))}'
        f' <span class="detail">{_foreign(detail)}</span></span>'
        f' <span class="took">{took}</span></li>'
    )


def _seconds(count: float) -> str:
    """Seconds in words, whole ones."""
    return f"{max(1, round(count))} s" if count < 59.5 else format_duration(count)


def _next(base: str, found: Course) -> str:
    step = parts.next_step(found)
    if step is None:
        return ""
    link = parts.link(step.name, _lesson(base, step.link), "next-link")
    name = f'<p class="lw-title">{link}</p>' if step.name else ""
    after = f"<p>{parts.text(step.after.removeprefix(', '))}</p>" if step.after else ""
    return f'<p class="before">{parts.text(step.before.strip())}</p>{name}{after}'


def _practice(base: str, found: Course, practice: Today | None) -> str:
    """What to practise for an interview today, and the way there; nothing until something is known."""
    if practice is None:
        return ""
    session = "<p>An interview session is not finished.</p>" if practice.open_session is not None else ""
    known = due.today(practice, datetime.now(UTC)) if practice.due or practice.later else ""
    written = any(lesson.name == PRACTICE and lesson.notebook for lesson in found.lessons)
    link = _lesson(base, f"{PRACTICE}.ipynb#cell-id={PRACTICE_CELL}") if written else ""
    words = "Go on with it" if session else "Practise now"
    way = f'<a class="go" id="practice-link" href="{parts.text(link)}">{words}</a>' if link else ""
    return (
        '<section class="card practice" aria-labelledby="practice-title">'
        f'<h2 id="practice-title">Interview practice: today</h2>{session}{known}'
        f"<p>{way or 'In a terminal: <code>lab interview</code>'}</p></section>"
    )


def _group(base: str, lesson: Lesson) -> str:
    """A lesson: its title, and its exercises as a list."""
    number, _, _ = lesson.name.partition("-")
    title = parts.link(lesson.title, _lesson(base, lesson.link()), f"lesson-{lesson.name}")
    rows = "".join(_row(base, lesson, one) for one in lesson.exercises)
    return (
        f'<div class="lesson"><div class="head"><h3><span class="number">{parts.text(number)}</span> {title}</h3>'
        f'<p class="facts">{parts.text(", ".join(parts.lesson_facts(lesson)))}</p>'
        f"{parts.mark('done') if lesson.done else ''}</div>"
        f"{f'<ul>{rows}</ul>' if rows else ''}</div>"
    )


def _row(base: str, lesson: Lesson, progress: ExerciseProgress) -> str:
    """An exercise: its state, title, facts and points, and what leads to its files."""
    exercise, state = progress.exercise, progress.state
    name, title = parts.text(exercise.name), f'<span class="lw-heard">: {parts.text(plain(exercise.title))}</span>'
    if progress.begun:
        go = f'<a class="go" id="go-{name}" href="{parts.text(opened(base, progress))}">Open files{title}</a>'
    else:
        go = f'<button class="go" id="go-{name}" form="start" name="exercise" value="{name}">Start{title}</button>'
    link = parts.link(exercise.title, _lesson(base, lesson.link(exercise)), f"exercise-{exercise.name}")
    return (
        f'<li class="exercise is-{state.replace(" ", "-")}">{parts.mark(state)}<div class="what"><p>{link}</p>'
        f'<p class="facts">{parts.text(parts.exercise_facts(progress))} <code>{name}</code></p></div>'
        f'<span class="best">{parts.text(parts.best(progress))}</span> {go}</li>'
    )


def _lesson(base: str, link: str) -> str:
    """The address at which JupyterLab opens a link of the course's folder; empty without a link."""
    return f"{base}lab/tree/course/{quote(link, safe='/#=')}" if link else ""


def _foreign(text: str) -> str:
    """A text that is not the course's own, as one line of HTML."""
    return inline(" ".join(clean(text, LONGEST).split()))
