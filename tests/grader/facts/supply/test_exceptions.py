"""Findings that somebody decided to live with: how an entry is read, and what it covers."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import cast

import pytest

from grader.errors import SubmissionFault
from grader.facts.supply import exceptions
from grader.facts.supply.exceptions import Entry, parse
from grader.facts.supply.scan import Vulnerability

DAY = datetime.date(2026, 9, 30)


def entry(text: str) -> Entry:
    (found,) = parse(f"vulnerabilities:\n  - id: CVE-1\n    {text}\n".encode(), "ignore.yaml")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("statement: never called", Entry("CVE-1", "never called", None)),
        ("statement: '  '", Entry("CVE-1", "", None)),
        ("statement: 5", Entry("CVE-1", "", None)),
        ("expired_at: 2026-09-30", Entry("CVE-1", "", DAY)),
        ("expired_at: '2026-09-30T12:00:00Z'", Entry("CVE-1", "", DAY)),
        ("expired_at: 2026-09-30 12:00:00", Entry("CVE-1", "", DAY)),
        ("expired_at: soon", Entry("CVE-1", "", None)),
        ("expired_at: 20", Entry("CVE-1", "", None)),
        ("paths: [a, b]", Entry("CVE-1", "", None, ("a", "b"))),
        ("purls: ['pkg:pypi/x']", Entry("CVE-1", "", None, (), ("pkg:pypi/x",))),
        ("unknown: 5", Entry("CVE-1", "", None)),
    ],
)
def test_an_entry(text: str, expected: Entry) -> None:
    assert entry(text) == expected


@pytest.mark.parametrize("text", ["", "# nothing", "vulnerabilities: []", "misconfigurations:\n  - id: AVD-1\n", "---"])
def test_no_entries(text: str) -> None:
    assert parse(text.encode(), "x") == []


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        (b"a: [", "is not YAML", 1),
        (b"vulnerabilities:\n  - id: x\n - y\n", "is not YAML", 3),
        (b"\x00", "is not YAML", None),
        (b"[" * exceptions.MAX_FILE, "nests lists deeper than 20", None),
        (b"- " * (exceptions.MAX_FILE // 2), "nests lists deeper than 20", None),
        (b"{a: " * 10_000, "nests lists deeper than 20", None),
        (b"[1, 2]", "has no list `vulnerabilities`", None),
        (b"vulnerabilities: CVE-1", "has no list `vulnerabilities`", None),
        (b"vulnerabilities: [CVE-1]", "entry 1 of x has no id", None),
        (b"vulnerabilities: [{id: a}, {id: ' '}]", "entry 2 of x has no id", None),
        (b"vulnerabilities: [{id: 5}]", "entry 1 of x has no id", None),
        (b"vulnerabilities: [{id: a, paths: b}]", "to be lists of texts", None),
        (b"vulnerabilities: [{id: a, expired_at: 2026-02-30}]", "cannot be read", None),
        (b"a: &a [1]\nvulnerabilities: *a", "uses an alias", None),
        (b"#" * (exceptions.MAX_FILE + 1), "larger than 64 KiB", None),
        (b"vulnerabilities:\n" + b"- id: a\n" * (exceptions.MAX_ENTRIES + 1), "more than 500 entries", None),
        (b"!!python/object/apply:os.system ['true']", "is not YAML", None),
    ],
)
def test_a_file_that_is_none(text: bytes, says: str, line: int | None) -> None:
    with pytest.raises(SubmissionFault, match=says) as fault:
        parse(text, "x")
    if line is not None:
        assert fault.value.where == ("x", line)


def finding(name: str = "CVE-1", path: str = "", purl: str = "pkg:pypi/flask@2.0") -> Vulnerability:
    return cast(Vulnerability, SimpleNamespace(id=name, path=path, purl=purl))


@pytest.mark.parametrize(
    ("text", "found", "covered"),
    [
        ("statement: x", finding(), True),
        ("statement: x", finding("CVE-11"), False),
        ("purls: ['pkg:pypi/flask']", finding(), True),
        ("purls: ['pkg:pypi/flask@2.0']", finding(), True),
        ("purls: ['pkg:pypi/flask@2']", finding(), False),
        ("purls: ['pkg:pypi/fla']", finding(), False),
        ("purls: ['pkg:deb/debian/x@1']", finding(purl="pkg:deb/debian/x@1?arch=amd64"), True),
        ("paths: [app/a.txt]", finding(path="app/a.txt"), True),
        ("paths: [app/a.txt]", finding(path="b/app/a.txt"), False),
        ("paths: [app/*.txt]", finding(path="app/a.txt"), True),
        ("paths: [app/*]", finding(path="app/b/a.txt"), False),
        ("paths: ['app/**']", finding(path="app/b/a.txt"), True),
        ("paths: ['**/a.txt']", finding(path="app/b/a.txt"), True),
        ("paths: ['**/a.txt']", finding(path="a.txt"), True),
        ("paths: ['a/**/b/**/c']", finding(path="a/x/b/c"), True),
        ("paths: ['**/b/c']", finding(path="a/b/d"), False),
        ("paths: [app/a.txt]", finding(path=""), False),
        ("paths: [nowhere, app/a.txt]", finding(path="app/a.txt"), True),
        ("paths: [app/a.txt]\n    purls: ['pkg:pypi/other']", finding(path="app/a.txt"), False),
    ],
)
def test_what_it_covers(text: str, found: Vulnerability, covered: bool) -> None:
    assert entry(text).covers(found) is covered


def test_a_hostile_pattern_costs_no_more_than_another() -> None:
    hostile = entry("paths: ['" + "**/" * 100 + "x']")
    assert not hostile.covers(finding(path="a/" * 2_000 + "b"))
