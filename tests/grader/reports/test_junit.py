"""JUnit XML, held to the shape that Jenkins' xunit plugin (junit-10.xsd) and Surefire accept."""

from __future__ import annotations

import pytest

from grader.reports import junit
from grader.verdict import CheckResult, Report, Verdict
from tests.grader.reports import samples
from tests.grader.reports.validators import junit_root


@pytest.mark.parametrize("name", samples.ALL)
def test_shape(name: str) -> None:
    text = junit.render(samples.ALL[name])
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="layerwise"')
    junit_root(text)


def test_a_testcase_for_each_check_in_the_order_of_the_exercise() -> None:
    root = junit_root(junit.render(samples.NOT_BUILT))
    assert [(case.get("classname"), [child.tag for child in case]) for case in root.iter("testcase")] == [
        ("02-cache-order.build", ["failure"]),
        ("02-cache-order.rebuild", ["skipped"]),
        ("02-cache-order.size", ["skipped"]),
        ("02-cache-order.pinning", ["failure"]),
    ]


def test_points_are_properties() -> None:
    root = junit_root(junit.render(samples.PARTIAL))
    found = {item.get("name"): item.get("value") for item in root.iter("property")}
    assert found["score"] == "5.2"
    assert found["max_score"] == "13"
    assert (found["points.size"], found["max_points.size"]) == ("2.2", "4")


def test_partial_credit_is_a_failure_that_says_so() -> None:
    root = junit_root(junit.render(samples.PARTIAL))
    [problem] = root.findall(".//testcase[@classname='02-cache-order.size']/failure")
    assert problem.get("type") == "partial"
    assert "points: 2.2 of 4" in (problem.text or "")
    assert "where: layer 3, /var/lib/apt/lists, 44 MB" in (problem.text or "")


@pytest.mark.parametrize(("name", "errors"), [("error", 1), ("nothing", 1)])
def test_no_score_means_errors_and_no_points(name: str, errors: int) -> None:
    root = junit_root(junit.render(samples.ALL[name]))
    assert root.get("errors") == str(errors)
    names = {item.get("name") for item in root.iter("property")}
    assert names == {"status", "max_score"}


def test_two_checks_of_one_id_are_two_testcases() -> None:
    checks = [CheckResult.of(Verdict.failed(text), id="x", kind="build", title=text, max_points=1) for text in "ab"]
    root = junit_root(junit.render(Report(exercise="e", title="t", checks=checks)))
    assert [case.get("name") for case in root.iter("testcase")] == ["a", "b"]


@pytest.mark.parametrize("text", ["]]>", "<failure/>", "&amp;", "\x00\ufffe\uffff", "\ud800", "a\nb", "\x1b[1m"])
def test_hostile_text(text: str) -> None:
    check = CheckResult.of(Verdict.failed(text, found=text), id=text, kind="x", title=f"t{text}", max_points=1)
    root = junit_root(junit.render(Report(exercise=text, title=text, checks=[check])))
    assert len(list(root.iter("failure"))) == 1


def test_several_reports_are_one_document_with_their_totals() -> None:
    suites = [
        junit.suite(samples.PARTIAL, of="ann", properties={"state": "graded"}),
        junit.suite(samples.NOT_BUILT, of="ben"),
        junit.without_report("02-cache-order", "not graded yet", of="cat"),
    ]
    root = junit_root(junit.document(suites))
    names = [suite.get("name") for suite in root]
    assert names == [f"{learner}.02-cache-order" for learner in ("ann", "ben", "cat")]
    for name in ("tests", "failures", "errors"):
        assert root.get(name) == str(sum(int(suite.get(name, "")) for suite in root))
    assert root.get("time") == "67.60"
    assert [case.get("classname") for case in root[1]][1:2] == ["ben.02-cache-order.build"]
    [skipped] = root[2].iter("skipped")
    assert skipped.get("message") == "not graded yet"
