"""JUnit XML for Jenkins, GitLab and Maven's Surefire: a testsuite for the exercise, a testcase for each check.

The format has no partial credit: a check that lost any points is a failure, and the properties hold the points. If the
grader could not look, there are errors and no score.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from grader.reports import reading, safe
from grader.reports.reading import Reading
from grader.verdict import Report, Status

# Characters that XML 1.0 cannot write. Cleaning has removed some of them already.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_TAGS = {Status.FAILED: "failure", Status.PARTIAL: "failure", Status.SKIPPED: "skipped", Status.ERROR: "error"}


def render(report: Report) -> str:
    """The report as an XML document with a declaration, as text to be written as UTF-8."""
    reader = reading.read(report)
    counts = {
        "tests": max(1, len(report.checks)),
        "failures": len(reader.lost),
        "errors": len(reader.errors) if report.checks else 1,
    }
    seconds = f"{min(max(0.0, safe.number(report.seconds)), 10**7):.2f}"
    totals = {name: str(count) for name, count in counts.items()} | {"time": seconds}

    root = Element("testsuites", {"name": "layerwise", **totals})
    suite = SubElement(
        root, "testsuite", {"name": _text(reader.exercise), "skipped": str(len(reader.skipped)), **totals}
    )
    _properties(suite, report)
    for check in reader.checks:
        _case(suite, reader.exercise, check)
    if not reader.checks:
        case = _named(suite, reader.exercise, "grading", reader.title)
        SubElement(case, "error", {"type": "error", "message": _text(reader.score)})
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _properties(suite: Element, report: Report) -> None:
    """Score and points. They are properties of the suite, because the common schemas allow none for a testcase."""
    found = {"status": str(report.status), "max_score": reading.amount(report.max_score)}
    if report.score is not None:
        found["score"] = reading.amount(report.score)
        for check in report.checks:
            name = safe.line(check.id, 80)
            found[f"points.{name}"] = reading.amount(check.points)
            found[f"max_points.{name}"] = reading.amount(check.max_points)
    group = SubElement(suite, "properties")
    for name, value in found.items():
        SubElement(group, "property", {"name": _text(name), "value": value})


def _case(suite: Element, exercise: str, check: Reading) -> None:
    case = _named(suite, exercise, check.id, check.title)
    tag = _TAGS.get(check.status)
    if tag:
        problem = SubElement(case, tag, {"type": str(check.status), "message": _text(safe.line(check.message, 400))})
        problem.text = _text(reading.story(check))


def _named(suite: Element, exercise: str, identity: str, title: str) -> Element:
    return SubElement(suite, "testcase", {"classname": _text(f"{exercise}.{identity}"), "name": _text(title)})


def _text(text: str) -> str:
    return _ILLEGAL.sub("", text)
