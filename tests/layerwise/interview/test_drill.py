"""A drill asks what is due, asks nothing twice, and records what was shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from layerwise.errors import InputError
from layerwise.interview.drill import Drill
from layerwise.interview.plan import Sources
from layerwise.progress import Progress
from tests.layerwise.interview.practice import Hands


@pytest.fixture
def now(hands: Hands) -> datetime:
    return datetime.fromtimestamp(hands.wall, UTC)


def test_what_is_due_comes_first(sources: Sources, progress: Progress, now: datetime) -> None:
    progress.record_review("platforms", 0.1, "multi-arch")
    drill = Drill(sources.bank, progress, now=now + timedelta(days=2))
    question = drill.next()
    assert question is not None
    assert drill.skill == "platforms"
    assert "platforms" in question.skills


def test_another_question_of_a_skill_before_the_same_again(sources: Sources, progress: Progress, now: datetime) -> None:
    of_skill = sorted(one.id for one in sources.bank.values() if "platforms" in one.skills)
    assert len(of_skill) > 2
    asked = []
    for _ in of_skill:
        question = Drill(sources.bank, progress, "platforms", now).next()
        assert question is not None
        asked.append(question.id)
        progress.record_review("platforms", 0.1, f"{question.id} in session 12")
    assert sorted(asked) == of_skill
    again = Drill(sources.bank, progress, "platforms", now).next()
    assert again is not None
    assert again.id == asked[0]


def test_a_drill_of_one_skill_asks_each_of_its_questions_once(sources: Sources, progress: Progress) -> None:
    drill = Drill(sources.bank, progress, "platforms")
    asked = []
    while question := drill.next():
        asked.append(question.id)
        drill.record(question, 0.1)
    assert sorted(asked) == sorted(one.id for one in sources.bank.values() if "platforms" in one.skills)


def test_what_was_missed_comes_another_day(sources: Sources, progress: Progress, now: datetime) -> None:
    drill = Drill(sources.bank, progress, now=now)
    first = drill.next()
    assert first is not None
    assert drill.record(first, 0.2)
    over = set(first.skills)
    while question := drill.next():
        assert drill.skill not in over
        over.add(drill.skill)
        assert not drill.record(question, 1)
    assert Drill(sources.bank, progress, now=now).next() is not None


def test_a_review_for_each_skill(sources: Sources, progress: Progress) -> None:
    question = sources.bank["buildkit"]
    assert not Drill(sources.bank, progress).record(question, 0.6)
    assert [(review.skill, review.share, review.source) for review in progress.reviews()] == [
        (skill, 0.6, "buildkit") for skill in question.skills
    ]


@pytest.mark.parametrize(
    ("question", "answer", "share"),
    [
        ("layer-cache", "words", None),
        ("what-invalidates", [1, 2], 1.0),
        ("what-invalidates", [1], 0.0),
        ("what-invalidates", None, 0.0),
    ],
)
def test_the_judge_of_a_question(
    sources: Sources, progress: Progress, question: str, answer: object, share: float | None
) -> None:
    assert Drill(sources.bank, progress).judged(sources.bank[question], answer) == share


def test_a_skill_that_there_is_not(sources: Sources, progress: Progress) -> None:
    with pytest.raises(InputError, match=r"there is no skill 'layer'.*did you mean 'layers'"):
        Drill(sources.bank, progress, "layer")
