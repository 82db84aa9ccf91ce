"""The items of a session follow from its seed, and fit its time."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from layerwise.errors import InputError
from layerwise.interview.mix import LONGEST, SHORTEST, mix
from layerwise.interview.plan import Plan, Sources
from layerwise.questions import bank
from layerwise.questions.skills import SKILLS
from tests.layerwise.interview import practice


def names(plan: Plan) -> list[tuple[str, int]]:
    return [(item.name, item.seed) for item in plan.items]


@pytest.mark.parametrize("minutes", [SHORTEST, 30, 45, 60, LONGEST])
@pytest.mark.parametrize("seed", range(5))
def test_it_fits_the_time_and_is_mixed(sources: Sources, minutes: int, seed: int) -> None:
    plan = mix(seed, minutes, sources)
    planned = sum(item.minutes for item in plan.items)
    assert minutes - 3 < planned <= minutes
    kinds = Counter(item.kind for item in plan.items)
    assert kinds["task"] == (2 if minutes >= 45 else 1)
    assert sum(item.minutes for item in plan.items if item.kind == "task") <= 0.6 * minutes
    assert (plan.items[0].kind, plan.items[0].level) == ("question", "junior")
    assert len(set(names(plan))) == len(plan.items)
    levels = [item.level for item in plan.items[1:] if item.kind == "question"]
    assert levels == sorted(levels, key=["junior", "mid", "senior"].index)
    assert len({item.level for item in plan.items}) > 2
    assert plan.points == sum(item.points for item in plan.items)


def test_the_same_seed_is_the_same_session_and_another_is_not(sources: Sources) -> None:
    first = mix(4, 30, sources)
    random.random()
    assert mix(4, 30, sources) == first
    assert len({tuple(names(mix(seed, 30, sources))) for seed in range(10)}) == 10


def test_a_seed_means_the_same_for_ever(sources: Sources) -> None:
    """Not the questions, of which there will be more: the sequence of numbers that they are chosen by."""
    task = next(item for item in mix(4, 30, sources).items if item.kind == "task")
    assert (task.name, task.seed) == ("make-it-small", 66_515)


@pytest.mark.parametrize("skill", SKILLS)
def test_what_is_due_is_preferred(sources: Sources, skill: str) -> None:
    plan = mix(1, 45, sources, due=[skill])
    assert any(skill in item.skills for item in plan.items)
    assert mix(1, 45, sources, due=[skill]) == plan


def test_only_instances_that_may_be_chosen_are_made(tmp_path: Path) -> None:
    tasks = practice.Tasks(tmp_path, practice.TASKS)
    mix(1, 30, Sources(bank.load(), tasks), due=["least-privilege"])
    assert [name for name, _ in tasks.loaded] == ["who-are-you"]


def test_skills_differ(sources: Sources) -> None:
    plan = mix(2, 60, sources)
    used = Counter(skill for item in plan.items for skill in item.skills)
    assert len(used) >= 12
    tasks = [set(item.skills) for item in plan.items if item.kind == "task"]
    assert not tasks[0] & tasks[1]


@pytest.mark.parametrize("minutes", [SHORTEST - 1, LONGEST + 1, 0, -5])
def test_other_lengths_are_refused(sources: Sources, minutes: int) -> None:
    with pytest.raises(InputError, match="from 20 to 120 minutes; found"):
        mix(1, minutes, sources)
