"""An answer beside what a short and a strong one would be, and the points of its rubric to rate it by, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader.errors import GraderError
from grader.reports import html
from grader.reports.reading import points
from layerwise.errors import LabError
from layerwise.interview import answers
from layerwise.interview.plan import Item
from layerwise.interview.state import ItemState
from layerwise.interview.tasks import Task
from layerwise.questions.bank import BankQuestion, Point
from layerwise.views.course_parts import text
from layerwise.views.markup import inline
from layerwise.views.sitting import Sitting

NOTHING = '<p class="lw-soft">Nothing was written.</p>'


def own(item: Item, question: BankQuestion | None, given: Mapping[str, Any]) -> str:
    """What the candidate answered, field by field."""
    parts = list(answers.in_words(item, question, given))
    said = []
    for label, value in parts:
        words = f'<p class="lw-own">{text(value)}</p>' if value.strip() else NOTHING
        said.append((f'<p class="lw-kicker">{text(label)}</p>' if len(parts) > 1 else "") + words)
    return f'<section><p class="lw-kicker lw-whose">Your answer</p>{"".join(said)}</section>'


def model(question: BankQuestion, given: Mapping[str, Any]) -> str:
    """What the question's own judge says, a short and a strong answer, and what people also say."""
    judgement = answers.judge(question, given)
    judged = ""
    if judgement is not None:
        state, mark = ("right", "✓") if judgement.right else ("wrong", "✗")
        said = "Right." if judgement.right else f"Not right: it is {inline(question.say(question.right))}."
        sign = f'<span class="lw-mark" aria-hidden="true">{mark}</span>'
        judged = f'<p class="lw-said lw-is-{state}">{sign}<span>{said}</span></p>'
    wrong = "".join(
        f"<dt>“{inline(question.say(each.answer))}”</dt><dd>{inline(each.why)}</dd>" for each in question.wrong
    )
    return (
        f'<section>{judged}<p class="lw-kicker lw-whose">Short answer</p><p>{inline(question.short)}</p>'
        f'<p class="lw-kicker lw-whose">Strong answer</p><p>{inline(question.strong)}</p>'
        f"<details><summary>What people also say, and why it is wrong</summary>"
        f'<dl class="lw-reasons">{wrong}</dl></details></section>'
    )


def task_model(task: Task) -> str:
    """What a task was about, and what a strong candidate says."""
    about = task.about
    return (
        f'<section><p class="lw-kicker lw-whose">What it was</p><p>{inline(about.cause)}</p>'
        f"<p>This shows it: <code>{text(about.command)}</code></p>"
        f'<p class="lw-kicker lw-whose">A strong candidate says</p><p>{inline(about.answers.strong)}</p></section>'
    )


def graded(standing: ItemState) -> str:
    """The report card of what was handed in, or why there is none."""
    hand_in = standing.hand_in
    if hand_in is None:
        return "<p>Nothing was handed in.</p>"
    late = "<p>It was handed in late, and does not count.</p>" if hand_in.late else ""
    if hand_in.report is not None:
        return late + html.card(hand_in.report, lessons="")
    return f"{late}<p>It was not graded: {text(hand_in.problem)}.</p>"


def rubric(listed: Sequence[Point], may_be_given: Sequence[int], given: Sequence[bool] | None) -> list[dict[str, Any]]:
    """The points of a rubric, as boxes to tick. One that may not be given says so."""
    return [
        {
            "evidence": inline(point.evidence),
            "dimension": point.dimension,
            "open": number in may_be_given,
            "given": bool(given and given[number]),
        }
        for number, point in enumerate(listed)
    ]


def screen(sitting: Sitting, numbers: Sequence[int], place: int) -> dict[str, Any]:
    """The answer at a place among those that are rated, as the script draws it."""
    standing = sitting.state.items[numbers[place]]
    item, question, answer = standing.item, sitting.sources.question(standing.item), standing.answer
    given = answer.fields if answer else {}
    about, card = "", ""
    if question is not None:
        about = model(question, given)
    elif item.kind == "task":
        card = graded(standing)
        try:
            about = task_model(sitting.sources.task(item))
        except (GraderError, LabError):
            about = "<p>The course does not have this task any more.</p>"
    return {
        "name": "rate",
        "head": f"Answer {place + 1} of {len(numbers)}: item {numbers[place] + 1}, {item.kind}, {points(item.points)}",
        "text": inline(item.text),
        "late": "This was answered late: it is rated, and does not count." if answer and answer.late else "",
        "own": own(item, question, given),
        "model": about,
        "card": card,
        "rubric": rubric(item.rubric, answers.open_points(item, question, given), standing.rated),
        "first": place == 0,
        "last": place == len(numbers) - 1,
    }
