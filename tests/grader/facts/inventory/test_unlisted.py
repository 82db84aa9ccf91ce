"""Code of known packages without a list: wherever it is, unless a listed package names it as its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.facts.inventory.unlisted import hidden_packages
from tests.grader.facts.inventory.images import Files, code, evidence_of, module, shown, wheel, within

CTX, POOL, LODASH = code("flask/ctx"), code("urllib3/poolmanager"), code("lodash")
FLASK = within("lib", wheel("Flask", "2.2.2", **{"flask/__init__.py": "", "flask/ctx.py": CTX}))
INFO = "lib/Flask-2.2.2.dist-info"
PIP = within("lib", wheel("pip", "25.3", **{"pip/__init__.py": "", "pip/_vendor/urllib3/poolmanager.py": POOL}))
PIP_INFO = "lib/pip-25.3.dist-info"
VENDORED = "lib/pip/_vendor/urllib3/poolmanager.py"
CODE = ("flask", "lib/flask/ctx.py", 0)
URLLIB3 = ("urllib3", VENDORED, 0)
OWN = json.dumps({"name": "own", "version": "1"})
DPKG = {
    "var/lib/dpkg/status": "Package: python3-pip\nVersion: 1\n",
    "var/lib/dpkg/info/python3-pip.list": "/usr/lib/python3/dist-packages/pip/_vendor/urllib3/poolmanager.py\n",
    "usr/lib/python3/dist-packages/pip/_vendor/urllib3/poolmanager.py": POOL,
}


def without(part: str, files: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if part not in path}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([FLASK], []),
        ([without("dist-info", FLASK)], [CODE]),
        ([FLASK, {INFO: None}], [CODE]),
        ([FLASK, {f"{INFO}/METADATA": ""}], [CODE]),
        ([FLASK, {f"{INFO}/RECORD": None}], []),
        # No folder's name is exempt, nor is one with an __init__.py.
        ([{"app/vendor/flask/ctx.py": CTX}], [("flask", "app/vendor/flask/ctx.py", 0)]),
        ([{"app/__init__.py": "", "app/_vendor/__init__.py": "", "app/_vendor/flask/ctx.py": CTX}],
         [("flask", "app/_vendor/flask/ctx.py", 0)]),
        ([{"flask/ctx.py": CTX}], [("flask", "flask/ctx.py", 0)]),
        ([{"lib/flask/ctx.pyc": CTX}], [("flask", "lib/flask/ctx.pyc", 0)]),
        (
            [{"lib/flask/ctx.py": "", "lib/flask/__pycache__/ctx.cpython-313.pyc": CTX}],
            [("flask", "lib/flask/__pycache__/ctx.cpython-313.pyc", 0)],
        ),
        ([{"app/u3/poolmanager.py": POOL}], [("urllib3", "app/u3/poolmanager.py", 0)]),
        ([{"lib/PIL/Image.py": code("PIL/Image")}], [("pillow", "lib/PIL/Image.py", 0)]),
        ([{"app/flask": "->/data/f", "data/f/ctx.py": CTX}], [("flask", "data/f/ctx.py", 0)]),
        ([{"app/flask/ctx.py": "->/data/1", "data/1": CTX}], [("flask", "app/flask/ctx.py", 0)]),
        # A list next to it is for the folder of its name, and for no other.
        ([FLASK, {"lib/f/ctx.py": CTX}], [("flask", "lib/f/ctx.py", 1)]),
        ([FLASK, {"srv/flask/ctx.py": CTX}], [("flask", "srv/flask/ctx.py", 1)]),
        ([{path.replace("Flask", "Flagon"): text.replace("Flask", "Flagon") for path, text in FLASK.items()}], [CODE]),
        # One's own.
        ([{"app/requests/__init__.py": "", "app/requests/adapters.py": "class Leave: pass\n"}], []),
        ([{"app/flask/ctx.py": "# has_request_context, as in Flask\n"}], []),
        # Two files of one package are one package.
        ([{"x/flask/ctx.py": CTX, "x/flask/app.py": code("flask/app")}], [("flask", "x/flask/app.py", 0)]),
        # An egg.
        ([{"lib/F.egg/EGG-INFO/PKG-INFO": "Name: Flask\nVersion: 1\n", "lib/F.egg/flask/ctx.py": CTX}], []),
    ],
)  # fmt: skip
def test_python(tmp_path: Path, layers: list[Files], expected: list[tuple[str, str, int | None]]) -> None:
    found = shown(hidden_packages(evidence_of(tmp_path, *layers)))
    assert [one[:2] for one in sorted(found)] == [one[:2] for one in sorted(expected)]
    assert [one[2] for one in found] == [one[2] for one in expected]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([PIP], []),
        ([PIP, {f"{PIP_INFO}/RECORD": None}], []),  # it was there, and the package still is
        ([PIP, PIP], []),
        ([{**PIP, f"{VENDORED}c": POOL}, {VENDORED: None}], []),  # compiled, and the source taken out
        ([PIP, {f"{PIP_INFO}/METADATA": None}], [URLLIB3]),
        ([PIP, {PIP_INFO: None}], [URLLIB3]),
        ([without("RECORD", PIP)], [URLLIB3]),
        # Another one put in its place.
        ([PIP, {VENDORED: f"{POOL}# of 1.26.4\n"}], [("urllib3", VENDORED, 1)]),
        ([PIP, {"lib/pip/_vendor/flask/ctx.py": CTX}], [("flask", "lib/pip/_vendor/flask/ctx.py", 1)]),
        # Another package that grew out of a known one.
        ([within("lib", wheel("quart", "0.20", **{"quart/ctx.py": CTX}))], []),
        ([within("lib", wheel("urllib3_future", "2.9", **{"urllib3/poolmanager.py": POOL}))], []),
        # Under the name of a known one it needs a list of that name.
        ([within("lib", wheel("quart", "0.20", **{"flask/ctx.py": CTX}))], [CODE]),
        # JavaScript in a Python package.
        ([within("lib", wheel("board", "1", **{"board/static/lodash.js": LODASH}))], []),
        # Debian's packages.
        ([DPKG], []),
        ([{**DPKG, "var/lib/dpkg/status": "Package: tar\nVersion: 1\n"}],
         [("urllib3", "usr/lib/python3/dist-packages/pip/_vendor/urllib3/poolmanager.py", 0)]),
        ([{**DPKG, "var/lib/dpkg/info/python3-pip.list": "/app/flask/ctx.py\n", "app/flask/ctx.py": CTX}],
         [("flask", "app/flask/ctx.py", 0),
          ("urllib3", "usr/lib/python3/dist-packages/pip/_vendor/urllib3/poolmanager.py", 0)]),
    ],
)  # fmt: skip
def test_what_other_packages_bring_with_them(
    tmp_path: Path, layers: list[Files], expected: list[tuple[str, str, int | None]]
) -> None:
    assert sorted(shown(hidden_packages(evidence_of(tmp_path, *layers)))) == expected


APP = code("flask/app")
TWO = within("lib", wheel("Flask", "2.2.5", **{"flask/ctx.py": CTX, "flask/app.py": APP, "flask/x.py": ""}))
ANOTHER = {"lib/flask/ctx.py": f"{CTX}# old\n", "lib/flask/app.py": f"{APP}# old\n"}


@pytest.mark.parametrize(
    ("layers", "is_hidden"),
    [
        ([TWO], False),
        ([TWO, ANOTHER], True),
        ([TWO | ANOTHER], True),
        ([TWO, {"lib/flask/ctx.py": f"{CTX}# mended\n"}], False),  # one file
        ([TWO, {"lib/flask/x.py": "mine", "lib/flask/y.py": "mine"}], False),
        ([TWO, {"lib/flask/ctx.pyc": f"{CTX}# compiled\n", "lib/flask/app.pyc": APP}], False),
        ([TWO | ANOTHER, {INFO.replace("2.2.2", "2.2.5") + "/RECORD": None}], False),  # cannot be seen
    ],
)
def test_code_of_another_version_under_a_list(tmp_path: Path, layers: list[Files], is_hidden: bool) -> None:
    found = list(hidden_packages(evidence_of(tmp_path, *layers)))
    assert [(one.package, one.path) for one in found] == ([("flask 2.2.5", "lib/flask/ctx.py")] if is_hidden else [])


MODULES = "app/node_modules"
GROWN = json.dumps({"name": "grown", "version": "1"})


def lock(name: str, version: str, digest: str | None = "sha512-x") -> dict[str, str]:
    """npm's hidden lock file; what does not come from a registry has no digest in it."""
    packages = {f"node_modules/{name}": {"version": version, "integrity": digest}}
    return {f"{MODULES}/.package-lock.json": json.dumps({"packages": packages})}


INSTALLED = within(MODULES, {**module("lodash", "4.17.11"), "lodash/lodash.js": LODASH})
PLACE = f"{MODULES}/lodash"


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([INSTALLED], []),
        ([within("app/lib", {**module("lodash", "4.17.11"), "lodash/lodash.js": LODASH})], []),  # the scanner reads it
        ([without(".json", INSTALLED)], [("lodash", PLACE, None)]),
        ([INSTALLED, {f"{PLACE}/package.json": None}], [("lodash", PLACE, None)]),
        ([INSTALLED, {f"{PLACE}/package.json": "{}"}], [("lodash", PLACE, None)]),
        ([{f"{PLACE}/index.js": "// whatever it holds"}], [("lodash", PLACE, None)]),
        ([{f"{PLACE}/README.md": ""}], []),
        ([{f"{MODULES}/own/index.js": ""}], []),
        # Outside of node_modules, under whatever name.
        ([{"app/lib/lodash/lodash.js": LODASH}], [("lodash", "app/lib/lodash/lodash.js", 0)]),
        ([{"app/lib/x/lodash.js": LODASH}], [("lodash", "app/lib/x/lodash.js", 0)]),
        ([{"lodash.js": LODASH}], [("lodash", "lodash.js", 0)]),
        ([{"app/lib/a/lib/core/Axios.js": code("lib/core/Axios")}], [("axios", "app/lib/a/lib/core/Axios.js", 0)]),
        ([{"app/package.json": OWN, "app/lib/lodash/lodash.js": LODASH}], [("lodash", "app/lib/lodash/lodash.js", 0)]),
        ([{"app/lib/lodash/package.json": OWN, "app/lib/lodash/lodash.js": LODASH}],
         [("lodash", "app/lib/lodash/lodash.js", 0)]),
        # Under node_modules with a list of another name.
        ([{f"{MODULES}/own/package.json": OWN, f"{MODULES}/own/lodash.js": LODASH}],
         [("lodash", f"{MODULES}/own/lodash.js", 0)]),
        ([{f"{PLACE}/package.json": OWN, f"{PLACE}/lodash.js": LODASH}], [("lodash", f"{PLACE}/lodash.js", 0)]),
        ([{f"{MODULES}/lodash-es/package.json": '{"name": "lodash-es", "version": "4"}',
           f"{MODULES}/lodash-es/lodash.js": LODASH}], []),
        ([{f"{MODULES}/grown/package.json": GROWN, f"{MODULES}/grown/lodash.js": LODASH}, lock("grown", "1")], []),
        ([{f"{MODULES}/grown/package.json": GROWN, f"{MODULES}/grown/lodash.js": LODASH}, lock("grown", "2")],
         [("lodash", f"{MODULES}/grown/lodash.js", 0)]),
        ([{f"{MODULES}/grown/package.json": GROWN, f"{MODULES}/grown/lodash.js": LODASH}, lock("grown", "1", None)],
         [("lodash", f"{MODULES}/grown/lodash.js", 0)]),
        # What an installed package brings with it.
        ([{f"{MODULES}/own/package.json": OWN, f"{MODULES}/own/vendor/lodash.js": LODASH}], []),
        ([{f"{MODULES}/axios/package.json": '{"name": "axios", "version": "1"}',
           f"{MODULES}/axios/dist/package.json": '{"type": "module"}',
           f"{MODULES}/axios/dist/axios.js": code("axios")}], []),
        # One's own, and what might be a bundle.
        ([{"app/lib/lodash/index.js": "", "app/lib/semver/semver.js": "module.exports = 1\n"}], []),
        ([{"app/dist/index.js": "\n".join((code("lib/index"), code("src/index")))}], []),
    ],
)  # fmt: skip
def test_node(tmp_path: Path, layers: list[Files], expected: list[tuple[str, str, int | None]]) -> None:
    assert shown(hidden_packages(evidence_of(tmp_path, *layers))) == expected
