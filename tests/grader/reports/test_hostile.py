"""Whatever stands in a report's fields, every format stays well-formed, free of control codes and bounded."""

from __future__ import annotations

import io
import json as stdlib_json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from grader.lib.text import MAX_TEXT
from grader.reports import gradescope, html, json, junit, sarif, terminal
from grader.verdict import CheckResult, Place, Report, Status, Verdict
from tests.grader.reports.validators import HTML_TAGS, REPORT, Markup, junit_root, sarif_run

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></textarea><svg/onload=alert(1)>",
    "<!--",
    "<![CDATA[",
    "]]>",
    "&#x3c;b&#x3e; &amp; &bogus;",
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]0;title\x07",
    "\x9b31m\x90dcs\x9c",
    "nul\x00 bell\x07 back\x08\x08 form\x0c",
    "\r\nforged: full marks\r",
    "\ud800 \udfff",
    "\u202eevil\u2066 \u200b\ufeff \ufffe\uffff",
    "[bold]x[/bold][link=http://evil.example]y[/link]",
    "[text](javascript:alert(1)) ![x](http://evil.example/x.png) `code` **b** # h",
    "{0} {{1}} %s %(x)s ${HOME}",
    "../../etc/passwd",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 e\u0301 字字字 \u0645\u0631\u062d\u0628\u0627",
    "",
    " ",
    "\t\n",
    "<" * 9_000,
    "字 " * 3_000,
    "\U0001f600" * 3_000,
]

texts = st.one_of(st.sampled_from(NASTY), st.text(st.characters(), max_size=60))
scalars = st.one_of(
    texts, st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**4000), st.just(b"\xff"), st.just(2**70)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
rows = st.lists(st.dictionaries(texts, scalars, max_size=3), max_size=4)
places = st.builds(
    Place,
    file=st.none() | texts,
    line=st.none() | st.integers(),
    step=st.none() | texts,
    layer=st.none() | st.integers(),
    path=st.none() | texts,
    bytes=st.none() | st.integers(min_value=0),
    text=st.none() | texts,
)


@st.composite
def verdicts(draw: st.DrawFn, *, errors: bool) -> Verdict:
    more: dict[str, Any] = {
        "expected": draw(texts),
        "found": draw(texts),
        "where": draw(st.lists(places, max_size=3)),
        "details": draw(st.dictionaries(texts, values | rows, max_size=3)),
    }
    kinds: list[Callable[..., Verdict]] = [Verdict.passed, Verdict.failed, Verdict.skipped]
    kinds += [Verdict.error] if errors else []
    if draw(st.booleans()):
        return Verdict.share(draw(st.floats(0, 1)), draw(texts), **more)
    return draw(st.sampled_from(kinds))(draw(texts), **more)


@st.composite
def results(draw: st.DrawFn, *, errors: bool) -> CheckResult:
    """A result made as grading makes it, or, as one read back or written by hand may be, with nothing cleaned."""
    verdict = draw(verdicts(errors=errors))
    about = {"id": draw(texts), "kind": draw(texts), "title": draw(texts)}
    about |= {"hint": draw(st.none() | texts), "lesson": draw(st.none() | texts)}
    points = draw(st.integers(1, 1000))
    made = CheckResult.of(verdict, max_points=float(points), **about)
    if draw(st.booleans()):
        return made
    raw = vars(made) | about | {"message": verdict.message, "evidence": verdict.evidence}
    return CheckResult(**raw)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    errors = draw(st.integers(0, 3)) == 0
    return Report(
        exercise=draw(texts),
        title=draw(texts),
        checks=draw(st.lists(results(errors=errors), min_size=0 if errors else 1, max_size=3)),
        engine=draw(st.just({}) | st.fixed_dictionaries({"version": texts, "image_store": texts})),
        image=draw(st.just({}) | st.fixed_dictionaries({"id": texts, "digest": texts})),
        seconds=draw(st.floats(0, 1e6)),
    )


hostile = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

ATTRIBUTES = {"class", "lang", "charset", "http-equiv", "content", "name", "open", "tabindex", "scope", "href"} | {
    *("role", "aria-level", "aria-label", "aria-hidden"),
    *("focusable", "viewbox", "preserveaspectratio", "width", "height", "cx", "cy", "r", "d", "stroke-dasharray"),
}

# Everything a terminal, a parser or an eye could take for something else than text.
UNSEEN = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def no_control_codes(text: str) -> None:
    assert not [char for char in set(text) if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"]
    assert not UNSEEN.search(text)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


ESCAPED = 12
"""Characters of ASCII JSON for one outside the Basic Multilingual Plane: two escapes of six."""
NAMES = 6
"""Texts of a report outside its checks: exercise, title, and two each of the engine and the image."""


def small(text: str, report: Report, each: int, rest: int = 20_000) -> None:
    assert len(text) <= rest + each * len(report.checks)


@hostile
@given(reports())
def test_json(report: Report) -> None:
    text = json.render(report)
    small(text, report, 600_000, NAMES * MAX_TEXT * ESCAPED + 1_000)
    data = stdlib_json.loads(text)
    REPORT.validate(data)
    for string in strings(data):
        no_control_codes(string.replace("\t", ""))


@hostile
@given(reports(), st.integers(1, 200), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_terminal(report: Report, width: int, encoding: str) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    terminal.render(report, console=Console(file=file, width=width, force_terminal=False))
    file.flush()
    text = raw.getvalue().decode(encoding)
    no_control_codes(text)
    small(text, report, 100_000)
    for line in text.splitlines():
        assert cell_len(line) <= max(terminal.NARROWEST, width)


@hostile
@given(reports(), st.sampled_from([html.page, html.card, lambda report: html.card(report, lessons="")]))
def test_html(report: Report, make: Callable[[Report], str]) -> None:
    text = make(report)
    no_control_codes(text)
    small(text, report, 300_000)
    markup = Markup(text)
    assert set(markup.tags) <= HTML_TAGS["page"] | {"a"}
    assert not markup.comments
    assert max(markup.tags["style"], markup.tags["article"]) == 1
    for tag, name, value in markup.attributes:
        assert name in ATTRIBUTES
        if name == "class":
            assert re.fullmatch(r"lwr-[a-z-]+( lwr-[a-z-]+)*", value)
        if name == "href":
            assert tag == "a"
            assert re.fullmatch(r"\d\d-[a-z0-9-]+\.ipynb(#cell-id=[\w-]+)?", value)


@hostile
@given(reports())
def test_junit(report: Report) -> None:
    text = junit.render(report)
    no_control_codes(text)
    small(text, report, 100_000)
    root = junit_root(text)
    assert len(list(root.iter("testcase"))) == max(1, len(report.checks))


@hostile
@given(reports())
def test_sarif(report: Report) -> None:
    text = sarif.render(report)
    small(text, report, 100_000)
    run = sarif_run(text)
    assert run["invocations"][0]["executionSuccessful"] is (report.score is not None)
    for string in strings(run):
        no_control_codes(string)
    for message in re.findall(r'"text": "(.*)"', text):
        assert not re.search(r"\]\(|(?<!\{)\{\d+\}", message)


@hostile
@given(reports())
def test_gradescope(report: Report) -> None:
    if report.score is None:
        with pytest.raises(ValueError, match="no score"):
            gradescope.render(report)
        return
    text = gradescope.render(report)
    small(text, report, 100_000)
    data = stdlib_json.loads(text)
    assert data["score"] == report.score
    for string in strings(data):
        no_control_codes(string)


def filled(text: str) -> Report:
    """A report with the text in every field, and as many of everything as there may be."""
    evidence = {"expected": text, "found": text, "where": [{"file": text, "text": text}] * 300}
    evidence |= {f"{number}{text}": [{text: text, f"{text}2": text}] * 210 for number in range(5)}
    check = CheckResult(text, text, text, Status.FAILED, 0.0, 1.0, text, evidence, text, text)
    return Report(text, text, [check], {"version": text, "image_store": text}, {"id": text, "digest": text}, 1.0)


@pytest.mark.parametrize("char", ["w", "<", "&", "\n", "\x1b", "\x1b]8;;", "字", "\U0001f468\u200d", "\t"], ids=ascii)
def test_a_megabyte_in_every_field(char: str) -> None:
    report = filled(char * (1_000_000 // len(char)))
    limits = {json.render: 30_000_000, html.page: 3_000_000, html.card: 3_000_000}
    for make in (html.page, html.card, junit.render, sarif.render, gradescope.render, json.render):
        assert len(make(report)) < limits.get(make, 500_000)
    file = io.StringIO()
    terminal.render(report, console=Console(file=file, width=80))
    assert len(file.getvalue()) < 200_000
