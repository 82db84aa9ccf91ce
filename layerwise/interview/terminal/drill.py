"""A drill in a terminal: question, answer, reveal, rating, next."""

from __future__ import annotations

from layerwise.interview.drill import Drill
from layerwise.interview.terminal import asking
from layerwise.interview.terminal.console import Desk
from layerwise.questions.bank import BankQuestion
from layerwise.questions.skills import SKILLS


def run(desk: Desk, drill: Drill) -> int:
    """Ask until there is nothing left for today, or the candidate stops. Returns how many were rated. Raises Leave."""
    done = 0
    while question := drill.next():
        if done and not desk.yes("Another question?", default=True):
            return done
        _ask(desk, drill, question)
        done += 1
    desk.say()
    desk.say("That is all for today." if done else "There is nothing to ask.")
    return done


def _ask(desk: Desk, drill: Drill, question: BankQuestion) -> None:
    desk.heading(f"{drill.skill}: {SKILLS[drill.skill]} ({question.level})")
    asking.put(desk, question)
    is_open = question.kind == "open"
    label = "Answer aloud, or in words"
    answer = desk.text(label) if is_open else asking.read(desk, question)
    asking.say_model(desk, question, {"answer": answer})
    share = drill.judged(question, answer)
    if share is None:
        given = asking.rate(desk, question.rubric, range(len(question.rubric)))
        share = sum(given) / len(given)
        desk.say(f"{sum(given)} of {len(given)} points.")
    if drill.record(question, share):
        desk.say(f"Read lesson {question.lesson.replace('#', ', section ')}. This skill comes back another day.")
    desk.say(f"An interviewer would go on with: {question.follow_up[0]}", "dim")
