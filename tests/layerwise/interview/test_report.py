"""The numbers of a report, reckoned by hand; and the page, on which nothing that a candidate wrote is markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.verdict import CheckResult, Place, Report, Verdict
from layerwise.errors import InputError
from layerwise.interview import follow_ups, timeline
from layerwise.interview.plan import DIMENSIONS, Item, Plan, Sources
from layerwise.interview.report import SessionReport, report
from layerwise.interview.scores import Score
from layerwise.interview.session import Session
from layerwise.interview.store import Sessions
from layerwise.interview.timeline import Ran
from layerwise.progress import Progress
from layerwise.views import session_page
from tests.layerwise.interview.practice import Hands, grader, short_plan

QUESTION, CHOICE, TASK = 0, 1, 2
EVIL = "<script>alert(1)</script>\x1b[31m & “x”"


def sat(
    sessions: Sessions, sources: Sources, hands: Hands, progress: Progress, text: str = "the order", name: str = "a"
) -> SessionReport:
    """A question answered in two minutes, a choice left, a task in three; a pause, a dead engine."""
    with Session.begin(sessions, short_plan(sources), assistant=True, timeline=True, clock=hands.clock) as session:
        session.open(QUESTION)
        hands.pass_by(120)
        session.answer({"answer": text})
        session.open(CHOICE)
        session.skip()
        session.pause()
        hands.pass_by(90)
        session.go_on()
        session.open(TASK)
        task = sources.tasks.load("find-the-slow-step", 7)
        work = session.start_task(task)
        (work / "Dockerfile").write_text(f"FROM busybox\nRUN echo '{text}'\n")
        (work / name).write_text("more")
        hands.pass_by(180)
        session.hand_in(task, grader(hands, 75, 1, -1, 1))
        session.hand_in(task, grader(hands, 30, 1, 0.5, 0))
        session.answer({"hypothesis": text, "command": "docker build", "evidence": "it ran", "verification": ""})
        timeline.write(session.folder, Ran(TASK, 20.0, "docker ps", 0, False))
        timeline.write(session.folder, Ran(TASK, 65.0, "docker build .", 0, True))
        timeline.write(session.folder, Ran(TASK, 90.0, "docker build .", 0, True))
        session.end()
        session.rate(QUESTION, [True, True, False, False, True])
        session.rate(TASK, [True, False, True])
        session.finish(progress)
        return report(sessions, session.number, sources)


def test_the_numbers(sessions: Sessions, sources: Sources, hands: Hands, progress: Progress) -> None:
    found = sat(sessions, sources, hands, progress)
    # 3 of 5 for the question, 0 of 4 for the choice, 2 + 2 + 0 of 8 and 2 of 3 for the task
    assert found.score == Score(9, 20)
    assert dict(found.by_dimension) == {
        "correct": Score(4, 6),
        "fast to build": Score(2, 5),
        "safe": Score(0, 3),
        "explained": Score(1, 2),
        "diagnosed": Score(2, 4),
    }
    assert list(found.by_dimension) == [name for name in DIMENSIONS if name in found.by_dimension]
    assert dict(found.by_skill) == {
        "processes": Score(0, 4),
        "debugging": Score(6, 15),
        "build-cache": Score(9, 16),
        "dockerfile": Score(3, 5),
    }
    assert [one.score for one in found.items] == [Score(3, 5), Score(0, 4), Score(6, 11)]
    assert [one.state.seconds for one in found.items] == [120, 0, 180]
    assert [one.planned for one in found.items] == [180, 180, 600]
    assert [one.notes for one in found.items] == [(), ("skipped",), ()]
    assert found.state.given_back == {"grading": 30, "engine": 75}
    assert found.commands == 3
    assert [one.found for one in found.items] == [None, None, 65]


def test_the_differences_are_those_of_what_counts(
    sessions: Sessions, sources: Sources, hands: Hands, progress: Progress
) -> None:
    found = sat(sessions, sources, hands, progress)
    assert found.items[QUESTION].differences == ()
    dockerfile, extra = found.items[TASK].differences
    assert ("-", "RUN echo 'the order'") in dockerfile.lines
    assert ("+", "FROM busybox:musl") in dockerfile.lines
    assert (extra.path, extra.words) == ("a", "only in what was handed in")


def test_what_was_not_reached_or_is_late_is_told(sessions: Sessions, sources: Sources, hands: Hands) -> None:
    with Session.begin(sessions, short_plan(sources), assistant=False, clock=hands.clock) as session:
        session.open(TASK)
        session.start_task(sources.tasks.load("find-the-slow-step", 7))
        hands.pass_by(2000)
        session.hand_in(sources.tasks.load("find-the-slow-step", 7), grader(hands, 1, 1, 1, 1))
        session.answer({"hypothesis": "late"})
        session.end()
        found = report(sessions, session.number, sources)
    assert [one.notes for one in found.items] == [
        ("not reached",),
        ("not reached",),
        ("answered late: not counted", "not rated", "handed in late: not counted"),
    ]
    assert found.score == Score(0, 20)


def test_a_course_that_has_changed_since(
    sessions: Sessions, sources: Sources, hands: Hands, progress: Progress, tmp_path: Path
) -> None:
    sat(sessions, sources, hands, progress)

    class Gone:
        def names(self) -> list[str]:
            return []

        def skills(self, name: str) -> tuple[str, ...]:
            return ()

        def load(self, name: str, seed: int) -> None:
            raise InputError("no such task")

    found = report(sessions, 1, Sources({}, Gone()))  # type: ignore[arg-type]
    assert found.score == Score(9, 20)
    assert all(one.question is None and one.task is None for one in found.items)
    assert "9 of 20" in session_page.page(found)


def test_the_page_escapes_everything(sessions: Sessions, sources: Sources, hands: Hands, progress: Progress) -> None:
    found = sat(sessions, sources, hands, progress, text=EVIL, name="<img src=x>")
    page = session_page.page(found)
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; “x”") == 3  # two answers, and the difference
    assert "&lt;img src=x&gt;" in page


def test_the_page_needs_nothing_from_elsewhere(
    sessions: Sessions, sources: Sources, hands: Hands, progress: Progress
) -> None:
    page = session_page.page(sat(sessions, sources, hands, progress))
    assert "default-src 'none'" in page
    assert not re.findall(r"\s(?:src|href|style|on\w+)\s*=", page)
    assert "An AI assistant was allowed. Rated by yourself." in page
    assert "1:15 were given back: the engine or the grader failed." in page
    assert "<td>1:05</td>" in page
    assert "<del>- FROM busybox</del>" in page
    assert "Why is the manifest copied first?" in page


class TestFollowUps:
    def drawn(self, *lost: tuple[str, float, float]) -> tuple[str, ...]:
        results = [
            CheckResult.of(
                Verdict.share(share, "…", found="{a} mess", where=[Place(file="Dockerfile", line=7, text="RUN make")]),
                id=kind,
                kind=kind,
                title="It is {so}",
                max_points=points,
            )
            for kind, points, share in lost
        ]
        return follow_ups.drawn(Report("x", "X", results))

    def test_they_name_what_was_seen_and_the_most_expensive_comes_first(self) -> None:
        found = self.drawn(("pinning", 2, 0), ("rebuild", 6, 0.5), ("build", 9, 1))
        assert len(found) == 2
        assert found[0].startswith("“It is {so}” did not hold (Dockerfile:7: RUN make). Which step is the first")
        assert found[1].startswith("Something is still open (Dockerfile:7: RUN make).")

    def test_there_are_not_too_many(self) -> None:
        kinds = ["size", "layers", "user", "secrets", "scan", "stop"]
        assert len(self.drawn(*((kind, 1, 0) for kind in kinds))) == follow_ups.MOST

    @pytest.mark.parametrize("kind", [*follow_ups.TEMPLATES, "python"])
    def test_every_template_can_be_filled_in(self, kind: str) -> None:
        (text,) = self.drawn((kind, 1, 0))
        assert text.endswith("?")
        assert "{where}" not in text

    def test_every_kind_that_the_templates_name_exists(self) -> None:
        from grader.checks import KINDS

        assert set(follow_ups.TEMPLATES) <= set(KINDS)

    def test_without_a_grade_there_are_none(self) -> None:
        assert follow_ups.drawn(None) == ()


class TestTimeline:
    def test_a_line_that_was_cut_is_left_out(self, tmp_path: Path) -> None:
        timeline.write(tmp_path, Ran(0, 1.0, "ls", 0, False))
        with (tmp_path / timeline.FILE).open("a") as file:
            file.write('{"item": 0, "at": 2.0, "comm')
        assert timeline.read(tmp_path) == [Ran(0, 1.0, "ls", 0, False)]
        assert timeline.read(tmp_path / "none") == []

    def test_colours_and_carriage_returns_do_not_hide_evidence(self) -> None:
        assert timeline.shows(r"(?m)^#7 \[2/3\] RUN make$", "#7 \x1b[31m[2/3]\x1b[0m RUN make\r\nmore\r\n")
        assert not timeline.shows("secret", "nothing")

    def test_only_the_end_of_a_long_output_is_searched(self) -> None:
        assert timeline.shows("last", "x" * 3_000_000 + "last")
        assert not timeline.shows("first", "first" + "x" * 3_000_000)


def test_each_points_dimension_is_one_of_those_shown(sources: Sources) -> None:
    plan = Plan(0, 20, tuple(map(Item.of_question, sources.bank.values())))
    assert {point.dimension for item in plan.items for point in item.rubric} <= set(DIMENSIONS)


def test_a_session_that_there_is_not(sessions: Sessions, sources: Sources) -> None:
    with pytest.raises(InputError, match="there is no session 4"):
        report(sessions, 4, sources)
