"""Cards are what the scheduler makes of the reviews, whatever the clock did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsrs
import pytest

from grader.exercise import names
from grader.verdict import CheckResult, Report, Verdict
from layerwise.interview import memory
from layerwise.progress import Progress, Review
from layerwise.questions.bank import COURSE
from layerwise.questions.skills import EXERCISE_SKILLS, LESSON_SKILLS, SKILLS

DAY = timedelta(days=1)
BEGUN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def review(skill: str, share: float, days: float = 0) -> Review:
    return Review(skill, (BEGUN + days * DAY).timestamp(), share, "a question")


@pytest.mark.parametrize(
    ("share", "rated"),
    [
        (0, fsrs.Rating.Again), (0.49, fsrs.Rating.Again), (0.5, fsrs.Rating.Hard), (0.75, fsrs.Rating.Good),
        (0.94, fsrs.Rating.Good), (0.95, fsrs.Rating.Easy), (1, fsrs.Rating.Easy),
    ],
)  # fmt: skip
def test_a_share_of_the_points_is_a_rating(share: float, rated: fsrs.Rating) -> None:
    assert memory.rating(share) is rated


def test_what_was_missed_comes_back_sooner() -> None:
    found = memory.cards([review("caching", 0.2), review("layers", 0.8), review("signing", 1)])
    intervals = [found[skill].due - BEGUN for skill in ("caching", "layers", "signing")]
    assert timedelta(hours=12) <= intervals[0] < intervals[1] < intervals[2]


def test_what_is_known_comes_back_later_each_time() -> None:
    reviews = [review("layers", 0.8)]
    intervals = []
    for _ in range(4):
        card = memory.cards(reviews)["layers"]
        intervals.append(card.due - card.last)
        reviews.append(Review("layers", card.due.timestamp(), 0.8, "a task"))
    assert intervals == sorted(intervals)
    assert intervals[-1] > 10 * intervals[0]
    assert memory.cards(reviews)["layers"].reviews == 5


def test_the_same_reviews_make_the_same_cards() -> None:
    reviews = [review("layers", share, days) for days, share in enumerate((0.3, 0.8, 1, 0.6))]
    assert memory.cards(reviews) == memory.cards(list(reviews))


@pytest.mark.parametrize("days", [-30, -1 / 24, 0])
def test_a_clock_that_was_moved_back_makes_nothing_due_sooner(days: float) -> None:
    before = memory.cards([review("layers", 0.8, 0), review("layers", 0.8, 5)])["layers"]
    at_once = memory.cards([review("layers", 0.8, 0), review("layers", 0.8, 5), review("layers", 0.8, 5)])["layers"]
    moved = memory.cards([review("layers", 0.8, 0), review("layers", 0.8, 5), review("layers", 0.8, 5 + days)])[
        "layers"
    ]
    assert moved == at_once
    assert moved.due >= before.due - DAY
    assert moved.last == BEGUN + 5 * DAY


def test_a_day_ahead_is_taken_as_it_is() -> None:
    ahead = memory.cards([review("layers", 0.8, 1)])["layers"]
    assert ahead.last == BEGUN + DAY


def test_the_most_likely_forgotten_is_due_first() -> None:
    found = memory.cards([review("caching", 0.2), review("layers", 0.8), review("signing", 1)])
    assert memory.due(found.values(), BEGUN) == []
    late = memory.due(found.values(), BEGUN + 300 * DAY)
    assert [card.skill for card in late] == ["caching", "layers", "signing"]
    assert [card.skill for card in memory.due(found.values(), found["caching"].due)] == ["caching"]


class TestLessonsAndExercises:
    def test_the_first_answers_of_a_day_are_one_review(self, tmp_path: Path) -> None:
        times = iter([100.0, 200.0, 300.0, 400.0, 90_000.0])
        progress = Progress(tmp_path / "p.sqlite", now=lambda: next(times))
        for cell, correct in (("a", False), ("a", True), ("b", True), ("guess", None), ("a", True)):
            progress.record_answer("08-signing", cell, 1, correct=correct)
        assert memory.reviews(progress) == [
            Review("supply-chain", 300, 0.5, "lesson 08-signing"),
            Review("supply-chain", 90_000, 1, "lesson 08-signing"),
        ]
        assert progress.reviews() == []

    def test_the_best_grade_of_a_day_is_one_review(self, tmp_path: Path) -> None:
        times = iter([100.0, 200.0, 300.0, 90_000.0, 90_100.0, 90_200.0])
        progress = Progress(tmp_path / "p.sqlite", now=lambda: next(times))
        for share in (0.2, 1.0, 0.5, 0.7):
            progress.record_attempt("05b-stop-cleanly", graded(share))
        progress.record_attempt("somebody's own", graded(1.0))
        progress.record_attempt("gone@7", graded(1.0))
        assert memory.reviews(progress) == [
            Review("processes", 200, 1, "exercise 05b-stop-cleanly"),
            Review("processes", 90_000, 0.7, "exercise 05b-stop-cleanly"),
        ]

    def test_a_task_that_was_practised_by_itself(self, tmp_path: Path) -> None:
        progress = Progress(tmp_path / "p.sqlite", now=lambda: 100.0)
        progress.record_attempt("slow-build@12", graded(0.5))
        assert memory.reviews(progress) == [
            Review("build-cache", 100, 0.5, "exercise slow-build@12"),
            Review("debugging", 100, 0.5, "exercise slow-build@12"),
        ]

    def test_they_are_merged_by_time_and_recorded_ones_keep_their_order(self, tmp_path: Path) -> None:
        times = iter([100.0, 300.0, 200.0, 250.0, 310.0])  # the clock was moved back
        progress = Progress(tmp_path / "p.sqlite", now=lambda: next(times))
        for number in range(3):
            progress.record_review("layers", number / 10, f"q{number}")
        progress.record_attempt("05c-healthy", graded(1.0))
        progress.record_answer("08-signing", "a", 1, correct=True)
        found = [review.source for review in memory.reviews(progress)]
        assert found == ["q0", "exercise 05c-healthy", "q1", "q2", "lesson 08-signing"]

    def test_every_lesson_and_exercise_of_the_course_has_skills(self) -> None:
        lessons = {path.stem for path in COURSE.glob("[0-9]*.ipynb")}
        assert set(LESSON_SKILLS) == lessons
        assert set(EXERCISE_SKILLS) == set(names())
        used = {skill for skills in (*LESSON_SKILLS.values(), *EXERCISE_SKILLS.values()) for skill in skills}
        assert used <= set(SKILLS)


def graded(share: float) -> Report:
    check = CheckResult.of(Verdict.share(share, "…"), id="build", kind="build", title="…", max_points=10.0)
    return Report("x", "X", [check])
