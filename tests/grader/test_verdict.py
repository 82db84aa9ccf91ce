"""The vocabulary of grading: what a verdict may say, how points are counted, and what becomes of hostile text."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.lib.text import clean_value
from grader.verdict import CheckResult, Place, Report, Status, Verdict


def result(verdict: Verdict, points: float = 4.0, identity: str = "build") -> CheckResult:
    return CheckResult.of(verdict, id=identity, kind="build", title="It builds", max_points=points)


PASSED, FAILED = Verdict.passed("fine"), Verdict.failed("no")
SKIPPED, ERROR = Verdict.skipped("not looked at"), Verdict.error("the engine is gone")


# A verdict


@pytest.mark.parametrize(
    ("status", "fraction"),
    [
        (Status.PASSED, 0.0),
        (Status.PASSED, 0.99),
        (Status.PARTIAL, 0.0),
        (Status.PARTIAL, 1.0),
        (Status.PARTIAL, 1.5),
        (Status.PARTIAL, -0.5),
        (Status.PARTIAL, math.nan),
        (Status.FAILED, 0.5),
        (Status.SKIPPED, 1.0),
        (Status.ERROR, 1.0),
        (Status.ERROR, math.nan),
    ],
)
def test_a_status_earns_only_its_own_fractions(status, fraction):
    with pytest.raises(ValueError, match="cannot earn"):
        Verdict(status, fraction, "…")


@pytest.mark.parametrize(
    ("fraction", "status", "kept"),
    [
        (1.0, Status.PASSED, 1.0),
        (7.0, Status.PASSED, 1.0),
        (math.inf, Status.PASSED, 1.0),
        (0.5, Status.PARTIAL, 0.5),
        (1e-9, Status.PARTIAL, 1e-9),
        (0.0, Status.FAILED, 0.0),
        (-3.0, Status.FAILED, 0.0),
        (-math.inf, Status.FAILED, 0.0),
    ],
)
def test_a_share_is_judged_by_its_fraction(fraction, status, kept):
    verdict = Verdict.share(fraction, "…")
    assert (verdict.status, verdict.fraction) == (status, kept)


def test_a_share_that_is_no_number_is_a_fault():
    with pytest.raises(ValueError, match="not a number"):
        Verdict.share(math.nan, "…")


def test_evidence_leaves_out_what_is_empty():
    assert PASSED.evidence == {}
    verdict = Verdict.failed(
        "…", expected="uid 1000", found="uid 0", where=[Place(file="Dockerfile", line=3)], details={"steps": []}
    )
    assert verdict.evidence == {
        "expected": "uid 1000",
        "found": "uid 0",
        "where": [{"file": "Dockerfile", "line": 3}],
        "steps": [],
    }


def test_a_place_shows_what_is_known_and_no_more():
    assert Place().to_dict() == {}
    assert Place(layer=0, bytes=0, line=0).to_dict() == {"layer": 0, "bytes": 0, "line": 0}


# Points


@pytest.mark.parametrize(
    ("verdict", "points", "earned"),
    [
        (PASSED, 4.0, 4.0),
        (PASSED, 0.33, 0.33),
        (FAILED, 4.0, 0.0),
        (SKIPPED, 4.0, 0.0),
        (ERROR, 4.0, 0.0),
        (Verdict.share(0.5, "…"), 4.0, 2.0),
        (Verdict.share(1 / 3, "…"), 1.0, 0.33),
        (Verdict.share(0.99999, "…"), 4.0, 3.99),  # a partial never rounds up to full points
        (Verdict.share(0.00001, "…"), 4.0, 0.01),  # nor down to none
        (Verdict.share(0.5, "…"), 0.01, 0.0),  # where points allow it
    ],
)
def test_points_are_the_fraction_in_hundredths(verdict, points, earned):
    assert result(verdict, points).points == earned


@given(
    st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True), st.integers(min_value=2, max_value=100_000)
)
def test_partial_is_more_than_nothing_and_less_than_all(fraction, hundredths):
    points = hundredths / 100
    assert 0 < result(Verdict.share(fraction, "…"), points).points < points


@given(st.lists(st.integers(min_value=1, max_value=100_000), min_size=1, max_size=30))
def test_full_marks_are_exactly_the_maximum(hundredths):
    report = Report("x", "X", [result(PASSED, count / 100) for count in hundredths])
    assert report.score == report.max_score
    assert report.max_score == pytest.approx(sum(hundredths) / 100)


# A report


@pytest.mark.parametrize(
    ("verdicts", "status", "score", "exit_code"),
    [
        ([PASSED], Status.PASSED, 4.0, 0),
        ([PASSED, PASSED], Status.PASSED, 8.0, 0),
        ([PASSED, FAILED], Status.PARTIAL, 4.0, 1),
        ([PASSED, SKIPPED], Status.PARTIAL, 4.0, 1),
        ([Verdict.share(0.5, "…")], Status.PARTIAL, 2.0, 1),
        ([FAILED], Status.FAILED, 0.0, 1),
        ([FAILED, SKIPPED], Status.FAILED, 0.0, 1),
        ([SKIPPED], Status.FAILED, 0.0, 1),
        ([ERROR], Status.ERROR, None, 3),
        ([PASSED, ERROR], Status.ERROR, None, 3),
        ([FAILED, SKIPPED, ERROR], Status.ERROR, None, 3),
        ([], Status.ERROR, None, 3),  # nothing was looked at, so nothing passed
    ],
)
def test_a_report_sums_its_checks_up(verdicts, status, score, exit_code):
    report = Report("05-drop-root", "Drop root", [result(verdict) for verdict in verdicts])
    assert (report.status, report.score, report.exit_code) == (status, score, exit_code)
    assert report.max_score == 4.0 * len(verdicts)


def test_a_report_as_json_holds_what_was_promised():
    report = Report(
        "05-drop-root",
        "Drop root",
        [result(Verdict.share(0.5, "half", expected="1", found="2"))],
        engine={"version": "26.1.5"},
        image={"id": "sha256:0"},
        seconds=1.23456,
    )
    shown = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert shown == {
        "schema": 1,
        "exercise": "05-drop-root",
        "title": "Drop root",
        "score": 2.0,
        "max_score": 4.0,
        "status": "partial",
        "checks": [
            {
                "id": "build",
                "kind": "build",
                "title": "It builds",
                "status": "partial",
                "points": 2.0,
                "max_points": 4.0,
                "message": "half",
                "evidence": {"expected": "1", "found": "2"},
                "hint": None,
                "lesson": None,
            }
        ],
        "engine": {"version": "26.1.5"},
        "image": {"id": "sha256:0"},
        "seconds": 1.23,
    }


def test_a_report_that_is_an_error_shows_no_score():
    shown = Report("x", "X", [result(PASSED), result(ERROR, identity="user")]).to_dict()
    assert shown["score"] is None
    assert shown["status"] == "error"
    assert shown["max_score"] == 8.0


# Hostile text


def test_what_a_check_says_is_cleaned_on_its_way_into_the_report():
    dirty = Verdict.failed("\x1b[31mno", found="\x07x", where=[Place(text="\x1b]0;t\x07y")], details={"\x08k": "\x00v"})
    shown = CheckResult.of(dirty, id="build", kind="build", title="\x1b[1mIt builds", max_points=1.0)
    assert shown.title == "It builds"
    assert shown.message == "no"
    assert shown.evidence == {"found": "x", "where": [{"text": "y"}], "k": "v"}
    report = Report("x", "X", [shown], engine={"version": "\x1b[31m1"}, image={"id": "\x1b[0m2"})
    assert report.to_dict()["engine"] == {"version": "1"}
    assert report.to_dict()["image"] == {"id": "2"}


# A report read back


def written(*verdicts: Verdict) -> dict[str, object]:
    checks = [result(verdict, identity=f"check-{number}") for number, verdict in enumerate(verdicts)]
    report = Report("x", "X", checks, engine={"version": "26.1"}, image={"id": "sha256:1"}, seconds=1.25)
    again: dict[str, object] = json.loads(json.dumps(report.to_dict()))
    return again


@pytest.mark.parametrize(
    "verdicts",
    [(PASSED,), (PASSED, FAILED), (FAILED, SKIPPED), (Verdict.share(0.5, "half"), PASSED), (PASSED, ERROR), ()],
)
def test_a_report_read_back_is_the_same(verdicts):
    raw = written(*verdicts)
    assert Report.from_dict(raw).to_dict() == raw


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "expected schema 1, found 2"),
        ({"checks": None}, "not a report"),
        ({"checks": [{}]}, "not a report"),
        ({"checks": ["passed"]}, "not a report"),
        ({"seconds": "soon"}, "could not convert"),
        ({"engine": 3}, "not a report"),
        ({"score": 9.0}, "score or status does not follow from its checks"),
        ({"score": None}, "score or status does not follow from its checks"),
        ({"status": "passed"}, "score or status does not follow from its checks"),
    ],
)
def test_what_is_no_report_or_contradicts_itself_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        Report.from_dict({**written(PASSED, FAILED), **change})


def test_what_is_no_object_is_no_report():
    for raw in ([], "x", None, 3):
        with pytest.raises(ValueError, match="not a report"):
            Report.from_dict(raw)  # type: ignore[arg-type]


def test_what_json_has_no_word_for_or_nests_without_end_is_cut():
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    shown = json.dumps(clean_value({"deep": deep, "nan": math.nan, "inf": -math.inf}), allow_nan=False)
    assert len(shown) < 200
    assert '"nan": "nan"' in shown
