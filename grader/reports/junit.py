"""JUnit XML for Jenkins, GitLab and Maven's Surefire: a testsuite for each report, a testcase for each check.

The format has no partial credit: a check that lost any points is a failure, and the properties hold the points. If the
grader could not look, there are errors and no score.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from grader.reports import reading, safe
from grader.reports.reading import Reading
from grader.verdict import Report, Status

# Characters that XML 1.0 cannot write. Cleaning has removed some of them already.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_TAGS = {Status.FAILED: "failure", Status.PARTIAL: "failure", Status.SKIPPED: "skipped", Status.ERROR: "error"}


def render(report: Report) -> str:
    """The report as an XML document with a declaration, as text to be written as UTF-8."""
    return document([suite(report)])


def document(suites: Iterable[Element]) -> str:
    """The suites as one XML document, with their totals."""
    root = Element("testsuites", {"name": "layerwise"})
    root.extend(suites)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.2f}")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def suite(report: Report, *, of: str = "", properties: Mapping[str, str] | None = None) -> Element:
    """The report as a testsuite. If `of` tells whose work it is, the names begin with it. `properties` are added."""
    reader = reading.read(report)
    counts = {
        "tests": max(1, len(report.checks)),
        "failures": len(reader.lost),
        "errors": len(reader.errors) if report.checks else 1,
        "skipped": len(reader.skipped),
    }
    seconds = f"{min(max(0.0, safe.number(report.seconds)), 10**7):.2f}"
    name = _of(of, reader.exercise)
    made = _suite(name, counts, seconds, {**_points(report), **(properties or {})})
    for check in reader.checks:
        _case(made, name, check)
    if not reader.checks:
        case = _named(made, name, "grading", reader.title)
        SubElement(case, "error", {"type": "error", "message": _text(reader.score)})
    return made


def without_report(exercise: str, why: str, *, of: str = "", properties: Mapping[str, str] | None = None) -> Element:
    """A testsuite for work that was not judged: one test, which was skipped, and `why`."""
    name = _of(of, safe.line(exercise, 120))
    made = _suite(name, {"tests": 1, "failures": 0, "errors": 0, "skipped": 1}, "0.00", properties or {})
    case = _named(made, name, "grading", "Grading")
    SubElement(case, "skipped", {"type": "skipped", "message": _text(safe.line(why, 400))})
    return made


def _of(of: str, exercise: str) -> str:
    return f"{safe.line(of, 200)}.{exercise}" if of else exercise


def _suite(name: str, counts: Mapping[str, int], seconds: str, properties: Mapping[str, str]) -> Element:
    shown = {key: str(count) for key, count in counts.items()}
    made = Element("testsuite", {"name": _text(name), **shown, "time": seconds})
    if properties:
        group = SubElement(made, "properties")
        for key, value in properties.items():
            SubElement(group, "property", {"name": _text(key), "value": _text(value)})
    return made


def _points(report: Report) -> dict[str, str]:
    """Score and points. They are properties of the suite, because the common schemas allow none for a testcase."""
    found = {"status": str(report.status), "max_score": reading.amount(report.max_score)}
    if report.score is not None:
        found["score"] = reading.amount(report.score)
        for check in report.checks:
            name = safe.line(check.id, 80)
            found[f"points.{name}"] = reading.amount(check.points)
            found[f"max_points.{name}"] = reading.amount(check.max_points)
    return found


def _case(made: Element, name: str, check: Reading) -> None:
    case = _named(made, name, check.id, check.title)
    tag = _TAGS.get(check.status)
    if tag:
        problem = SubElement(case, tag, {"type": str(check.status), "message": _text(safe.line(check.message, 400))})
        problem.text = _text(reading.story(check))


def _named(made: Element, name: str, identity: str, title: str) -> Element:
    return SubElement(made, "testcase", {"classname": _text(f"{name}.{identity}"), "name": _text(title)})


def _text(text: str) -> str:
    return _ILLEGAL.sub("", text)
