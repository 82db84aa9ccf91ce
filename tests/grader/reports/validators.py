"""What every format is held to: readers that refuse a document which is not as its standard wants it."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema

from grader.reports import json as json_report

REPORT_SCHEMA = json.loads(json_report.SCHEMA_FILE.read_text(encoding="utf-8"))
REPORT = jsonschema.Draft202012Validator(REPORT_SCHEMA)

SARIF_SCHEMA = Path(__file__).with_name("data") / "sarif-2.1.0-rtm.5.json"
URIS = jsonschema.FormatChecker(formats=["uri", "uri-reference"])
SARIF = jsonschema.Draft4Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8")), format_checker=URIS)


def sarif_run(text: str) -> dict[str, Any]:
    """The one run of a document, after holding it to the schema and to what the prose of the standard adds."""
    data = json.loads(text)
    SARIF.validate(data)
    [run] = data["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["kind"] == "fail" or result["level"] == "none"
    return run


# Element: (attributes required, attributes allowed, children allowed), as in junit-10.xsd.
COUNTS = {"tests", "failures", "errors"}
SHAPE = {
    "testsuites": (set(), {"name", "time", *COUNTS}, {"testsuite"}),
    "testsuite": ({"name", *COUNTS}, {"time", "skipped"}, {"properties", "testcase"}),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"classname", "time"}, {"skipped", "error", "failure"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
}
SUREFIRE_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def junit_root(text: str) -> ElementTree.Element:
    """The parsed document, after holding every element to the shape."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        required, allowed, children = SHAPE[element.tag]
        assert required <= set(element.attrib) <= required | allowed
        assert {child.tag for child in element} <= children
        if "time" in element.attrib:
            assert SUREFIRE_TIME.fullmatch(element.attrib["time"])
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        assert suite.attrib["tests"] == str(len(cases))
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.attrib[count] == str(len(suite.findall(f"testcase/{tag}")))
        assert all(len(case) <= 1 for case in cases)
    return root


HTML_TAGS = {
    "page": {"html", "head", "meta", "title", "style", "body", "main"},
    "card": {
        "style",
        "article",
        "header",
        "p",
        "strong",
        "code",
        "details",
        "summary",
        "pre",
        "span",
        "div",
        "a",
        "footer",
    }
    | {"dl", "dt", "dd", "ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    | {"svg", "circle", "path", "rect"},
}
HTML_TAGS["page"] |= HTML_TAGS["card"] - {"a"}
VOID = {"meta", "br", "hr", "img", "input", "link"}
SELF_CLOSING = {"circle", "path", "rect"}


class Markup(HTMLParser):
    """`tags` counts start tags; `attributes` holds (tag, name, value); `text` is what a reader sees."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.comments: list[str] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == [], f"left open: {self._open}"

    @property
    def text(self) -> str:
        return "".join(self._text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SELF_CLOSING, f"<{tag}/> does not close in HTML"
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> with nothing open"
        assert self._open[-1] == tag, f"</{tag}> while <{self._open[-1]}> is open"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self._text.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
