"""What is due, and what to drill."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from layerwise.interview import today
from layerwise.interview.plan import Sources
from layerwise.interview.session import Session
from layerwise.interview.store import Sessions
from layerwise.interview.terminal.today import lines
from layerwise.progress import Progress, Review
from layerwise.questions.skills import SKILLS
from tests.layerwise.interview.practice import Hands, short_plan

BEGUN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def after(days: float, *reviews: tuple[str, float]) -> today.Today:
    found = [Review(skill, BEGUN.timestamp(), share, "x") for skill, share in reviews]
    return today.of(found, BEGUN + timedelta(days=days))


def test_nothing_was_done_yet() -> None:
    found = after(0)
    assert (found.due, found.later, found.new) == ((), (), tuple(SKILLS))
    assert found.skill == next(iter(SKILLS))


def test_what_was_missed_is_due_before_anything_new() -> None:
    found = after(3, ("secrets", 0), ("layers", 1))
    assert [card.skill for card in found.due] == ["secrets"]
    assert [card.skill for card in found.later] == ["layers"]
    assert found.skill == "secrets"
    assert today.due_skills(found) == ["secrets"]
    assert not {"secrets", "layers"} & set(found.new)


def test_after_that_what_is_new_and_then_what_will_be_due_first() -> None:
    first = next(iter(SKILLS))
    assert after(0, ("secrets", 0)).skill == first
    assert after(0, ("secrets", 0), (first, 1)).skill == list(SKILLS)[1]
    every = [(skill, 0.0 if skill == "ci" else 1.0) for skill in SKILLS]
    assert after(0, *every).skill == "ci"


def test_a_skill_that_is_no_longer_in_the_list() -> None:
    assert after(30, ("juggling", 0)).due == ()


def test_an_open_session_is_told(sessions: Sessions, sources: Sources, hands: Hands, progress: Progress) -> None:
    assert today.today(progress, BEGUN, sessions).open_session is None
    Session.begin(sessions, short_plan(sources), assistant=False, clock=hands.clock).close()
    assert today.today(progress, BEGUN, sessions).open_session == 1


@pytest.mark.parametrize(
    ("reviews", "days", "said"),
    [
        ([], 0, "Nothing was practised yet."),
        ([("secrets", 0.0)], 3, "Due today: secrets."),
        ([("secrets", 0.0)], 0, "Nothing is due today. Next: secrets, in 1 day."),
        ([(skill, 0.0) for skill in SKILLS], 3, f"and {len(SKILLS) - 5} more."),
    ],
)
def test_five_lines_say_it(reviews: list[tuple[str, float]], days: float, said: str) -> None:
    now = BEGUN + timedelta(days=days)
    found = replace(after(days, *reviews), open_session=7)
    shown = list(lines(found, now))
    assert len(shown) <= 5
    assert shown[0] == "Session 7 is not finished: lab interview resume"
    assert shown[1].endswith(said)
    assert max(map(len, shown)) <= 100
