"""Practise for an interview: what is due today, a drill, or a mock interview against the clock.

lw.practice()

A session is the one that `lab interview` has in a terminal: begun here, it can be resumed there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import traitlets

from grader.errors import GraderError
from grader.exercise import Exercise
from layerwise.errors import InputError, LabError
from layerwise.interview import answers, tasks, words
from layerwise.interview import report as reports
from layerwise.interview import today as today_module
from layerwise.interview.clock import Clock
from layerwise.interview.drill import Drill
from layerwise.interview.mix import for_learner
from layerwise.interview.plan import Plan, Sources
from layerwise.interview.session import Session
from layerwise.interview.state import Phase, finished, load
from layerwise.interview.store import Sessions
from layerwise.interview.today import Today
from layerwise.progress import Progress
from layerwise.questions import bank
from layerwise.views import choices, drilling, rating, screens
from layerwise.views.live import LiveWidget, View, plainly, script
from layerwise.views.sitting import Grader, Sitting, grader, prepare

HERE = "A session is open in another view of this notebook."
EARLIER = 10
"""The most sessions whose reports can be chosen. `lab interview report` has them all."""


def practice() -> Practice:
    """Return interview practice, to show in a notebook. A session that is open can be resumed there."""
    with plainly():
        return Practice(Sources(bank.load(), tasks))


class PracticeWidget(LiveWidget):
    """The live part of interview practice."""

    _esm = script("answering.js", "files.js", "mock.js", "practice.js")
    screen = traitlets.Dict().tag(sync=True)
    """What is shown, as layerwise.views.screens makes it: `name` says which screen."""
    items: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    """In a session: its items, and how far each is."""
    clock = traitlets.Dict().tag(sync=True)
    """In a session: `left` in seconds, whether it `runs`, and `at`: which message, by its number, it was read for."""
    news = traitlets.Unicode("").tag(sync=True)
    """What the grader is doing; empty if it does nothing."""
    said = traitlets.Unicode("").tag(sync=True)
    """A sentence about what was done."""


class Practice(View):
    """Interview practice in a notebook. One view of a kernel has the session; another can take it over."""

    _holder: ClassVar[Practice | None] = None

    def __init__(
        self,
        sources: Sources,
        *,
        sessions: Sessions | None = None,
        progress: Progress | None = None,
        clock: Clock | None = None,
        grader: Grader = grader,
        prepare: Callable[[Sequence[Exercise]], None] = prepare,
    ) -> None:
        """`prepare` brings what exercises need before they are built; it may raise GraderError or LabError."""
        self._sources = sources
        self._sessions = sessions or Sessions()
        self._progress = progress or Progress()
        self._clock = clock or Clock()
        self._grader = grader
        self._prepare = prepare
        self._sitting: Sitting | None = None
        self._drill: drilling.Asked | None = None
        self._rating = 0
        actions: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "home": lambda _: self._home(),
            "begin": self._begin,
            "resume": lambda _: self._resume(),
            "watch": lambda _: self._watch(),
            "report": self._earlier_report,
            "drill": lambda message: self._begin_drill(message.get("skill")),
            "reveal": lambda message: self._reveal(message.get("answer")),
            "keep": self._keep,
            "draft": self._save,
            "time": self._time,
            "open": self._open,
            "next": self._next,
            "skip": self._skip,
            "pause": self._pause,
            "continue": lambda _: self._go_on(),
            "hand-in": self._hand_in,
            "stop": lambda _: self._at_work().stop(),
            "end": self._end,
            "rate": self._rate,
            "back": lambda _: self._show_rating(self._rating - 1),
        }
        super().__init__(PracticeWidget(), actions)
        self._home()

    # Not in a session

    def _home(self, note: str = "") -> None:
        if self._sitting is not None:
            self._go_to_where_it_stands()
            return
        self._drill = None
        session, problem, earlier = "", "", []
        try:
            session = self._open_session()
            earlier = finished(self._sessions, EARLIER)
            found = today_module.today(self._progress, self._now())
        except LabError as fault:
            problem, found = str(fault), Today((), (), ())
        said = " ".join(filter(None, (note, problem)))
        resume = screens.HERE if self._other() else screens.RESUME
        self._show(screens.start(found, self._now(), session, resume=resume, note=said, earlier=earlier))

    def _earlier_report(self, message: Mapping[str, Any]) -> None:
        """The report on a session that is finished."""
        number = message.get("session")
        if not isinstance(number, int):
            raise InputError("which session?")
        if self._sitting is not None:
            raise InputError("a session is open here: go on with it first")
        found = reports.report(self._sessions, number, self._sources)
        if found.state.phase is not Phase.FINISHED:
            raise InputError(f"session {number} is not finished")
        self._show(screens.report(found))

    def _open_session(self) -> str:
        """A sentence about the session that is not finished; empty if there is none."""
        if self._other():
            return HERE
        number = self._sessions.unfinished()
        if number is None:
            return ""
        return screens.open_session(number, load(self._sessions, number)[1])

    def _begin(self, message: Mapping[str, Any]) -> None:
        chosen = choices.read(message)
        if self._other():
            raise InputError(f"{HERE[:-1].lower()}: go on with it first")
        Session.require_none(self._sessions)
        plan = for_learner(chosen.seed, chosen.minutes, self._sources, self._progress, self._now())
        problem = self._prepared(plan)  # while the clock does not run yet
        session = Session.begin(
            self._sessions, plan, assistant=chosen.assistant, timeline=chosen.timeline, clock=self._clock
        )
        self._sit_down(session)
        self._turn_to(0)
        self.widget.fault = problem

    def _prepared(self, plan: Plan) -> str:
        """Bring what the tasks need. Returns why it is not there, or an empty text: the session begins all the same."""
        try:
            self._prepare(self._sources.exercises(plan))
        except (GraderError, LabError) as problem:
            return words.no_lab(problem)
        return ""

    def _resume(self) -> None:
        other = self._other()
        if other is not None and other._sitting is not None:
            sitting, other._sitting = other._sitting, None
            self._take(sitting)
            other._home()
        else:
            try:
                self._sit_down(Session.resume(self._sessions, clock=self._clock))
            except InputError as problem:
                if self._sessions.unfinished() is None:
                    self._home()
                    raise
                found = today_module.today(self._progress, self._now())
                said = str(problem)
                said = f"{said[:1].upper()}{said[1:]}."
                self._show(screens.start(found, self._now(), said, resume=screens.AGAIN))
                return
        self._go_to_where_it_stands()

    def _watch(self) -> None:
        """Look at a session that somebody else has open."""
        number = self._sessions.unfinished()
        if number is None:
            self._home()
        else:
            self._show(screens.look(load(self._sessions, number)[1]))

    # A drill

    def _begin_drill(self, skill: object) -> None:
        drill = Drill(self._sources.bank, self._progress, skill if isinstance(skill, str) else "", self._now())
        self._drill = drilling.Asked(drill)
        self._ask()

    def _ask(self) -> None:
        if self._drill is None or not self._drill.next():
            self._home("That is all for today.")
        else:
            self._show(self._drill.screen())

    def _reveal(self, given: object) -> None:
        if self._drill is None:
            raise InputError("no question is open; begin a drill")
        self._drill.reveal(given)
        self._show(self._drill.screen())

    def _keep(self, message: Mapping[str, Any]) -> None:
        """Keep the rating of a question, and go on or stop."""
        if self._drill is None:
            raise InputError("no question is open; begin a drill")
        self._drill.keep(message.get("points"))
        if message.get("stop"):
            self._home()
        else:
            self._ask()

    # In a session

    def _open(self, message: Mapping[str, Any]) -> None:
        number = message.get("item")
        if not isinstance(number, int):
            raise InputError("which item?")
        self._save(message)
        self._turn_to(number)

    def _next(self, message: Mapping[str, Any]) -> None:
        self._save(message)
        self._turn_to_next()

    def _skip(self, message: Mapping[str, Any]) -> None:
        self._save(message)
        self._at_work().skip()
        self._turn_to_next()

    def _turn_to_next(self) -> None:
        number = self._at_work().next()
        if number is None:
            self._draw("Each item is done or was skipped. Go back to any of them, or end the session.")
        else:
            self._turn_to(number)

    def _turn_to(self, number: int) -> None:
        sitting = self._at_work()
        problem = sitting.open(number)
        self._show(screens.mock(sitting, problem))

    def _pause(self, message: Mapping[str, Any]) -> None:
        self._save(message)
        sitting = self._at_work()
        sitting.pause()
        self._show(screens.mock(sitting))

    def _go_on(self) -> None:
        sitting = self._at_work()
        sitting.session.go_on()
        self._show(screens.mock(sitting))

    def _hand_in(self, message: Mapping[str, Any]) -> None:
        self._save(message)
        self._at_work().hand_in()
        self._draw()

    def _time(self, message: Mapping[str, Any]) -> None:
        """The browser's clock says that the time is over. If it is, say so, with all that was typed."""
        self._save(message)
        sitting = self._at_work()
        if sitting.state.is_over:
            self._show(screens.mock(sitting))

    def _save(self, message: Mapping[str, Any]) -> None:
        """Save what a message says is in the fields, if it does."""
        sitting, given, number = self._at_work(), message.get("answer"), message.get("from")
        if isinstance(given, Mapping) and isinstance(number, int):
            sitting.save(number, given)
        self._draw()

    def _end(self, message: Mapping[str, Any]) -> None:
        self._save(message)
        self._at_work().end()
        self._go_to_where_it_stands()

    def _changed(self, said: str) -> None:
        """The grader has something to say."""
        with self._one:
            self._draw(said)

    # Afterwards

    def _to_rate(self) -> list[int]:
        return [number for number, item in enumerate(self._at_work().state.items) if item.answers]

    def _show_rating(self, place: int) -> None:
        """The answer at that place among those that can be rated; the report if there are no more."""
        numbers = self._to_rate()
        if place >= len(numbers):
            self._finish()
            return
        self._rating = max(0, place)
        self._show(rating.screen(self._at_work(), numbers, self._rating))

    def _rate(self, message: Mapping[str, Any]) -> None:
        given, sitting = message.get("points"), self._at_work()
        number = self._to_rate()[self._rating]
        item = sitting.state.items[number]
        assert item.answer is not None
        allowed = answers.open_points(item.item, sitting.sources.question(item.item), item.answer.fields)
        ticked = given if isinstance(given, list) else []
        sitting.session.rate(number, [place in allowed and place in ticked for place in range(len(item.item.rubric))])
        self._show_rating(self._rating + 1)

    def _finish(self) -> None:
        sitting = self._at_work()
        sitting.session.finish(self._progress)
        self._stand_up()
        found = reports.report(self._sessions, sitting.session.number, self._sources)
        self._show(screens.report(found))

    def _go_to_where_it_stands(self) -> None:
        sitting = self._at_work()
        state = sitting.state
        stands_still = state.paused or state.is_over or bool(sitting.news)
        if state.phase is Phase.ANSWERING and state.current is not None and not stands_still:
            self._turn_to(state.current)
        elif state.phase is Phase.ANSWERING:
            self._show(screens.mock(sitting))
        else:
            rated = [state.items[number].rated is not None for number in self._to_rate()]
            self._show_rating(rated.index(False) if False in rated else len(rated))

    # Which view has the session

    def _sit_down(self, session: Session) -> None:
        session.keep_time()
        self._take(Sitting(session, self._sources, self._grader))

    def _take(self, sitting: Sitting) -> None:
        sitting.on_change = self._changed
        self._sitting, Practice._holder = sitting, self

    def _stand_up(self) -> None:
        if self._sitting is not None:
            self._sitting.session.close()
        self._sitting = Practice._holder = None

    def _other(self) -> Practice | None:
        """The other view of this kernel that has the session open."""
        other = Practice._holder
        is_other = other is not None and other is not self and other._sitting is not None
        return other if is_other and other and other._sessions.file == self._sessions.file else None

    def _at_work(self) -> Sitting:
        if self._sitting is None:
            raise InputError("no session is open in this view")
        return self._sitting

    # Shown

    def _show(self, screen: dict[str, Any]) -> None:
        self._draw()
        self.widget.screen = screen
        self.refresh()

    def _draw(self, said: str = "") -> None:
        """Update what changes while a screen stays."""
        self.widget.said = said
        if self._sitting is not None:
            state = self._sitting.state
            self.widget.items = screens.rows(state)
            self.widget.clock = {**screens.clock(self._sitting), "at": self.widget.heard}
            self.widget.news = self._sitting.news

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC)

    def html(self) -> str:
        state = self._sitting.state if self._sitting else None
        return f'<div class="lw-box">{screens.static(self.widget.screen, state)}</div>'

    def text(self) -> str:
        return screens.words(self.widget.screen)
