"""After the time: rate the answers, see model answers, differences and prompts. Later it can be walked again."""

from __future__ import annotations

from grader.reports import terminal as grade_report
from layerwise.interview import answers, words
from layerwise.interview.plan import Sources
from layerwise.interview.report import NOT_RATED, ItemReport, SessionReport, report
from layerwise.interview.session import Session
from layerwise.interview.state import ItemState
from layerwise.interview.terminal import asking
from layerwise.interview.terminal.console import Desk, Leave
from layerwise.progress import Progress

SIGNS = {"-": "red", "+": "green", "…": "dim", " ": ""}


def rate_all(desk: Desk, session: Session, sources: Sources, progress: Progress) -> bool:
    """Have each answer rated that is not, and finish the session. Returns whether it is finished: who leaves can go on
    later."""
    found = report(session.sessions, session.number, sources)
    to_rate = [one for one in found.items if one.state.answers and one.state.rated is None]
    if to_rate:
        desk.heading("Now rate your answers, point by point. Be as strict as a stranger would be.")
    try:
        for one in to_rate:
            _show(desk, one)
            session.rate(one.number - 1, asking.rate(desk, one.state.item.rubric, _open(one)))
    except Leave:
        desk.say()
        desk.say("The ratings so far are kept. Go on with: lab interview resume")
        return False
    session.finish(progress)
    return True


def walk(desk: Desk, found: SessionReport) -> None:
    """Show each item again: answer, model answer, differences, prompts. Raises Leave."""
    for one in found.items:
        _show(desk, one)
        _show_rating(desk, one.state)
        if one.differences:
            _show_differences(desk, one)
        if one.task:
            for why in one.task.about.why:
                desk.heading(f"Why? {why.ask}")
                if desk.is_live:
                    desk.line("Answer aloud, then press Enter >")
                desk.quote(why.answer)
        if one.follow_ups:
            desk.heading("An interviewer would go on with")
            for ask in one.follow_ups:
                desk.quote(f"· {ask}")
        if desk.is_live and one is not found.items[-1]:
            desk.line("Enter shows the next item >")


def _open(one: ItemReport) -> list[int]:
    assert one.state.answer
    return answers.open_points(one.state.item, one.question, one.state.answer.fields)


def _show(desk: Desk, one: ItemReport) -> None:
    item = one.state.item
    desk.heading(words.head(one.number, item))
    if one.question:
        asking.put(desk, one.question)
    elif item.kind == "question":
        desk.say(item.text)
        desk.say("The bank does not have this question any more.", "dim")
    elif one.task:
        desk.say(words.paragraphs(one.task.exercise.story))
    else:
        desk.say("The course does not have this task any more.", "dim")
    for note in one.notes:
        if note != NOT_RATED:
            desk.say(note[:1].upper() + note[1:], "yellow")
    if one.state.answer:
        desk.say()
        asking.say_answer(desk, item, one.question, one.state.answer.fields)
    if one.question:
        asking.say_model(desk, one.question, one.state.answer.fields if one.state.answer else {})
    if one.task:
        _show_task(desk, one)


def _show_task(desk: Desk, one: ItemReport) -> None:
    assert one.task
    hand_in = one.state.hand_in
    if hand_in and hand_in.report:
        desk.say()
        grade_report.render(hand_in.report, console=desk.console)
    desk.heading("What it was")
    desk.quote(one.task.about.cause)
    desk.say("This shows it:", "dim")
    desk.quote(one.task.about.command)
    desk.heading("A strong candidate says")
    desk.quote(one.task.about.answers.strong)


def _show_rating(desk: Desk, item: ItemState) -> None:
    desk.heading("What is listened for")
    for number, point in enumerate(item.item.rubric):
        mark = "·" if item.rated is None else "✓" if item.rated[number] else "✗"
        desk.quote(f"{mark} {point.evidence} ({point.dimension})")


def _show_differences(desk: Desk, one: ItemReport) -> None:
    desk.heading("From what you handed in (-) to our solution (+)")
    for file in one.differences:
        desk.say(f"{file.path}{f': {file.words}' if file.words else ''}", "bold")
        for sign, line in file.lines:
            desk.quote(f"{sign} {line}".rstrip(), SIGNS[sign])
