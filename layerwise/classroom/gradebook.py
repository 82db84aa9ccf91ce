"""Join hand-ins and verdicts: what each learner handed in, what it earned, and whether that still holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from grader.exercise import Exercise
from grader.verdict import Report
from layerwise.classroom import keys
from layerwise.classroom.hand_in import HandIn
from layerwise.classroom.lateness import Lateness, lateness
from layerwise.classroom.layouts import Layout
from layerwise.classroom.store import Kept, Key, Store


class State(StrEnum):
    """What is known of one learner's work on one exercise."""

    GRADED = "graded"
    STALE = "stale"
    """It has a score, and the hand-in, the exercise, the grader or the engine has changed since."""
    ERROR = "error"
    """The grader failed, so there is no score."""
    WAITING = "waiting"
    """It was never graded."""
    MISSING = "missing"
    """Nothing was handed in."""


@dataclass(frozen=True)
class Entry:
    """One learner and one exercise. `kept` is the latest verdict, whether or not it still holds; `why` is what changed
    since, or why there is no score."""

    learner: str
    exercise: Exercise
    state: State
    hand_in: HandIn | None = None
    kept: Kept | None = None
    key: Key | None = None
    """That a verdict would have if it was graded now."""
    why: str = ""
    late: Lateness = field(default_factory=Lateness)

    @property
    def score(self) -> float | None:
        """The points earned, before anything is taken off for being late; None if there is no score."""
        return self.kept.score if self.kept else None

    @property
    def points(self) -> float | None:
        """The points that count: without what being late costs."""
        return None if self.score is None else round(self.score * self.late.share, 2)

    @property
    def max_score(self) -> float:
        return self.kept.max_score if self.kept and self.kept.score is not None else self.exercise.points


class Gradebook:
    """The entries of a class, by exercise and learner."""

    def __init__(self, entries: Iterable[Entry], store: Store) -> None:
        self.entries = tuple(entries)
        self._store = store

    @cached_property
    def learners(self) -> list[str]:
        """Everybody, sorted."""
        return sorted({entry.learner for entry in self.entries})

    @cached_property
    def exercises(self) -> list[Exercise]:
        """The exercises, in the order of their names."""
        found = {entry.exercise.name: entry.exercise for entry in self.entries}
        return [found[name] for name in sorted(found)]

    @cached_property
    def by_learner(self) -> dict[str, list[Entry]]:
        """What each learner has, in the order of the exercises; the learners are sorted."""
        found: dict[str, list[Entry]] = {learner: [] for learner in self.learners}
        for entry in self.entries:
            found[entry.learner].append(entry)
        return found

    def report(self, entry: Entry) -> Report | None:
        """The report behind an entry's score; None if it has none."""
        return self._store.report(entry.kept) if entry.kept else None


def read(layout: Layout, exercises: Mapping[str, Exercise], store: Store, *, engines: Iterable[str] = ()) -> Gradebook:
    """Join what was handed in with the verdicts in the store. Nothing is graded.

    `engines` are those that grade now. If there are none, a verdict holds whatever engine gave it. A learner who handed
    in one exercise has an entry for each exercise that anybody handed in.
    """
    latest, due, extensions, policy = store.latest(), store.due(), store.extensions(), store.policy()
    lines = tuple(engines)
    versions = {name: keys.version_of(exercise) for name, exercise in exercises.items()}
    of_learner = {name: keys.is_of_learner(exercise) for name, exercise in exercises.items()}
    handed_in = {(one.learner, one.exercise): one for one in layout.hand_ins}
    names = sorted({one.exercise for one in layout.hand_ins})
    everybody = sorted({*layout.learners, *(learner for learner, name in latest if name in names)})
    entries = []
    for name in names:
        for learner in everybody:
            found = handed_in.get((learner, name))
            kept = latest.get((learner, name))
            if found is None:
                entries.append(Entry(learner, exercises[name], State.MISSING))
                continue
            until = extensions.get((learner, name), due.get(name))
            late = lateness(found.when, until, policy, marked_late=found.marked_late)
            fingerprint = keys.fingerprint_of(found, of_learner=of_learner[name])
            entries.append(_entry(found, exercises[name], kept, versions[name], fingerprint, lines, late))
    return Gradebook(entries, store)


def _entry(
    found: HandIn,
    exercise: Exercise,
    kept: Kept | None,
    version: str,
    fingerprint: str,
    engines: tuple[str, ...],
    late: Lateness,
) -> Entry:
    engine = kept.key.engine if kept and (not engines or kept.key.engine in engines) else (engines or ("",))[0]
    key = Key(exercise.name, version, fingerprint, keys.grader_fingerprint(), engine)
    if kept is None:
        return Entry(found.learner, exercise, State.WAITING, found, None, key, late=late)
    if kept.score is None:
        return Entry(found.learner, exercise, State.ERROR, found, kept, key, "the grader failed", late)
    if changed := _changed(kept.key, key):
        return Entry(found.learner, exercise, State.STALE, found, kept, key, f"{changed} changed since", late)
    return Entry(found.learner, exercise, State.GRADED, found, kept, key, late=late)


def _changed(old: Key, new: Key) -> str:
    """What a verdict depends on and changed since it was given; "" if nothing did."""
    names = {"hand_in": "the hand-in", "version": "the exercise", "grader": "the grader", "engine": "the engine"}
    return next((word for name, word in names.items() if getattr(old, name) != getattr(new, name)), "")
