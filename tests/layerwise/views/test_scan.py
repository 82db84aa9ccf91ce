"""What a scan found, as a notebook shows it. All but the last ask no engine and no scanner."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

import layerwise as lw
from grader.facts.supply.scan import ListedPackage, Scan, Vulnerability
from layerwise.errors import LabError
from layerwise.views.scan import MAX_LAYERS, MAX_ROWS, MAX_SHOWN, Scanned, fixed_in
from tests.layerwise.views.archives import anatomy

LAYERS = ({"var/lib/dpkg/status": b"Package: tar"}, {"app/kitchen.py": b"print(1)"})


def finding(number: int = 1, severity: str = "HIGH", layer: int | None = 1, fixed: str = "2.2.5") -> Vulnerability:
    return Vulnerability(
        id=f"CVE-2023-{number:05}",
        package="Flask",
        installed="2.2.2",
        fixed=fixed,
        severity=severity,
        status="fixed" if fixed else "affected",
        title="A cookie is kept for others",
        ecosystem="python-pkg",
        path="Flask-2.2.2.dist-info/METADATA",
        layer=layer,
        published="2023-05-01",
        purl="pkg:pypi/flask@2.2.2",
        url="https://example.org",
    )


BASE = replace(finding(7, "MEDIUM", 0, ""), package="tar", installed="1.35", ecosystem="debian", path="")


def scanned(*findings: Vulnerability, base: int = 1, day: int = 30, name: str = "now") -> Scanned:
    packages = (ListedPackage("Flask", "2.2.2", "python-pkg", "", 1, "pkg:pypi/flask@2.2.2"),)
    ordered = sorted(findings, key=lambda one: (one.rank, one.package, one.id))
    found = Scan(
        snapshot="then" if name == "then" else "now",
        date=datetime.date(2026, 6, day),
        distribution="debian 13.1",
        layers=(),
        packages=packages,
        findings=tuple(ordered),
    )
    return Scanned(anatomy(*LAYERS, base=base, history=[("", True), ("RUN pip install <all>", True)]), found)


def test_it_says_how_many_and_how_grave() -> None:
    view = scanned(finding(1), finding(2, "CRITICAL"), BASE)
    said = repr(view).splitlines()
    assert said[0] == (
        "test:1, as known on 2026-06-30: 3 findings, 2 critical or high, 1 with no fix yet. "
        "1 package listed. Frozen advisories, for teaching."
    )
    assert said[1:4] == [
        "  ■■■■ CRITICAL    1  1 own",
        "  ■■■□ HIGH        1  1 own",
        "  ■■□□ MEDIUM      1  1 base, 1 no fix yet",
    ]
    html = view._repr_html_()
    assert html.count('class="lw-hollow"') == html.count('class="lw-solid"') - 1 == 1
    for word in ("critical", "high", "medium"):
        assert word in html
    assert "low" not in repr(view)


def test_findings_stand_by_layer_from_the_top_and_by_gravity() -> None:
    said = repr(scanned(finding(1), finding(2, "CRITICAL"), BASE)).splitlines()
    assert [line for line in said if line.startswith("Layer")] == [
        "Layer 2, own: RUN pip install <all>",
        "Layer 1, base: not recorded",
    ]
    assert [line.split()[2] for line in said if line.startswith("  ■") and "CVE" in line] == [
        "CVE-2023-00002",
        "CVE-2023-00001",
        "CVE-2023-00007",
    ]
    assert said[-1].endswith("tar 1.35                           no fix yet")


@pytest.mark.parametrize(
    ("status", "fixed", "said"),
    [
        ("fixed", "2.2.5, 2.3.2", "2.2.5, 2.3.2"),
        ("affected", "", "no fix yet"),
        ("will_not_fix", "", "will not be fixed"),
        ("fix_deferred", "", "fix put off"),
        ("end_of_life", "", "end of life"),
        ("something new", "", "no fix yet"),
    ],
)
def test_what_fixes_it(status: str, fixed: str, said: str) -> None:
    one = replace(finding(fixed=fixed), status=status)
    assert fixed_in(one) == said
    html = scanned(one)._repr_html_()
    assert said in html
    assert ('<tr class="lw-unfixed">' in html) == (not fixed)


def test_without_a_finding_it_says_what_was_read() -> None:
    view = scanned()
    assert (
        repr(view) == "test:1, as known on 2026-06-30: 0 findings. 1 package listed. Frozen advisories, for teaching."
    )
    assert "lw-bar" not in view._repr_html_().partition("</style>")[2]


def test_without_a_base_all_is_its_own() -> None:
    view = scanned(finding(), BASE, base=0)
    assert "base" not in repr(view).partition("\n")[2]


def test_what_is_in_no_layer_is_shown_too() -> None:
    assert "In no single layer\n" in repr(scanned(finding(layer=None)))
    assert "In no single layer" in scanned(finding(layer=None))._repr_html_()


def test_only_those_of_some_severities() -> None:
    view = scanned(finding(1), finding(2, "CRITICAL"), BASE)
    assert [one.id[-1] for one in view.of("CRITICAL", "MEDIUM")] == ["2", "7"]


def test_hostile_texts_are_escaped_and_cut() -> None:
    evil = "<script>alert(1)</script>\x1b[31m" + "x" * 5000
    one = replace(finding(), id=evil, package=evil, installed=evil, fixed=evil, title=evil, severity="UNKNOWN")
    for view in (scanned(one), scanned().versus(scanned(one))):
        html = view._repr_html_().partition("</style>")[2]
        assert "<script" not in html
        assert "\x1b" not in html + repr(view)
        assert len(html) < 20_000
        assert len(repr(view)) < 2_000


def test_many_findings_are_bounded() -> None:
    many = [finding(number, "LOW") for number in range(5000)]
    view = scanned(*many)
    assert f"  and {5000 - MAX_SHOWN:,} more" in repr(view)
    html = view._repr_html_()
    assert html.count("<code>CVE-") == MAX_SHOWN + MAX_ROWS
    assert f"and {5000 - MAX_ROWS:,} more" in html
    assert MAX_LAYERS < 127


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ([finding(1), finding(2)], [finding(2)], ["− 1 finding only in the first", "= 1 finding in both"]),
        ([], [finding(1)], ["+ 1 finding only in the second"]),
        ([finding(1)], [replace(finding(1), installed="2.2.4", layer=0, package="flask")], ["= 1 finding in both"]),
        ([], [], ["= 0 findings in either"]),
    ],
)
def test_two_scans(before: list[Vulnerability], after: list[Vulnerability], lines: list[str]) -> None:
    view = scanned(*before, name="then", day=1).versus(scanned(*after))
    said = repr(view)
    assert [line for line in said.splitlines()[1:] if line and line[0] in "−+="] == lines
    html = view._repr_html_()
    for line in lines:
        assert line in html
    assert said.startswith("First test:1, as known on 2026-06-01; second test:1, as known on 2026-06-30.")
    assert "The same image, to the byte." in said


def test_an_unknown_snapshot_is_said_in_one_line() -> None:
    with pytest.raises(LabError, match="there is no snapshot 'tomorrow': it is 'then' or 'now'"):
        lw.scan("soup:1", snapshot="tomorrow")


@pytest.mark.lab
def test_a_base_image_of_the_lab() -> None:
    view = lw.scan("localhost:5000/base/python:3.13-slim")
    ids = {one.id for one in view.findings}
    assert "CVE-2025-45582" in ids, "tar, of Debian 13"
    earlier = lw.scan("localhost:5000/base/python:3.13-slim", snapshot="then")
    assert {one.id for one in view.findings} > {one.id for one in earlier.findings}
    assert {one.id for one in earlier.versus(view).new} == ids - {one.id for one in earlier.findings}


@pytest.mark.engine
def test_no_such_image_is_said_in_one_line() -> None:
    with pytest.raises(LabError, match="the engine has no image 'soup:no-such'"):
        lw.scan("soup:no-such")
