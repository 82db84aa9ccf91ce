"""Choose the items of a session by a seed: the same seed makes the same session, with any version of Python.

Only `random.Random.random()` is used: Python promises that its sequence does not change.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from layerwise.errors import InputError
from layerwise.interview.plan import QUESTION_MINUTES, Item, Plan, Sources
from layerwise.interview.today import due_skills, today
from layerwise.progress import Progress
from layerwise.questions.bank import BankQuestion

T = TypeVar("T")

SHORTEST, LONGEST = 20, 120
"""Minutes of a session."""
TWO_TASKS = 45
"""From so many minutes on there are two tasks."""
ON_TASKS = 0.6
"""The most of the time that is planned for tasks."""
SEEDS = 1_000_000
LEVELS = tuple(QUESTION_MINUTES)


def mix(seed: int, minutes: int, sources: Sources, due: Sequence[str] = ()) -> Plan:
    """The session of this seed: a warm-up question first, one or two tasks, and other questions of differing skills and
    levels, the easier ones first. What trains a skill that is `due` is preferred.

    The planned minutes add up to `minutes` at the most. Raises InputError if there are too few or too many.
    """
    if not SHORTEST <= minutes <= LONGEST:
        raise InputError(f"a session takes from {SHORTEST} to {LONGEST} minutes; found {minutes}")
    dice = random.Random(seed)
    wanted = frozenset(due)
    tasks = _tasks(dice, minutes, sources, wanted)
    questions = _questions(dice, minutes - sum(item.minutes for item in tasks), sources, wanted, tasks)
    return Plan(seed, minutes, tuple(_in_order(tasks, questions)))


def for_learner(
    seed: int | None, minutes: int, sources: Sources, progress: Progress, now: datetime | None = None
) -> Plan:
    """The session of this seed, which is the same for everybody; without a seed one by chance, which prefers what is
    due. Raises ProgressError and what `mix` does."""
    if seed is not None:
        return mix(seed, minutes, sources)
    return mix(secrets.randbelow(SEEDS), minutes, sources, due_skills(today(progress, now)))


def _tasks(dice: random.Random, minutes: int, sources: Sources, due: frozenset[str]) -> list[Item]:
    names = [(name, int(dice.random() * SEEDS)) for name in _shuffled(dice, sorted(sources.tasks.names()))]
    known: dict[str, Item] = {}

    def item(name: str, seed: int) -> Item:
        if name not in known:  # an instance is made only if it may be chosen
            known[name] = Item.of_task(sources.tasks.load(name, seed), name, seed)
        return known[name]

    names.sort(key=lambda pair: not due & set(sources.tasks.skills(pair[0])))
    chosen: list[Item] = []
    left = ON_TASKS * minutes
    for other_skills in (True, False):
        for pair in names:
            if len(chosen) == (2 if minutes >= TWO_TASKS else 1):
                return chosen
            one = item(*pair)
            used = {skill for other in chosen for skill in other.skills}
            if one.minutes <= left and one not in chosen and not (other_skills and used & set(one.skills)):
                chosen.append(one)
                left -= one.minutes
    return chosen


def _questions(
    dice: random.Random, minutes: int, sources: Sources, due: frozenset[str], tasks: Sequence[Item]
) -> list[Item]:
    left = _shuffled(dice, sorted(sources.bank.values(), key=lambda question: question.id))
    used = [skill for item in tasks for skill in item.skills]
    chosen: list[BankQuestion] = []

    def rank(question: BankQuestion) -> tuple[bool, int, int]:
        is_wanted = bool((due & set(question.skills)) - set(used))
        at_level = sum(other.level == question.level for other in chosen)
        return not is_wanted, sum(used.count(skill) for skill in question.skills), at_level

    while True:
        fitting = [one for one in left if QUESTION_MINUTES[one.level] <= minutes]
        if not fitting:
            return [Item.of_question(question) for question in chosen]
        if not chosen:
            fitting = [one for one in fitting if one.level == LEVELS[0]] or fitting
        best = min(fitting, key=rank)  # of equals the first in the shuffled order
        left.remove(best)
        chosen.append(best)
        used.extend(best.skills)
        minutes -= QUESTION_MINUTES[best.level]


def _in_order(tasks: Sequence[Item], questions: Sequence[Item]) -> Iterable[Item]:
    """The warm-up, the easier questions, and the tasks evenly among them."""
    rest = sorted(questions[1:], key=lambda item: LEVELS.index(item.level))
    yield from questions[:1]
    begun = 0
    for number, task in enumerate(tasks, 1):
        end = len(rest) * number // (len(tasks) + 1)
        yield from rest[begun:end]
        yield task
        begun = end
    yield from rest[begun:]


def _shuffled(dice: random.Random, things: Sequence[T]) -> list[T]:
    keyed = [(dice.random(), number) for number in range(len(things))]
    return [things[number] for _, number in sorted(keyed)]
