"""Grade a class in parallel. Each verdict is in the store as soon as it is known.

So a batch that was killed goes on where it was, and nothing is graded twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from grader.exercise import Exercise
from grader.verdict import Report, Status, Verdict
from layerwise.classroom import gradebook
from layerwise.classroom.gradebook import Entry, Gradebook, State
from layerwise.classroom.judging import Outcome, Task, report_of
from layerwise.classroom.layouts import Layout
from layerwise.classroom.store import Key, Store

Regrade = Literal["", "failed", "changed", "all"]
TIMEOUT = 1800.0
"""The most seconds for one hand-in by default. An exercise sets closer limits of its own."""


class Runner(Protocol):
    """Where the gradings run: `workers.Here` or `cluster.Cluster`."""

    jobs: int

    def engines(self) -> list[str]: ...

    def check(self) -> None: ...

    def run(self, tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Outcome]]: ...


@dataclass(frozen=True)
class Graded:
    """A hand-in that was just graded. `error` tells why there is no score; "" if there is one. `left` hand-ins are
    still to be graded, which takes about `seconds_left` seconds."""

    entry: Entry
    report: Report
    error: str
    left: int
    seconds_left: float


def to_grade(book: Gradebook, regrade: Regrade = "") -> list[Entry]:
    """The entries that a batch would grade.

    Without `regrade` these are the hand-ins without a score, and those that changed since. "changed" adds those whose
    exercise, grader or engine changed, "failed" those that lost points, and "all" is everything.
    """
    return [entry for entry in book.entries if entry.hand_in and _is_wanted(entry, regrade)]


def _is_wanted(entry: Entry, regrade: Regrade) -> bool:
    if regrade == "all" or entry.state in (State.WAITING, State.ERROR):
        return True
    assert entry.kept
    assert entry.key
    if entry.kept.key.hand_in != entry.key.hand_in:
        return True
    if regrade == "changed":
        return entry.state is State.STALE
    return regrade == "failed" and entry.kept.status != Status.PASSED


def grade(
    layout: Layout,
    exercises: Mapping[str, Exercise],
    store: Store,
    *,
    runner: Runner,
    timeout: float = TIMEOUT,
    regrade: Regrade = "",
    on_start: Callable[[int], None] = lambda count: None,
) -> Iterator[Graded]:
    """Grade what needs to be graded. Yields each as soon as its verdict is in the store.

    What several learners handed in, byte by byte, is graded once, unless the exercise looks at a repository of each
    learner's. What did not count beside others is graded again, alone. `on_start` is told how many there
    are to grade. Raises InputError if another batch is at it, StoreError, and EngineUnavailable or LabError if there is
    no engine, or none any more.
    """
    with store.batch():
        book = gradebook.read(layout, exercises, store, engines=runner.engines())
        wanted = to_grade(book, regrade)
        if regrade not in ("all", "failed"):
            wanted = _without_known(wanted, store)
        on_start(len(wanted))
        yield from _graded(wanted, store, timeout, runner)


def _without_known(wanted: Sequence[Entry], store: Store) -> list[Entry]:
    """Those of the entries whose verdict is not known already, from an equal hand-in or an earlier time."""
    missing, known = [], []
    for entry in wanted:
        assert entry.key
        kept = store.find(entry.key)
        if kept is None or kept.score is None:
            missing.append(entry)
        else:
            known.append((entry.learner, kept))
    store.point_to(known)
    return missing


def _graded(
    wanted: Sequence[Entry],
    store: Store,
    timeout: float,
    runner: Runner,
) -> Iterator[Graded]:
    groups: dict[Key, list[Entry]] = {}
    for entry in wanted:
        assert entry.key
        groups.setdefault(entry.key, []).append(entry)
    ordered = list(groups.values())
    tasks = [_task(number, group[0], timeout) for number, group in enumerate(ordered)]
    began = time.monotonic()
    left, ended = len(wanted), 0
    again: list[Task] = []
    for at_once, some in ((runner.jobs, tasks), (1, again)):
        for task, outcome in runner.run(some, at_once):
            if at_once > 1 and (outcome.alone_counts or outcome.error):
                again.append(task)
                continue
            if outcome.error or outcome.alone_counts:
                runner.check()  # if it is gone, the others would fail one by one
            ended += 1
            seconds_each = (time.monotonic() - began) / ended
            for entry in ordered[task.number]:
                left -= 1
                yield _keep(entry, outcome, store, left, seconds_each * (len(ordered) - ended))


def _task(number: int, entry: Entry, timeout: float) -> Task:
    assert entry.hand_in
    assert entry.key
    return Task(number, entry.hand_in, entry.key.hand_in, entry.exercise.folder, timeout)


def _keep(entry: Entry, outcome: Outcome, store: Store, left: int, seconds_left: float) -> Graded:
    """Put what became of a hand-in into the store. An earlier score stays if there is no new one."""
    assert entry.key
    report = Report.from_dict(outcome.report) if outcome.report else _failed(entry.exercise, outcome.error)
    key = replace(entry.key, engine=outcome.engine or entry.key.engine, grader=outcome.grader or entry.key.grader)
    error = outcome.error or _error(report)
    kept = store.keep(entry.learner, key, report, unusable=outcome.unusable)
    state = State.ERROR if kept.score is None else State.GRADED
    return Graded(replace(entry, state=state, kept=kept, key=key, why=error), report, error, left, seconds_left)


def _failed(exercise: Exercise, why: str) -> Report:
    """A report in which the grader failed at every check."""
    verdict = Verdict.error(f"{why[:1].upper()}{why[1:]}.")
    return report_of(exercise, [verdict] * len(exercise.checks))


def _error(report: Report) -> str:
    """Why a report has no score; "" if it has one."""
    return next((check.message for check in report.checks if check.status is Status.ERROR), "")
