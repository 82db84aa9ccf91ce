"""The state of a session, as it follows from its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

from grader.verdict import Report
from layerwise.interview.plan import Item, Plan
from layerwise.interview.store import Event, Kept, Kind, Sessions


class Phase(StrEnum):
    """ANSWERING: the clock runs. RATING: it has ended, and the candidate rates the answers. FINISHED: the report."""

    ANSWERING = "answering"
    RATING = "rating"
    FINISHED = "finished"


@dataclass(frozen=True)
class Answer:
    """What was answered, by field. `late`: after the time was over."""

    fields: Mapping[str, Any]
    late: bool


@dataclass(frozen=True)
class HandIn:
    """What was handed in, and what the grader said. `report` is None if it said nothing, and `problem` is then the
    reason. `unusable`: there was nothing to grade in it. `number` is from 1."""

    number: int
    late: bool
    report: Report | None = None
    problem: str = ""
    unusable: bool = False

    @property
    def is_graded(self) -> bool:
        """Whether there is a grade, if only that of a folder with nothing to grade."""
        return self.unusable or (self.report is not None and self.report.score is not None)


@dataclass(frozen=True)
class Stop:
    """The clock stood still at `elapsed` seconds: a pause of so many seconds, or an interruption, whose length is not
    known (None)."""

    elapsed: float
    seconds: float | None


@dataclass
class ItemState:
    """What has become of an item. `seconds` is the time spent on it; `folder` is where a task's files were written."""

    item: Item
    seconds: float = 0.0
    opened: bool = False
    skipped: bool = False
    folder: str = ""
    answers: list[Answer] = field(default_factory=list)
    hand_ins: list[HandIn] = field(default_factory=list)
    rated: tuple[bool, ...] | None = None

    @property
    def answer(self) -> Answer | None:
        """The last answer in time, else the last one; None if there is none."""
        return next((one for one in reversed(self.answers) if not one.late), self.answers[-1] if self.answers else None)

    @property
    def hand_in(self) -> HandIn | None:
        """The hand-in that counts: the last in time that has a grade, else the last that has one, else the last."""
        graded = [one for one in self.hand_ins if one.is_graded]
        in_time = [one for one in graded if not one.late]
        return next((found[-1] for found in (in_time, graded, self.hand_ins) if found), None)

    @property
    def is_done(self) -> bool:
        """Whether there is what can be rated or was graded."""
        return bool(self.answers) or any(one.is_graded for one in self.hand_ins)


@dataclass
class State:
    """A session as it stands. Times are in seconds of its own clock. `current` is the item the candidate is at.

    `given_back` is time that did not count: while the grader worked ("grading"), or failed ("engine").
    """

    plan: Plan
    assistant: bool
    timeline: bool
    begun: float
    """Seconds since the epoch."""
    items: list[ItemState]
    elapsed: float = 0.0
    given_back: dict[str, float] = field(default_factory=lambda: {"grading": 0.0, "engine": 0.0})
    stops: list[Stop] = field(default_factory=list)
    current: int | None = None
    phase: Phase = Phase.ANSWERING
    paused: bool = False
    ended_by: str = ""
    grading: float = 0.0
    """How long the grader has been at work now. It does not count either."""

    @property
    def here(self) -> ItemState | None:
        """The item that the candidate is at."""
        return None if self.current is None else self.items[self.current]

    @property
    def remaining(self) -> float:
        """Seconds left; negative once the time is over."""
        return 60.0 * self.plan.minutes + sum(self.given_back.values()) + self.grading - self.elapsed

    @property
    def is_over(self) -> bool:
        return self.remaining <= 0

    def next(self, place: int) -> int | None:
        """The next item after that place, round and round, that was neither done nor skipped; None if there is no
        other."""
        around = [*range(place + 1, len(self.items)), *range(max(place, 0))]
        return next((one for one in around if not self.items[one].is_done and not self.items[one].skipped), None)


def load(sessions: Sessions, number: int) -> tuple[Kept, State]:
    """A session as it is kept, and its state. Raises InputError if there is none of that number, and SessionsError."""
    kept = sessions.get(number)
    with sessions.sound():
        return kept, replay(kept.events, kept.elapsed)


def finished(sessions: Sessions, most: int) -> list[tuple[int, State]]:
    """The sessions that are finished and their numbers, the last one first. Raises SessionsError."""
    states = ((number, load(sessions, number)[1]) for number in reversed(sessions.numbers()))
    return list(islice((pair for pair in states if pair[1].phase is Phase.FINISHED), most))


def replay(events: Sequence[Event], elapsed: float) -> State:
    """The state after these events, at `elapsed` seconds.

    Raises ValueError, TypeError or LookupError for events that no session has.
    """
    if not events or events[0].kind is not Kind.BEGUN:
        raise ValueError("a session does not begin with its plan")
    begun = events[0].data
    items = tuple(Item.from_dict(item) for item in begun["items"])
    plan = Plan(int(begun["seed"]), int(begun["minutes"]), items)
    state = State(
        plan, bool(begun["assistant"]), bool(begun["timeline"]), events[0].time, [ItemState(item) for item in items]
    )
    player = _Player(state)
    for event in events[1:]:
        player.pass_to(event.elapsed)
        player.play(event)
    player.pass_to(elapsed)
    state.grading = player.grading_for()
    return state


class _Player:
    """Plays events into a state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._grading: tuple[int, float] | None = None
        """The item that the grader is at, and since when."""

    def pass_to(self, elapsed: float) -> None:
        """Let the time pass: it counts for the item that the candidate is at."""
        state = self.state
        passed = max(0.0, elapsed - state.elapsed)
        if state.current is not None and state.phase is Phase.ANSWERING:
            state.items[state.current].seconds += passed
        state.elapsed += passed

    def grading_for(self) -> float:
        """How long the grader has been at work; 0 if it is not."""
        return 0.0 if self._grading is None else max(0.0, self.state.elapsed - self._grading[1])

    def play(self, event: Event) -> None:
        play: Callable[[_Player, Event], None] | None = _PLAYED.get(event.kind)
        if play is None:
            raise ValueError(f"a session has no second {event.kind}")
        play(self, event)

    def item(self, event: Event) -> ItemState:
        number = event.data["item"]
        if not (isinstance(number, int) and 0 <= number < len(self.state.items)):
            raise ValueError(f"the session has no item {number!r}")
        return self.state.items[number]

    def opened(self, event: Event) -> None:
        self.item(event).opened = True
        self.state.current = int(event.data["item"])

    def answered(self, event: Event) -> None:
        item = self.item(event)
        item.answers.append(Answer(dict(event.data["answer"]), bool(event.data["late"])))
        item.skipped = False

    def skipped(self, event: Event) -> None:
        self.item(event).skipped = True

    def started(self, event: Event) -> None:
        self.item(event).folder = str(event.data["folder"])

    def handing_in(self, event: Event) -> None:
        item = self.item(event)
        item.hand_ins.append(HandIn(int(event.data["number"]), bool(event.data["late"]), problem="it was interrupted"))
        self._grading = (int(event.data["item"]), event.elapsed)

    def graded(self, event: Event) -> None:
        item = self.item(event)
        raw = event.data["report"]
        report = Report.from_dict(raw) if raw is not None else None
        last = item.hand_ins.pop()
        graded = HandIn(last.number, last.late, report, str(event.data["problem"]), bool(event.data["unusable"]))
        item.hand_ins.append(graded)
        self._give_back(event.elapsed, "grading" if graded.is_graded else "engine")

    def paused(self, event: Event) -> None:
        self.state.paused = True

    def continued(self, event: Event) -> None:
        self.state.paused = False
        self.state.stops.append(Stop(event.elapsed, float(event.data["seconds"])))

    def resumed(self, event: Event) -> None:
        self._give_back(event.elapsed, "engine")
        self.state.paused = False
        if self.state.phase is Phase.ANSWERING:
            self.state.stops.append(Stop(event.elapsed, None))

    def ended(self, event: Event) -> None:
        self.state.phase, self.state.ended_by = Phase.RATING, str(event.data["why"])

    def rated(self, event: Event) -> None:
        item = self.item(event)
        points = tuple(map(bool, event.data["points"]))
        if len(points) != len(item.item.rubric):
            raise ValueError("a rating has as many points as the rubric")
        item.rated = points

    def finished(self, event: Event) -> None:
        self.state.phase = Phase.FINISHED

    def _give_back(self, elapsed: float, why: str) -> None:
        """The time since the grader began does not count."""
        if self._grading is None:
            return
        number, since = self._grading
        seconds = max(0.0, elapsed - since)
        self.state.given_back[why] += seconds
        self.state.items[number].seconds -= seconds
        self._grading = None


_PLAYED: dict[Kind, Callable[[_Player, Event], None]] = {
    Kind.OPENED: _Player.opened,
    Kind.ANSWERED: _Player.answered,
    Kind.SKIPPED: _Player.skipped,
    Kind.STARTED: _Player.started,
    Kind.HANDING_IN: _Player.handing_in,
    Kind.GRADED: _Player.graded,
    Kind.PAUSED: _Player.paused,
    Kind.CONTINUED: _Player.continued,
    Kind.RESUMED: _Player.resumed,
    Kind.ENDED: _Player.ended,
    Kind.RATED: _Player.rated,
    Kind.FINISHED: _Player.finished,
}
