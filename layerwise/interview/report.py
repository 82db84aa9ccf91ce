"""The report on a session: points by skill and dimension, time by item, and for each task what was handed in beside our
solution. This is data; a terminal and a page show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.errors import GraderError
from layerwise import differences
from layerwise.differences import FileDifference
from layerwise.errors import LabError
from layerwise.interview import follow_ups, scores, timeline
from layerwise.interview.plan import DIMENSIONS, Sources
from layerwise.interview.scores import Score
from layerwise.interview.state import ItemState, State, load
from layerwise.interview.store import Sessions
from layerwise.interview.tasks import Task
from layerwise.questions.bank import BankQuestion, Dimension

ONLY_YOURS = "only in what was handed in"
NOT_RATED = "not rated"


@dataclass(frozen=True)
class ItemReport:
    """One item. `number` is from 1. `notes` say what its points do not: that it was late, skipped, not reached.

    `question` or `task` is None if the course does not have it any more. `found` is when the first useful evidence was
    seen, in seconds after the task was opened, None if that is not known.
    """

    number: int
    state: ItemState
    score: Score
    notes: tuple[str, ...]
    question: BankQuestion | None = None
    task: Task | None = None
    differences: tuple[FileDifference, ...] = ()
    follow_ups: tuple[str, ...] = ()
    found: float | None = None

    @property
    def planned(self) -> float:
        """Seconds."""
        return 60.0 * self.state.item.minutes


@dataclass(frozen=True)
class SessionReport:
    """The whole session. `commands` is how many commands were recorded, None if they were not."""

    number: int
    state: State
    score: Score
    by_dimension: Mapping[Dimension, Score]
    by_skill: Mapping[str, Score]
    items: tuple[ItemReport, ...]
    commands: int | None = None


def report(sessions: Sessions, number: int, sources: Sources) -> SessionReport:
    """The report on a session, as it stands. Raises InputError if there is none of that number, and SessionsError."""
    kept, state = load(sessions, number)
    folder = sessions.folder(kept.token)
    ran = timeline.read(folder) if state.timeline else []
    items = []
    for place, item in enumerate(state.items):
        score = scores.total(scores.counted(item).values())
        question = sources.question(item.item)
        task = _task(item, sources)
        hand_in = item.hand_in
        copy = sessions.handed_in(kept.token, place, hand_in.number) if hand_in else None
        different = (
            tuple(differences.compare(copy, task.exercise.solution, task.exercise.build.dockerfile, ONLY_YOURS))
            if task and copy and copy.is_dir()
            else ()
        )
        own = question.follow_up if question else task.about.follow_up if task else ()
        drawn = follow_ups.drawn(hand_in.report) if hand_in else ()
        found = timeline.first_evidence(ran, place)
        items.append(ItemReport(place + 1, item, score, _notes(item), question, task, different, (*drawn, *own), found))
    by_dimension = scores.by_dimension(state)
    by_skill = scores.by_skill(state)
    return SessionReport(
        number,
        state,
        scores.total(one.score for one in items),
        {name: by_dimension[name] for name in DIMENSIONS if name in by_dimension},
        dict(sorted(by_skill.items(), key=lambda pair: (pair[1].share, pair[0]))),
        tuple(items),
        len(ran) if state.timeline else None,
    )


def _task(item: ItemState, sources: Sources) -> Task | None:
    if item.item.kind != "task":
        return None
    try:
        return sources.task(item.item)
    except (GraderError, LabError):
        return None


def _notes(item: ItemState) -> tuple[str, ...]:
    notes = []
    answer, hand_in = item.answer, item.hand_in
    if not item.opened:
        notes.append("not reached")
    elif not item.is_done:
        notes.append("skipped" if item.skipped else "left without an answer")
    if answer and answer.late:
        notes.append("answered late: not counted")
    if answer and item.rated is None:
        notes.append(NOT_RATED)
    if item.item.kind == "task" and item.opened:
        if hand_in is None:
            notes.append("not handed in")
        elif hand_in.late:
            notes.append("handed in late: not counted")
        if hand_in and hand_in.unusable:
            notes.append(f"nothing to grade: {hand_in.problem}")
        elif hand_in and not hand_in.is_graded:
            notes.append(f"not graded: {hand_in.problem}")
    return tuple(notes)
