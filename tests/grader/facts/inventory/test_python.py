"""Python's packages, and those whose lists were removed or changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.inventory.python import hidden_packages, parse
from tests.grader.facts.inventory.images import Files, evidence_of, shown, wheel, within

FIELDS = "Metadata-Version: 2.1\nName: Flask\nVersion: 2.2.2\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("lib/Flask-2.2.2.dist-info/METADATA", FIELDS, ("lib", "flask", "2.2.2")),
        ("Flask-2.2.2.dist-info/METADATA", FIELDS, ("", "flask", "2.2.2")),
        ("lib/Flask.egg-info/PKG-INFO", FIELDS, ("lib", "flask", "2.2.2")),
        ("lib/Flask-2.2.2-py3.11.egg-info", FIELDS, ("lib", "flask", "2.2.2")),
        ("lib/Flask-2.2.2.dist-info/METADATA", FIELDS.replace("\n", "\r\n"), ("lib", "flask", "2.2.2")),
        ("lib/Flask-2.2.2-py3.11.egg/EGG-INFO/PKG-INFO", FIELDS, ("lib/Flask-2.2.2-py3.11.egg", "flask", "2.2.2")),
        ("EGG-INFO/PKG-INFO", FIELDS, None),
        ("lib/x.dist-info/METADATA", "Name: a_b.C\nVersion: 1\nVersion: 2\nName: d\n", ("lib", "a-b-c", "1")),
        ("lib/x.dist-info/METADATA", "Name: a\n\nVersion: 1\n", None),  # behind the empty line is the description
        ("lib/x.dist-info/METADATA", "Version: 1\n", None),
        ("lib/x.dist-info/METADATA", "", None),
        ("lib/x.dist-info/RECORD", FIELDS, None),
        ("lib/flask/METADATA", FIELDS, None),
    ],
)
def test_a_list(path: str, text: str, expected: tuple[str, str, str] | None) -> None:
    listed = parse(path, text)
    assert (listed and listed[:3]) == expected


OLD = within("lib", wheel("Flask", "2.2.2", "flask/__init__.py", "flask/ctx.py", "flask/app.py"))
NEW = within("lib", wheel("Flask", "2.2.5", "flask/__init__.py", "flask/ctx.py", "flask/app.py", "flask/new.py"))
OWN = within("lib", wheel("own", "1.0", "own/__init__.py", "own/code.py"))
INFO = "lib/Flask-2.2.2.dist-info"
METADATA = f"{INFO}/METADATA"
NEW_METADATA = METADATA.replace("2.2.2", "2.2.5")
HIDDEN = ("flask 2.2.2", METADATA, 1)
REWRITTEN = {path: text.upper() for path, text in OLD.items() if path.endswith(".py")}


def without(part: str, files: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in files.items() if part not in path}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([OLD], []),
        ([OLD, {"x": ""}], []),
        ([OLD, {INFO: None, "lib/flask": None}], []),
        ([OLD, {"lib/*": None}], []),
        ([OLD, {"lib": None}, NEW], []),
        ([OLD, {INFO: None, **NEW, "lib/flask/ctx.py": "# new", "lib/flask/app.py": "# new",
                "lib/flask/__init__.py": "# new"}], []),
        ([OLD, {"lib": None, **within("srv", OLD)}], []),  # moved, with its list
        ([OLD, OLD], []),
        # The list is gone or says something else, and the code is still the same.
        ([OLD, {INFO: None}], [HIDDEN]),
        ([OLD, {f"{INFO}/*": None}], [HIDDEN]),
        ([OLD, {METADATA: None}], [HIDDEN]),
        ([OLD, {METADATA: ""}], [HIDDEN]),
        ([OLD, {INFO: None, **REWRITTEN}], [HIDDEN]),  # a change of owner, say
        ([OLD, {METADATA: FIELDS.replace("2.2.2", "9")}], [HIDDEN, ("flask 2.2.2", METADATA, 1)]),
        ([OLD, {METADATA: FIELDS.replace("Flask", "Flagon")}], [HIDDEN, ("flask 2.2.2", METADATA, 1)]),
        ([OLD, {METADATA: None}, {METADATA: OLD[METADATA]}], []),
        ([OLD, {INFO: None}, NEW], []),
        ([OLD, {INFO: None, NEW_METADATA: NEW[NEW_METADATA]}], [("flask 2.2.2", METADATA, 1)]),
        ([OWN, {"lib/own-1.0.dist-info": None}], [("own 1.0", "lib/own-1.0.dist-info/METADATA", 1)]),
        # Without a record the code is what is in the folder of its name.
        ([without("RECORD", OLD), {INFO: None}], [HIDDEN]),
        ([{**OLD, f"{INFO}/RECORD": '"'}, {INFO: None}], []),
    ],
)  # fmt: skip
def test_what_is_hidden(tmp_path: Path, layers: list[Files], expected: list[tuple[str, str, int | None]]) -> None:
    found = shown(hidden_packages(evidence_of(tmp_path, *layers)))
    assert sorted(found, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize(
    ("folder", "name", "version", "agrees"),
    [
        ("flask-2.2.2", "Flask", "2.2.2", True),
        ("flask-2.2.2rc1", "Flask", "2.2.2-rc1", True),
        ("flask-2.2", "Flask", "2.2.0", True),
        ("flask-2.2.2_local", "Flask", "2.2.2+local", True),
        ("flask-dev_x", "Flask", "dev-x", True),
        ("flask-2.2.2", "Flask", "2.2.3", False),
        ("flask-2.2.2", "Flask", "2.2.2.post1", False),
        ("flask-2.2.2", "Flask", "dev", False),
        ("flask-2.2.2", "Flask", "9" * 5_000, False),
        ("flask-2.2.2", "Flagon", "2.2.2", False),
        ("flask", "Flask", "2.2.2", True),
        ("own-1", "own", "2", True),  # no advisory knows either
    ],
)
def test_a_folder_named_after_its_list(tmp_path: Path, folder: str, name: str, version: str, agrees: bool) -> None:
    files = {f"lib/{folder}.dist-info/METADATA": f"Name: {name}\nVersion: {version}\n"}
    assert (not list(hidden_packages(evidence_of(tmp_path, files)))) == agrees


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ({}, []),
        ({METADATA: OLD[METADATA] + "Summary: what was added\n"}, ["it is not the one that was installed"]),
        ({METADATA: OLD[METADATA] + "Summary: what was added\n", f"{INFO}/RECORD": "x,,\n"}, []),
        ({f"{INFO}/RECORD": OLD[f"{INFO}/RECORD"].replace("sha256=", "sha1=")}, []),
        ({f"{INFO}/RECORD": f"\n{OLD[f'{INFO}/RECORD']}"}, []),
    ],
)
def test_a_list_and_the_record_of_what_was_installed(tmp_path: Path, change: dict[str, str], how: list[str]) -> None:
    assert [one.how for one in hidden_packages(evidence_of(tmp_path, OLD | change))] == how
