"""Node's packages, and those whose package.json was removed or changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.facts.inventory.node import hidden_packages, is_installed, known, parse
from tests.grader.facts.inventory.images import Files, evidence_of, module, shown, within

LODASH = "app/node_modules/lodash"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (f"{LODASH}/package.json", '{"name": "lodash", "version": "4.17.11"}', (LODASH, "lodash", "4.17.11")),
        ("node_modules/@a/b/package.json", '{"name": "@a/b", "version": "1"}', ("node_modules/@a/b", "@a/b", "1")),
        (f"{LODASH}/package.json", '{"name": "lodash"}', None),
        (f"{LODASH}/package.json", '{"name": "", "version": "1"}', None),
        (f"{LODASH}/package.json", '{"name": ["lodash"], "version": "1"}', None),
        (f"{LODASH}/package.json", "{", None),
        (f"{LODASH}/package.json", "[" * 100_000, None),
        (f"{LODASH}/package.json", "[]", None),
        (f"{LODASH}/lib/package.json", '{"name": "lodash", "version": "1"}', (f"{LODASH}/lib", "lodash", "1")),
        ("app/package.json", '{"name": "app", "version": "1"}', ("app", "app", "1")),
        ("package.json", '{"name": "app", "version": "1"}', ("", "app", "1")),
        ("app/package.json.old", '{"name": "app", "version": "1"}', None),
        ("app/package-lock.json", '{"name": "app", "version": "1"}', None),
    ],
)
def test_a_package_json(path: str, text: str, expected: tuple[str, str, str] | None) -> None:
    listed = parse(path, text)
    assert (listed and listed[:3]) == expected


def test_what_the_advisories_know() -> None:
    assert "lodash" in known()


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("app/node_modules/lodash", True),
        ("node_modules/@a/b", True),
        ("app/node_modules/a/node_modules/b", True),
        ("app/node_modules/a/lib", False),
        ("app/node_modules", False),
        ("app/lib/lodash", False),
        ("", False),
    ],
)
def test_what_was_installed(folder: str, expected: bool) -> None:
    assert is_installed(folder) == expected


OLD, NEW = (
    within("app/node_modules", module("lodash", "4.17.11")),
    within("app/node_modules", module("lodash", "4.17.21")),
)
APP = {"app/package.json": '{"name": "app", "version": "1"}', "app/index.js": "// app"}
GONE = {f"{LODASH}/package.json": None}
HIDDEN = [("lodash 4.17.11", f"{LODASH}/package.json", None)]
FALSE = {f"{LODASH}/package.json": '{"name": "lodash", "version": "9.9.9"}'}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([OLD], []),
        ([OLD, {"x": ""}], []),
        ([OLD, {LODASH: None}], []),
        ([OLD, {LODASH: None}, NEW], []),
        ([OLD, {f"{LODASH}/index.js": "// other\n", f"{LODASH}/lib/a.js": "// b\n"} | FALSE], []),
        ([OLD, GONE], HIDDEN),
        ([OLD, GONE | {f"{LODASH}/index.js": "// LODASH\n", f"{LODASH}/lib/a.js": "// A\n"}], HIDDEN),
        ([OLD, FALSE], HIDDEN),
        ([OLD, {f"{LODASH}/package.json": ""}], HIDDEN),
        ([OLD, {f"{LODASH}/package.json": '{"name": "other", "version": "4.17.11"}'}], HIDDEN),
        # Outside of node_modules: an app may do with its own package.json what it likes.
        ([APP, {"app/package.json": None}], []),
        ([APP, {"app/package.json": '{"name": "app", "version": "2"}'}], []),
        ([within("app/lib", module("lodash", "4.17.11")), {"app/lib/lodash/package.json": None}],
         [("lodash 4.17.11", "app/lib/lodash/package.json", None)]),
    ],
)  # fmt: skip
def test_what_is_hidden(tmp_path: Path, layers: list[Files], expected: list[tuple[str, str, int | None]]) -> None:
    assert shown(hidden_packages(evidence_of(tmp_path, *layers))) == expected


def lock(packages: object) -> Files:
    return {"app/node_modules/.package-lock.json": json.dumps({"packages": packages})}


@pytest.mark.parametrize(
    ("packages", "hidden"),
    [
        ({"node_modules/lodash": {"version": "4.17.11"}}, []),
        ({"node_modules/lodash": {"version": "4.17.21"}}, ["lodash 4.17.21"]),
        ({"node_modules/lodash": {"version": "4.17.11", "name": "other"}}, ["other 4.17.11"]),
        ({"node_modules/other": {"version": "1"}}, []),
        ({"node_modules/lodash": {}}, []),
        ({"node_modules/lodash": []}, []),
        ({"": {"name": "app", "version": "1"}}, []),
        ([], []),
    ],
)
def test_what_npm_wrote_down_when_it_installed(tmp_path: Path, packages: object, hidden: list[str]) -> None:
    found = hidden_packages(evidence_of(tmp_path, {**OLD, **lock(packages)}))
    assert [one.package for one in found] == hidden
