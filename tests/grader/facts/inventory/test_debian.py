"""Debian's packages, and those that its lists no longer show."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.inventory import debian
from grader.facts.inventory.debian import STATUS, hidden_packages, installed, parse
from tests.grader.facts.inventory.images import Files, evidence_of, shown


def paragraph(
    name: str, version: str, status: str = "install ok installed", more: str = "Maintainer: D <d@d>\n"
) -> str:
    return f"Package: {name}\nStatus: {status}\n{more}Version: {version}\nDescription: x\n y\n\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("no list\n", []),
        (paragraph("a", "1") + paragraph("b", "2:3-4"), ["a 1", "b 2:3-4"]),
        (paragraph("a", "1", "deinstall ok config-files") + paragraph("b", "1", "install ok unpacked"), []),
        (paragraph("a", "1", "hold ok installed"), ["a 1"]),
        ("Package: a\nVersion: 1\n", ["a 1"]),  # as in distroless
        ("Package: a\n", []),
        ("Package: \nVersion: 1\n", []),
        ("Package:a\nVersion:\t1  \n", ["a 1"]),
        ("Package: a\nVersion: 1\n \t\nPackage: b\nVersion: 2\n", ["a 1", "b 2"]),
        ("package: a\nversion: 1\nVersion: 9\n", ["a 1"]),  # the first, in small letters or not
        ("Package: a\nVersion: 1\n .2\n", ["a 1 .2"]),
        ("Package: a\nDescription: x\n Version: 9\nVersion: 1\n", ["a 1"]),  # a line that goes on begins with a space
    ],
)
def test_a_list(text: str, expected: list[str]) -> None:
    assert [f"{one.name} {one.version}" for one in parse(text)] == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("var/lib/dpkg/status", True),
        ("var/lib/dpkg/status.d/base-files", True),
        ("var/lib/dpkg/status.d/base-files.md5sums", False),
        ("var/lib/dpkg/info/a.list", False),
    ],
)
def test_which_files_are_lists_of_packages(path: str, expected: bool) -> None:
    assert debian.is_list(path) == expected


INFO = "var/lib/dpkg/info"
BASE = {
    "etc/debian_version": "13.1\n",
    "usr/lib/x/libc.so.6": "c",
    "lib": "->usr/lib",
    STATUS: paragraph("libc6", "2.41") + paragraph("tool", "1.0"),
    f"{INFO}/libc6:amd64.list": "/.\n/lib/x/libc.so.6\n/usr/share/doc/libc6/copyright\n",
    f"{INFO}/tool.list": "/.\n/usr/bin/tool\n/usr/bin/tool2\n/etc/tool.conf\n",
    "usr/bin/tool": "t",
    "usr/bin/tool2": "t",
    "etc/tool.conf": "t",
}
LIBC = paragraph("libc6", "2.41")
ONLY_LIBC = {STATUS: LIBC}
TOOL = ("tool 1.0", STATUS, 1)
UP_TO_DATE = paragraph("libc6", "2.41") + paragraph("tool", "9.0")
NO_FILES = {"usr/bin/tool": None, "usr/bin/tool2": None}


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ({}, []),
        ({"x": ""}, []),
        # Honest: removed with its files, brought up to date with new files, or its doc left out.
        (ONLY_LIBC | NO_FILES | {f"{INFO}/tool.list": None, "etc/tool.conf": None}, []),
        (ONLY_LIBC | NO_FILES | {f"{INFO}/tool.list": "/etc/tool.conf\n"}, []),  # its settings are kept
        ({STATUS: UP_TO_DATE, "usr/bin/tool": "n", "usr/bin/tool2": "n"}, []),
        # Cheats.
        (ONLY_LIBC, [TOOL, ("tool", f"{INFO}/tool.list", None)]),
        (ONLY_LIBC | {f"{INFO}/tool.list": None}, [TOOL]),
        ({STATUS: UP_TO_DATE}, [TOOL]),
        ({STATUS: LIBC + paragraph("tool", "1.0", more="Source: none\nMaintainer: D <d@d>\n")}, [TOOL]),
        ({STATUS: LIBC + paragraph("tool", "1.0", more="source: none (9)\nMaintainer: D <d@d>\n")}, [TOOL]),
        ({STATUS: LIBC + paragraph("tool", "1.0", more="Maintainer: Another\n")}, [TOOL]),
        ({STATUS: LIBC + paragraph("tool", "1.0", more="Maintainer: D <d@d>\n x\n")}, [TOOL]),
        # Honest: another state, another line, other blanks.
        ({STATUS: LIBC + paragraph("tool", "1.0", "hold ok installed", "Maintainer:  D  <d@d>\nX: y\n")}, []),
        ({STATUS: paragraph("tool", "1.0")}, [("libc6 2.41", STATUS, 1), ("libc6", f"{INFO}/libc6:amd64.list", None)]),
        (
            {STATUS: paragraph("libc6", "2.41") + paragraph("tool", "1.0", "deinstall ok config-files")},
            [TOOL, ("tool", f"{INFO}/tool.list", None)],
        ),
        ({"var/lib/dpkg": None}, [("libc6 2.41", STATUS, 1), TOOL, ("Debian's packages", STATUS, None)]),
        ({"var/lib/*": None}, [("libc6 2.41", STATUS, 1), TOOL, ("Debian's packages", STATUS, None)]),
        ({STATUS: ""}, [("libc6 2.41", STATUS, 1), TOOL, ("Debian's packages", STATUS, None)]),
    ],
)  # fmt: skip
def test_what_a_later_layer_does_to_the_lists(
    tmp_path: Path, above: Files, expected: list[tuple[str, str, int | None]]
) -> None:
    found = shown(hidden_packages(evidence_of(tmp_path, BASE, above)))
    assert sorted(found, key=str) == sorted(expected, key=str)


MANY = "".join(f"/usr/share/man/{number}\n" for number in range(9))
PARTS = {f"usr/share/man/{number}": "m" for number in range(9)} | {
    "usr/bin/a": "aaa",
    "usr/bin/b": "b",
    "usr/bin/c": "c",
}
WHOLE = {
    STATUS: LIBC + paragraph("tool", "1.0"),
    **PARTS,
    f"{INFO}/tool.list": f"/usr/bin/a\n/usr/bin/b\n/usr/bin/c\n{MANY}",
}
WITHOUT = ONLY_LIBC | {f"{INFO}/tool.list": None, "usr/share/man": None}


@pytest.mark.parametrize(
    ("above", "is_hidden"),
    [
        (WITHOUT, True),
        (WITHOUT | {"usr/bin/b": None}, True),
        (WITHOUT | {"usr/bin/b": None, "usr/bin/c": None}, True),  # the largest is still there
        (WITHOUT | {"usr/bin/a": None}, True),
        (WITHOUT | {"usr/bin/a": None, "usr/bin/b": None}, False),
        (WITHOUT | {"usr/bin": None}, False),
        (WITHOUT | {"usr/bin/a": "new", "usr/bin/b": "new"}, False),  # another package's, by the same name
    ],
)
def test_a_package_of_which_only_some_files_were_removed(tmp_path: Path, above: Files, is_hidden: bool) -> None:
    found = shown(hidden_packages(evidence_of(tmp_path, BASE | WHOLE, above)))
    assert found == ([TOOL] if is_hidden else [])


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    raised = evidence_of(tmp_path, BASE, {STATUS: UP_TO_DATE})
    assert [one.how for one in hidden_packages(raised)] == ["it says 9.0 now"]
    for more, how in (
        ("Source: none\nMaintainer: D <d@d>\n", "it says Source: none now"),
        ("", "it names no Maintainer now"),
    ):
        changed = evidence_of(tmp_path, BASE, {STATUS: LIBC + paragraph("tool", "1.0", more=more)})
        assert [one.how for one in hidden_packages(changed)] == [how]
    gone = evidence_of(tmp_path, BASE, ONLY_LIBC | {f"{INFO}/tool.list": None})
    assert [one.how for one in hidden_packages(gone)] == ["it is gone from the list, but its files are still there"]


@pytest.mark.parametrize(
    ("files", "hidden"),
    [
        ({"etc/debian_version": "13", "usr/lib/x/libc.so.6": ""}, True),
        ({"etc/debian_version": "13", "var/lib/dpkg/info/a.md5sums": ""}, True),
        ({"etc/os-release": "ID=debian", "etc/apt/sources.list": "", "usr/lib/x/libc.so.6": ""}, True),
        ({"etc/os-release": "ID=gobo", "usr/lib/x/libc.so.6": ""}, False),
        ({"etc/debian_version": "13", "bin/app": ""}, False),
        ({"usr/lib/x/libc.so.6": ""}, False),
        ({"etc/debian_version": "13", "usr/lib/x/libc.so.6": "", STATUS: paragraph("a", "1")}, False),
        ({"etc/debian_version": "13", "usr/lib/x/libc.so.6": "", "var/lib/dpkg/status.d/a": "Package: a\nVersion: 1"},
         False),
    ],
)  # fmt: skip
def test_debian_without_any_list(tmp_path: Path, files: Files, hidden: bool) -> None:
    found = shown(hidden_packages(evidence_of(tmp_path, files)))
    assert found == [("Debian's packages", STATUS, None)] * hidden


def test_a_package_of_distroless(tmp_path: Path) -> None:
    part = "var/lib/dpkg/status.d"
    base = {
        f"{part}/tzdata": "Package: tzdata\nVersion: 2025b\n",
        f"{part}/tzdata.md5sums": "0123  usr/share/zoneinfo/UTC\n",
        f"{part}/base": "Package: base\nVersion: 13\n",
        "usr/share/zoneinfo/UTC": "x",
    }
    assert {one.name for one in installed(evidence_of(tmp_path, base))} == {"tzdata", "base"}
    found = shown(hidden_packages(evidence_of(tmp_path, base, {f"{part}/tzdata": None})))
    assert found == [("tzdata 2025b", f"{part}/tzdata", 1)]
