"""What a session's answers are worth: points by dimension and by skill, and the reviews for the memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from layerwise.interview.plan import dimension_of
from layerwise.interview.state import ItemState, State
from layerwise.progress import Progress
from layerwise.questions.bank import Dimension

K = TypeVar("K")


@dataclass(frozen=True)
class Score:
    """Points reached, and those that were to be had."""

    points: float = 0.0
    most: float = 0.0

    @property
    def share(self) -> float:
        return self.points / self.most if self.most else 0.0

    def __add__(self, other: Score) -> Score:
        return Score(round(self.points + other.points, 2), round(self.most + other.most, 2))


def total(scores: Iterable[Score]) -> Score:
    return sum(scores, Score())


def shown(item: ItemState) -> dict[Dimension, Score]:
    """What was shown of an item by dimension, in time or late."""
    return _added(_parts(item, late_too=True))


def counted(item: ItemState) -> dict[Dimension, Score]:
    """What counts of it: an answer or a hand-in that was late reaches no points."""
    return _added(_parts(item, late_too=False))


def by_dimension(state: State) -> dict[Dimension, Score]:
    """What counts of a session by dimension."""
    return _added(part for item in state.items for part in counted(item).items())


def by_skill(state: State) -> dict[str, Score]:
    """What counts of a session by skill. An item counts for each of its skills."""
    return _added((skill, total(counted(item).values())) for item in state.items for skill in item.item.skills)


def _added(parts: Iterable[tuple[K, Score]]) -> dict[K, Score]:
    found: dict[K, Score] = {}
    for key, score in parts:
        found[key] = found.get(key, Score()) + score
    return found


def source(token: str, name: str) -> str:
    """Where a review comes from: an item of a session."""
    return f"{name} in session {token}"


def record(state: State, token: str, progress: Progress) -> None:
    """Record a review of each skill of each item that was judged, or skipped for good. What was recorded before, by a
    process that was then killed, is not recorded again."""
    known = {(review.skill, review.source) for review in progress.reviews()}
    for item in state.items:
        if not (_is_judged(item) or (item.skipped and not item.is_done)):
            continue
        share = total(shown(item).values()).share
        for skill in item.item.skills:
            if (skill, source(token, item.item.name)) not in known:
                progress.record_review(skill, share, source(token, item.item.name))


def _is_judged(item: ItemState) -> bool:
    """Whether it is known what was shown: it was rated, or graded."""
    return item.rated is not None or bool(item.hand_in and item.hand_in.is_graded)


def _parts(item: ItemState, *, late_too: bool) -> Iterator[tuple[Dimension, Score]]:
    """Each point of the rubric and each check."""
    counts = item.answer is not None and (late_too or not item.answer.late)
    rated = item.rated if counts and item.rated else (False,) * len(item.item.rubric)
    for point, was_shown in zip(item.item.rubric, rated, strict=True):
        yield point.dimension, Score(float(was_shown), 1.0)
    yield from _checks(item, late_too=late_too)


def _checks(item: ItemState, *, late_too: bool) -> Iterator[tuple[Dimension, Score]]:
    hand_in = item.hand_in
    report = hand_in.report if hand_in and hand_in.is_graded and (late_too or not hand_in.late) else None
    if report is not None and [check.kind for check in report.checks] == [kind for kind, _ in item.item.checks]:
        yield from ((dimension_of(check.kind), Score(check.points, check.max_points)) for check in report.checks)
    else:
        yield from ((dimension_of(kind), Score(0.0, points)) for kind, points in item.item.checks)
