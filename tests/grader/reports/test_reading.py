"""The words of a report: the score, the next step, the evidence."""

from __future__ import annotations

import pytest

from grader.reports import evidence, reading
from grader.verdict import CheckResult, Place, Report, Status, Verdict
from tests.grader.reports import samples


def check(verdict: Verdict, title: str = "A title", points: float = 2.0, **more: str) -> CheckResult:
    return CheckResult.of(verdict, id=more.pop("id", title), kind="build", title=title, max_points=points, **more)


def report(*checks: CheckResult) -> Report:
    return Report(exercise="x", title="X", checks=checks)


PASSED = Verdict.passed("good")
FAILED = Verdict.failed("bad", where=[Place(file="Dockerfile", line=7, step="2/3", text="USER root")])
BARE = Verdict.failed("bad")
SKIPPED = Verdict.skipped("not judged")
ERROR = Verdict.error("the engine is gone")


@pytest.mark.parametrize(
    ("checks", "sentence"),
    [
        ([check(PASSED)], "Every check passed. Go on when you like."),
        ([check(PASSED), check(FAILED, "B")], "One thing is left: “B” (Dockerfile:7), for 2 points."),
        ([check(Verdict.share(0.5, "half"), "B")], "One thing is left: “B”, for 1 point."),
        (
            [check(BARE, "Small"), check(FAILED, "Big", 5), check(BARE, "Other")],
            "Start with “Big” (Dockerfile:7): it costs the most, 5 points.",
        ),
        (
            [check(BARE, "First", 1), check(SKIPPED, "Waits"), check(BARE, "Big", 9)],
            "Start with “First”: 1 other check waits for it.",
        ),
        (
            [check(BARE, "First", 1), check(SKIPPED, "Waits"), check(SKIPPED, "Waits too")],
            "Start with “First”: 2 other checks wait for it.",
        ),
        ([check(BARE, "B" * 500)], f"One thing is left: “{'B' * 119}…”, for 2 points."),
        (
            [check(ERROR), check(FAILED)],
            "This is not the submission's fault, and nothing is recorded. "
            "Run 'lab doctor' to see what is wrong, then grade again.",
        ),
    ],
)
def test_next_step(checks: list[CheckResult], sentence: str) -> None:
    assert reading.next_step(report(*checks)) == sentence


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (report(check(PASSED, points=1)), "1 of 1 point"),
        (report(check(PASSED, points=8.5), check(FAILED, points=1.5)), "8.5 of 10 points"),
        (report(check(FAILED, points=0.25)), "0 of 0.25 points"),
        (report(check(PASSED), check(ERROR)), "No score: the grader could not judge every check"),
        (report(), "No score: the grader could not judge every check"),
    ],
)
def test_score(given: Report, words: str) -> None:
    assert reading.read(given).score == words


def test_a_report_without_a_score_shows_no_points_anywhere() -> None:
    reader = reading.read(samples.ERROR)
    assert reader.share is None
    assert reader.passed_points == ""
    assert {shown.points for shown in reader.checks} == {""}


def test_checks_are_sorted_by_what_they_ask_for() -> None:
    reader = reading.read(report(check(PASSED, "p"), check(SKIPPED, "s"), check(FAILED, "f"), check(ERROR, "e")))
    groups = reader.errors, reader.lost, reader.skipped, reader.passed
    assert [[shown.title for shown in group] for group in groups] == [["e"], ["f"], ["s"], ["p"]]
    assert [shown.title for shown in reader.checks] == ["p", "s", "f", "e"]


@pytest.mark.parametrize(
    ("anchor", "words"),
    [
        ("02-caching#order-of-steps", "lesson 02-caching, section “order of steps”"),
        ("02-caching", "lesson 02-caching"),
        ("", ""),
        (None, ""),
        ("#order", ""),
    ],
)
def test_lesson(anchor: str | None, words: str) -> None:
    assert reading.lesson(anchor) == words


def test_the_note_on_a_cut_list_of_places_is_shown() -> None:
    many = check(Verdict.failed("bad", where=[Place(path=f"/{number}") for number in range(300)]))
    shown = reading.read(report(many)).checks[0]
    assert len(shown.where) == reading.PLACES
    assert shown.more_places == 201 - reading.PLACES
    assert evidence.spot(evidence.places(many.evidence)[-1]).where == "… and 100 more"


def test_status_is_told_from_the_statuses_alone() -> None:
    assert reading.read(samples.FULL).status is Status.PASSED
    assert reading.read(samples.NOTHING_LOOKED_AT).status is Status.ERROR


def test_the_footer_names_engine_and_image_in_short() -> None:
    assert reading.read(samples.FULL).footer == (
        "graded in 1 min 3 s",
        "engine 26.1.5 (containerd)",
        "image sha256:9be29be29be2",
    )
    assert reading.read(report(check(PASSED))).footer == ("graded in 0 ms",)
