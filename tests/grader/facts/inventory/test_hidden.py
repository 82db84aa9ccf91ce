"""What an image holds and a scanner does not see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.facts.facts import Facts
from grader.facts.inventory import hidden
from grader.facts.inventory.hidden import hidden_packages, hidden_packages_of
from grader.facts.supply.scan import ListedPackage, Scan
from tests.grader.facts.inventory.images import Files, code, image_of, module, shown, wheel, within

FLASK = within("lib", wheel("Flask", "2.2.2", "flask/__init__.py", **{"flask/ctx.py": code("flask/ctx")}))
METADATA = "lib/Flask-2.2.2.dist-info/METADATA"
LODASH = within("app/node_modules", module("lodash", "4.17.11"))
PACKAGE = "app/node_modules/lodash/package.json"
STATUS = "var/lib/dpkg/status"
DEBIAN = {STATUS: "Package: base-files\nVersion: 13.8+deb13u8\n\nPackage: tar\nVersion: 1.35\n"}

READ = {METADATA: ("Flask", "2.2.2"), PACKAGE: ("lodash", "4.17.11")}
"""What a scanner reads in these lists."""


def listed(*names: str) -> tuple[ListedPackage, ...]:
    """What the scanner lists: `debian NAME`, or the path of another list."""
    return tuple(
        ListedPackage(name.removeprefix("debian "), "1", "debian", "", 0, "")
        if name.startswith("debian ")
        else ListedPackage(*READ.get(name, ("x", "1")), "python-pkg", name, 0, "")
        for name in names
    )


def scan(names: Sequence[str], system: str = "") -> Scan:
    return Scan("now", None, system, (), listed(*names), ())


BOTH = ("debian base-files", "debian tar")


@pytest.mark.parametrize(
    ("files", "names", "system", "expected"),
    [
        (FLASK, [METADATA], "", []),
        (FLASK, [], "", [("flask 2.2.2", METADATA, None)]),
        (FLASK | DEBIAN, BOTH, "debian 13.8", [("flask 2.2.2", METADATA, None)]),
        (within("usr/lib/python3/dist-packages", wheel("Flask", "2.2.2", "flask/ctx.py")) | DEBIAN, BOTH, "debian 13.8",
         []),
        (within("usr/lib/python3/dist-packages", wheel("Flask", "2.2.2", "flask/ctx.py")), [], "",
         [("flask 2.2.2", "usr/lib/python3/dist-packages/Flask-2.2.2.dist-info/METADATA", None)]),
        (within("lib", wheel("own", "1", "own/x.py")), [], "", []),  # no advisory knows it
        (LODASH, [PACKAGE], "", []),
        (LODASH, [], "", [("lodash 4.17.11", PACKAGE, None)]),
        (within("app/node_modules", module("own", "1")), [], "", []),
        (DEBIAN, BOTH, "debian 13.8", []),
        (DEBIAN, BOTH[:1], "debian 13.8", [("tar 1.35", STATUS, None)]),
        (DEBIAN, BOTH, "debian 13", []),
        (DEBIAN, BOTH, "debian 12.0", [("the system", "etc/debian_version", None)]),
        (DEBIAN, BOTH, "gobo 12.0", []),
        ({STATUS: "Package: tar\nVersion: 1.35\n"}, BOTH[1:], "debian 12.0", []),
    ],
)  # fmt: skip
def test_what_a_container_sees_and_the_scanner_left_out(
    tmp_path: Path, files: Files, names: Sequence[str], system: str, expected: list[tuple[str, str, int | None]]
) -> None:
    found = hidden_packages(image_of(tmp_path, files), scan(names, system))
    assert shown(iter(found)) == expected


@pytest.mark.parametrize(("name", "version"), [("Flask", "9.0"), ("other", "2.2.2")])
def test_a_list_that_the_scanner_takes_for_another(
    name: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READ, METADATA, (name, version))
    (found,) = hidden_packages(image_of(tmp_path, FLASK), scan([METADATA]))
    assert (found.package, found.how) == ("flask 2.2.2", f"the scanner takes it for {name} {version}")


def test_each_of_the_three_families(tmp_path: Path) -> None:
    layers: list[Files] = [
        FLASK | LODASH | DEBIAN | {"var/lib/dpkg/info/tar.list": "/bin/tar\n", "bin/tar": ""},
        {METADATA: None, PACKAGE: None, STATUS: "Package: base-files\nVersion: 13.8+deb13u8\n"},
    ]
    found = hidden_packages(image_of(tmp_path, *layers), scan(BOTH))
    assert [one.package for one in found] == ["tar 1.35", "tar", "flask 2.2.2", "lodash 4.17.11", "lodash", "flask"]


def test_only_so_many_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "MAX_FOUND", 3)
    files = {STATUS: "\n\n".join(f"Package: p{number}\nVersion: 1" for number in range(9))}
    assert len(hidden_packages(image_of(tmp_path, files), scan([]))) == 3


def test_it_is_found_once_for_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    image = image_of(tmp_path, FLASK)

    def scanned(_facts: Facts, name: str) -> Scan:
        asked.append(name)
        return scan([METADATA] if name == "then" else [])

    monkeypatch.setattr(hidden, "scan_of", scanned)
    monkeypatch.setattr(Facts, "image", image)
    with Facts(None, archive=tmp_path / "image.tar") as facts:
        for _ in range(2):
            assert hidden_packages_of(facts, "then") == ()
            assert [one.package for one in hidden_packages_of(facts, "now")] == ["flask 2.2.2"]
    assert asked == ["then", "now"]
