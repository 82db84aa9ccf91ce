"""A whole mock interview, from the start to the report, by a candidate who follows a script."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from grader.exercise import Exercise
from grader.verdict import Report
from layerwise.interview.mix import mix
from layerwise.interview.plan import Plan, Sources
from layerwise.interview.report import report
from layerwise.interview.session import Grade, Session
from layerwise.interview.state import Phase
from layerwise.interview.store import Sessions
from layerwise.interview.terminal import mock, review
from layerwise.interview.terminal import report as shown_report
from layerwise.interview.terminal.console import Desk, Leave
from layerwise.progress import Progress
from tests.layerwise.interview.practice import Hands, grader, short_plan

GIVEN_AWAY = ("Right", "Not right", "passed", "failed", "points of", "Short answer", "Strong answer", "correct")
"""Words that would be feedback."""


class Script(io.StringIO):
    """What the candidate types; a line may be a function, which is called when it is read."""

    def __init__(self, *lines: str | Callable[[], object]) -> None:
        super().__init__()
        self._lines = list(lines)

    def readline(self, size: int | None = -1, /) -> str:
        while self._lines and callable(self._lines[0]):
            self._lines.pop(0)()  # type: ignore[operator]
        return f"{self._lines.pop(0)}\n" if self._lines else ""


class Candidate:
    """A candidate at a desk: what is typed, and what is on the screen."""

    def __init__(self, session: Session, sources: Sources, *lines: str | Callable[[], object]) -> None:
        self.paper = io.StringIO()
        self.session, self.sources = session, sources
        self.desk = Desk(Console(file=self.paper, width=80, highlight=False), Script(*lines))

    def sit(self, grade: Grade) -> str:
        def no_shell(*_: object) -> None:
            raise AssertionError("a shell needs a terminal")

        mock.introduce(self.desk, self.session.state)
        mock.Mock(self.desk, self.session, self.sources, grade, no_shell).run()
        return self.screen

    def rate(self, progress: Progress) -> bool:
        return review.rate_all(self.desk, self.session, self.sources, progress)

    @property
    def screen(self) -> str:
        return self.paper.getvalue()


def begin(sessions: Sessions, hands: Hands, plan: Plan) -> Session:
    return Session.begin(sessions, plan, assistant=False, clock=hands.clock)


def test_thirty_minutes_from_start_to_report(
    sessions: Sessions, sources: Sources, hands: Hands, progress: Progress
) -> None:
    plan = mix(11, 30, sources)
    lines: list[str | Callable[[], object]] = []
    for item in plan.items:
        lines += [lambda: hands.pass_by(60), "answer"]
        if item.kind == "task":
            lines += ["the order", ".", "docker build", ".", "RUN ran", ".", "built twice", ".", "hand-in"]
        else:
            kind = sources.bank[item.name].kind
            lines += {"open": []}.get(kind, [{"order": "1 2 3 4 5 6 7 8 9", "choice": "1"}.get(kind, "1")])
            lines += ["my words", "."]
    yes = sum(len(item.rubric) for item in plan.items)
    with begin(sessions, hands, plan) as session:
        candidate = Candidate(session, sources, *lines, "end", "y", *["y"] * yes)
        screen = candidate.sit(grader(hands, 40, 1, 1, 0.5))
        assert not [word for word in GIVEN_AWAY if word in screen.partition("Type the first letter")[2]]
        assert f"30 minutes, {len(plan.items)} items" in screen
        assert session.state.phase is Phase.RATING
        assert candidate.rate(progress)
        found = report(sessions, session.number, sources)
        shown_report.show(candidate.desk, found)
    assert found.state.phase is Phase.FINISHED
    assert found.score.most == plan.points
    assert found.score.points > 0.7 * plan.points
    assert [one.state.seconds for one in found.items] == [60.0] * len(plan.items)
    assert f"Session 1: {found.score.points:g} of {plan.points:g} points" in candidate.screen
    assert "An AI assistant was not allowed. Rated by yourself." in candidate.screen
    assert "0:40 were given back: the grader worked." in candidate.screen
    assert {review.skill for review in progress.reviews()} == {skill for item in plan.items for skill in item.skills}


def test_leave_return_pause_and_overview(sessions: Sessions, sources: Sources, hands: Hands) -> None:
    with begin(sessions, hands, short_plan(sources)) as session:
        screen = Candidate(
            session, sources,
            "l", "9", "0", "x", "overview", "1", "a", "keys", ".",
            "p", lambda: hands.pass_by(1000), "", "o", "end", "n", "3", "e", "y",
        ).sit(grader(hands, 1, 1, 1, 1))  # fmt: skip
        state = session.state
    assert "There are items 1 to 3." in screen
    assert "Please type one of: answer, later, overview, pause, end." in screen
    assert "1  junior question (5 points, about 3 min): skipped" in screen
    assert "End now, with 2 left?" in screen
    assert state.items[0].answer is not None
    assert [stop.seconds for stop in state.stops] == [1000]
    assert state.elapsed < 1


def test_the_time_ends_in_an_answer_and_in_a_task(sessions: Sessions, sources: Sources, hands: Hands) -> None:
    with begin(sessions, hands, short_plan(sources)) as session:
        screen = Candidate(session, sources, "a", lambda: hands.pass_by(1300), "too late", ".").sit(
            grader(hands, 1, 1, 1, 1)
        )
        state = session.state
    assert "Saved, as late." in screen
    assert "The time is over." in screen
    assert state.ended_by == "time"
    assert [(answer.fields["answer"], answer.late) for answer in state.items[0].answers] == [("too late", True)]


def test_a_task_can_be_handed_in_late(sessions: Sessions, sources: Sources, hands: Hands) -> None:
    with begin(sessions, hands, short_plan(sources)) as session:
        Candidate(session, sources, "3", lambda: hands.pass_by(1300), "overview", "y").sit(grader(hands, 1, 1, 1, 1))
        hand_in = session.state.items[2].hand_in
    assert hand_in is not None
    assert (hand_in.is_graded, hand_in.late) == (True, True)


def test_the_end_of_the_input_leaves_it_open(sessions: Sessions, sources: Sources, hands: Hands) -> None:
    with begin(sessions, hands, short_plan(sources)) as session:
        candidate = Candidate(session, sources, "a", "half an answer")
        with pytest.raises(Leave):
            candidate.sit(grader(hands, 1, 1, 1, 1))
    with Session.resume(sessions, clock=hands.clock) as session:
        assert session.state.items[0].answers == []
        assert session.state.current == 0
        Candidate(session, sources, "a", "a whole one", ".", "e", "y").sit(grader(hands, 1, 1, 1, 1))
        assert session.state.items[0].answers[0].fields == {"answer": "a whole one"}


def test_an_answer_that_is_too_long_or_empty_is_refused(sessions: Sessions, sources: Sources, hands: Hands) -> None:
    with begin(sessions, hands, short_plan(sources)) as session:
        screen = Candidate(session, sources, "a", "x" * 1_000_000, ".", "a", "", ".", "e", "y").sit(
            grader(hands, 1, 1, 1, 1)
        )
        assert session.state.items[0].answers == []
    assert "an answer has at most 64 KiB, and this one has" in screen
    assert "the answer is empty" in screen


def test_a_dead_engine_is_told_and_it_is_handed_in_again(sessions: Sessions, sources: Sources, hands: Hands) -> None:
    graders = iter([grader(hands, 200, -1, -1, -1), grader(hands, 3, 1, 0, 0)])

    def grade(exercise: Exercise, folder: Path) -> Report:
        return next(graders)(exercise, folder)

    with begin(sessions, hands, short_plan(sources)) as session:
        screen = Candidate(session, sources, "3", "h", "h", "e", "y").sit(grade)
        state = session.state
    assert "It could not be graded: the engine does not answer" in screen
    assert "That took none of your time." in screen
    assert "Handed in." in screen
    assert state.given_back == {"grading": 3, "engine": 200}


def test_who_leaves_the_rating_goes_on_with_it(
    sessions: Sessions, sources: Sources, hands: Hands, progress: Progress
) -> None:
    with begin(sessions, hands, short_plan(sources)) as session:
        candidate = Candidate(session, sources, "a", "keys", ".", "a", "1", "it is", ".", "e", "y", *"yyyyy", "y")
        candidate.sit(grader(hands, 1, 1, 1, 1))
        assert not candidate.rate(progress)
        assert progress.reviews() == []
    with Session.resume(sessions, clock=hands.clock) as session:
        again = Candidate(session, sources, *"yyyyy")
        assert again.rate(progress)
        assert "What is the layer cache" not in again.screen  # that one was rated
        assert session.state.items[0].rated == (True,) * 5
    assert progress.reviews()


def test_a_wrong_choice_gets_no_point_for_being_correct(
    sessions: Sessions, sources: Sources, hands: Hands, progress: Progress
) -> None:
    question = sources.bank["unhealthy"]
    wrong = next(number for number in range(len(question.options)) if number != question.right)
    with begin(sessions, hands, short_plan(sources)) as session:
        candidate = Candidate(session, sources, "2", "a", "nonsense", str(wrong + 1), "so", ".", "e", "y", *["y"] * 9)
        screen = candidate.sit(grader(hands, 1, 1, 1, 1))
        assert "That is no answer to this question." in screen
        assert candidate.rate(progress)
        rated = session.state.items[1].rated
    assert rated == tuple(point.dimension != "correct" for point in question.rubric)
    assert f"Not right: it is {question.options[question.right]}"[:60] in candidate.screen.replace("\n", " ")


def test_the_review_shows_differences_and_prompts(
    sessions: Sessions, sources: Sources, hands: Hands, progress: Progress
) -> None:
    with begin(sessions, hands, short_plan(sources)) as session:
        candidate = Candidate(session, sources, "3", "h", "e", "y")
        candidate.sit(grader(hands, 1, 1, 0, 0.5))
        candidate.rate(progress)
        review.walk(candidate.desk, report(sessions, session.number, sources))
    screen = candidate.screen
    assert "- FROM busybox\n" in screen
    assert "+ FROM busybox:musl\n" in screen
    assert "Why? Why is the manifest copied first?" in screen
    assert "· “An edit does not install again” did not hold." in screen
    assert "· And in CI?" in screen
