"""What a passed exercise shows: why each check exists, reasons of written answers, other right ways, what is next."""

from __future__ import annotations

import html
from collections.abc import Iterable

from grader.errors import GraderError
from grader.exercise import Exercise
from layerwise import differences, workspace
from layerwise.course_progress import course
from layerwise.differences import FileDifference
from layerwise.views import solutions
from layerwise.views.course_parts import next_step, sentence
from layerwise.views.markup import inline

SIGNS = {"-": "lw-minus", "+": "lw-plus", "…": "", " ": ""}
SPOKEN = {"-": "removed: ", "+": "added: ", "…": "equal lines are left out", " ": ""}


def after(exercise: Exercise) -> str:
    """What stands below the report of an exercise that is passed."""
    step = next_step(course(), exercise.name)
    return "".join(
        [
            sentence(step) if step else "",
            _fold("Why each check exists", _whys(exercise)),
            _fold("The answers, and why they are right", _written(exercise)),
            _fold("Other right ways", _ways(exercise)),
        ]
    )


def comparison(exercise: Exercise) -> str:
    """The learner's files beside the solution of the course."""
    found = differences.compare(
        workspace.folder(exercise), exercise.solution, exercise.build.dockerfile, "only in your folder"
    )
    if not found:
        return "<p>Your files are the same as ours.</p>"
    said = "There is more than one right way: what differs need not be wrong."
    return f"{_key('yours', 'ours')}<p>{said}</p>{_differences(found)}"


def _whys(exercise: Exercise) -> str:
    said = (f"<dt>{inline(check.title)}</dt><dd>{inline(check.why)}</dd>" for check in exercise.checks if check.why)
    return _list(said)


def _written(exercise: Exercise) -> str:
    try:
        answered = solutions.written(exercise, workspace.folder(exercise))
    except GraderError:  # an exercise of somebody's own whose key is not valid
        return ""
    return _list(
        f"<dt><code>{html.escape(one.name)}</code>: {html.escape(one.answer)}</dt><dd>{inline(one.why)}</dd>"
        for one in answered
    )


def _ways(exercise: Exercise) -> str:
    try:
        ways = solutions.other_ways(exercise)
    except GraderError:  # an exercise of somebody's own whose variants are not valid
        return ""
    key = _key("ours", "this one")
    return "".join(
        f"<details><summary>{inline(way.why)}</summary>{key}{_differences(way.differences)}</details>" for way in ways
    )


def _key(first: str, second: str) -> str:
    """What the signs mean."""
    return (
        f'<p class="lw-legend"><span><b class="lw-minus" aria-hidden="true">−</b> only in {first}</span>'
        f'<span><b class="lw-plus" aria-hidden="true">+</b> only in {second}</span></p>'
    )


def _fold(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>{content}</details>" if content else ""


def _list(items: Iterable[str]) -> str:
    said = "".join(items)
    return f'<dl class="lw-reasons">{said}</dl>' if said else ""


def _differences(found: Iterable[FileDifference]) -> str:
    return "".join(map(_difference, found))


def _difference(one: FileDifference) -> str:
    path = html.escape(one.path)
    name = f'<p class="lw-kicker"><code>{path}</code>{f": {one.words}" if one.words else ""}</p>'
    if not one.lines:
        return name
    lines = "".join(
        f'<div class="lw-line {SIGNS[sign]}"><span class="lw-heard">{SPOKEN[sign]}</span>'
        f'<span class="lw-sign" aria-hidden="true">{"−" if sign == "-" else sign}</span>{html.escape(line)}</div>'
        for sign, line in one.lines
    )
    return f'{name}<div class="lw-diff" role="group" aria-label="{path}">{lines}</div>'
