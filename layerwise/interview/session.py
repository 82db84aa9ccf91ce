"""A session that is being sat: what the candidate does becomes events. No words are printed and nothing is asked here.

A terminal and a notebook drive it alike:

    with Session.begin(Sessions(), plan, assistant=False) as session:
        session.open(0)
        session.answer({"answer": "…"})
        session.end()
        session.rate(0, [True, False])
        session.finish(Progress())
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from grader.errors import GraderError, UnusableInput
from grader.exercise import Exercise
from grader.lib.copytree import Limits, copy_tree
from grader.lib.text import clean
from grader.verdict import Report, Status
from layerwise import workspace
from layerwise.errors import InputError, LabError
from layerwise.interview import answers
from layerwise.interview.clock import Clock, Ticker
from layerwise.interview.plan import Plan
from layerwise.interview.scores import record
from layerwise.interview.state import HandIn, ItemState, Phase, State, load, replay
from layerwise.interview.store import Event, Kind, Sessions
from layerwise.interview.tasks import Task
from layerwise.progress import Progress, bounded

HAND_IN = Limits(entries=2_000, bytes=50_000_000)
"""How large a copy of what was handed in may be."""

Grade = Callable[[Exercise, Path], Report]
"""Grades a folder. It may raise GraderError or LabError if it could not."""


class Session:
    """The one session that is open. Methods raise InputError if what is asked for is not possible now, and
    SessionsError if it cannot be kept."""

    def __init__(self, sessions: Sessions, number: int, clock: Clock) -> None:
        self.sessions = sessions
        self.number = number
        self._clock = clock
        self._held = ExitStack()
        self._one_at_a_time = threading.RLock()
        kept, state = load(sessions, number)
        self.token = kept.token
        self._events = list(kept.events)
        self._base = kept.elapsed
        self._since: float | None = None
        """When the clock began to run, by the monotonic clock; None while it stands still."""
        self._paused_at = 0.0
        self._ticker: Ticker | None = None
        if state.phase is Phase.ANSWERING:
            self._since = clock.monotonic()

    @classmethod
    def begin(
        cls, sessions: Sessions, plan: Plan, *, assistant: bool, timeline: bool = False, clock: Clock | None = None
    ) -> Session:
        """Begin a session; its clock runs. `assistant`: whether an AI assistant is allowed; `timeline`: whether the
        commands of the session's shell are recorded. Raises InputError if another session is not finished yet."""
        clock = clock or Clock()
        with ExitStack() as held:
            held.enter_context(sessions.held())
            cls.require_none(sessions)
            data = {
                "seed": plan.seed,
                "minutes": plan.minutes,
                "assistant": assistant,
                "timeline": timeline,
                "items": [item.to_dict() for item in plan.items],
            }
            number = sessions.begin(Event(Kind.BEGUN, 0.0, clock.wall(), data))
            session = cls(sessions, number, clock)
            session._held = held.pop_all()
        return session

    @staticmethod
    def require_none(sessions: Sessions) -> None:
        """Raise InputError if a session is not finished."""
        if (other := sessions.unfinished()) is not None:
            raise InputError(
                f"session {other} is not finished: go on with it (lab interview resume), "
                "or delete all of them (lab interview forget)"
            )

    @classmethod
    def resume(cls, sessions: Sessions, *, clock: Clock | None = None) -> Session:
        """Go on with the session that is not finished. The time since it was left does not count.

        Raises InputError if there is none, or another process has it open.
        """
        with ExitStack() as held:
            held.enter_context(sessions.held())
            number = sessions.unfinished()
            if number is None:
                raise InputError("no session is open; begin one: lab interview mock")
            session = cls(sessions, number, clock or Clock())
            session._add(Kind.RESUMED)
            session._held = held.pop_all()
        return session

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Keep the clock's reading, and let others open the session."""
        if self._ticker:
            self._ticker.stop()
            self._ticker = None
        try:
            self.tick()
        finally:
            self._held.close()

    def keep_time(self) -> None:
        """Keep the clock's reading every few seconds, in a thread, until the session is closed. A fault of the file
        there is left to the next thing that is done."""

        def tick() -> None:
            try:
                self.tick()
            except LabError:
                return

        self._ticker = self._ticker or Ticker(tick)

    def tick(self) -> None:
        """Keep the clock's reading, so that a kill loses no more than the time since."""
        with self._one_at_a_time:
            if self._since is not None:
                self.sessions.tick(self.number, self._elapsed())

    @property
    def state(self) -> State:
        """The session as it stands now."""
        with self._one_at_a_time:
            return replay(self._events, self._elapsed())

    @property
    def plan(self) -> Plan:
        return self.state.plan

    @property
    def folder(self) -> Path:
        """Where the session's own files are."""
        return self.sessions.folder(self.token)

    # While the clock runs

    def open(self, item: int) -> None:
        """Turn to an item. Raises InputError if the time is over."""
        state = self._answering()
        self._item(state, item)
        if state.is_over:
            raise InputError("the time is over: what was begun can be submitted, and nothing else be begun")
        if state.current != item:
            self._add(Kind.OPENED, item=item)

    def answer(self, answer: Mapping[str, Any]) -> None:
        """Submit an answer to the item that is open: a value for each of its fields. A later one replaces it.

        After the time is over it is kept as late. Raises InputError if it is empty or too large.
        """
        state, item = self._current()
        if answers.is_empty(answer):
            raise InputError("the answer is empty; to leave the question, skip it")
        answers.check(answer)
        self._add(Kind.ANSWERED, item=item, answer=dict(answer), late=state.is_over)

    def skip(self) -> None:
        """Leave the item that is open, for now."""
        _, item = self._current()
        self._add(Kind.SKIPPED, item=item)

    def pause(self) -> None:
        """Stop the clock."""
        state = self._answering()
        if state.is_over:
            raise InputError("the time is over")
        self._add(Kind.PAUSED)
        with self._one_at_a_time:
            self._base, self._since = self._elapsed(), None
            self._paused_at = self._clock.monotonic()

    def go_on(self) -> None:
        """Let the clock run again."""
        if not self.state.paused:
            raise InputError("the session is not paused")
        with self._one_at_a_time:
            now = self._clock.monotonic()
            self._since = now
        self._add(Kind.CONTINUED, seconds=max(0.0, now - self._paused_at))

    def start_task(self, task: Task) -> Path:
        """Write the files of the task that is open into the learner's work folder, and return that folder.

        What was there before is kept (see `workspace.reset`). If they were written before, nothing is done.
        """
        state, item = self._current()
        if state.items[item].folder:
            return Path(state.items[item].folder)
        folder = workspace.reset(task.exercise).folder
        self._add(Kind.STARTED, item=item, folder=str(folder))
        return folder

    def hand_in(self, task: Task, grade: Grade) -> HandIn:
        """Keep a copy of the task's folder as it is now, and have that graded. The time of the grader does not count.

        If the grader fails, the task can be handed in again. Raises InputError if it was not started, and
        SubmissionUnusable if the folder cannot be copied.
        """
        state, item = self._current()
        standing = state.items[item]
        if not standing.folder:
            raise InputError("the task was not started: there is nothing to hand in")
        number = len(standing.hand_ins) + 1
        copy = self.handed_in(item, number)
        _copy(Path(standing.folder), copy)
        self._add(Kind.HANDING_IN, item=item, number=number, late=state.is_over)
        report, problem, unusable = None, "it was stopped", False
        try:
            report = grade(task.exercise, copy)
            problem = _problem(report)
        except UnusableInput as fault:
            problem, unusable = clean(str(fault)), True
        except (GraderError, LabError) as fault:
            problem = clean(str(fault))
        finally:
            raw = json.loads(bounded(report.to_dict())) if report else None
            self._add(Kind.GRADED, item=item, number=number, report=raw, problem=problem, unusable=unusable)
        return self.state.items[item].hand_ins[-1]

    def handed_in(self, item: int, number: int) -> Path:
        """The folder with the copy of what was handed in."""
        return self.sessions.handed_in(self.token, item, number)

    def end(self) -> None:
        """End the time for answers. Now they are rated."""
        state = self._answering()
        self._add(Kind.ENDED, why="time" if state.is_over else "candidate")
        with self._one_at_a_time:
            self._base, self._since = self._elapsed(), None

    # Afterwards

    def rate(self, item: int, points: Sequence[bool]) -> None:
        """Say which points of an item's rubric were shown. A later rating replaces it."""
        state = self._rating()
        standing = self._item(state, item)
        if not standing.answers:
            raise InputError("nothing was answered there: there is nothing to rate")
        if len(points) != len(standing.item.rubric):
            raise InputError(f"the rubric has {len(standing.item.rubric)} points; found {len(points)}")
        self._add(Kind.RATED, item=item, points=[bool(point) for point in points])

    def finish(self, progress: Progress) -> None:
        """Record a review of each item's skills, once, and finish the session. What was not rated counts as it is.

        Raises ProgressError if the reviews cannot be recorded; the session is then not finished.
        """
        record(self._rating(), self.token, progress)
        self._add(Kind.FINISHED)

    def _answering(self) -> State:
        state = self.state
        if state.phase is not Phase.ANSWERING:
            raise InputError("the time for answers has ended")
        if state.paused:
            raise InputError("the session is paused; go on first")
        return state

    def _rating(self) -> State:
        state = self.state
        if state.phase is Phase.ANSWERING:
            raise InputError("the answers are rated once the time has ended")
        if state.phase is Phase.FINISHED:
            raise InputError("the session is finished")
        return state

    def _current(self) -> tuple[State, int]:
        state = self._answering()
        if state.current is None:
            raise InputError("no item is open")
        return state, state.current

    @staticmethod
    def _item(state: State, item: int) -> ItemState:
        if not 0 <= item < len(state.items):
            raise InputError(f"the session has items 1 to {len(state.items)}; found {item + 1}")
        return state.items[item]

    def _elapsed(self) -> float:
        """Seconds of the session's clock."""
        if self._since is None:
            return self._base
        return self._base + max(0.0, self._clock.monotonic() - self._since)

    def _add(self, kind: Kind, **data: Any) -> None:
        with self._one_at_a_time:
            event = Event(kind, self._elapsed(), self._clock.wall(), data)
            self.sessions.append(self.number, event)
            self._events.append(event)


def _copy(folder: Path, copy: Path) -> None:
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(copy, ignore_errors=True)  # half a copy, if a process was killed
        copy_tree(folder, copy, HAND_IN)
    except OSError as problem:
        raise LabError(f"cannot keep a copy of {folder} in {copy.parent}: {problem.strerror}") from None


def _problem(report: Report) -> str:
    """Why there is no score; empty if there is one."""
    if report.status is not Status.ERROR:
        return ""
    return next((check.message for check in report.checks if check.status is Status.ERROR), "nothing was checked")
