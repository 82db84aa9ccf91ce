"""Edits: another file for the builder, the same for the tool that reads it."""

from __future__ import annotations

import ast
import json
import os
import tomllib
from pathlib import Path
from xml.dom import minidom

import pytest
import yaml
from packaging.requirements import Requirement

from grader.errors import SubmissionFault
from grader.facts.build import edits
from grader.facts.build.edits import Change, apply


def edited(folder: Path, name: str, content: str | bytes, change: Change = "content") -> bytes:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (1e9, 1e9))
    before = path.stat()
    apply(folder, name, change)
    after = path.stat()
    assert after.st_mtime - before.st_mtime >= 60, "no file system rounds that away"
    assert after.st_mode == before.st_mode
    if change != "touch":
        assert after.st_size != before.st_size
    return path.read_bytes()


SOURCE = 'import os\n\n\nprint("hello")\n'


@pytest.mark.parametrize("change", ["content", "dependency"])
@pytest.mark.parametrize("content", ["", "x = 1", SOURCE, "# only a comment\n"])
def test_python_stays_python(content: str, change: Change, tmp_path: Path) -> None:
    found = edited(tmp_path, "app.py", content, change)
    ast.parse(found)
    assert [line for line in content.splitlines() if line] == [
        line for line in found.decode().splitlines() if line in content and line
    ]


@pytest.mark.parametrize(
    "content",
    ["{}", "{ }\n", '{"a": 1}', ' {\n  "a": {"b": [1, 2]}\n}\n', '{"x-edited": 5}', "[]", "[1, 2]\n", '"text"', "1.5"],
)
def test_json_stays_json(content: str, tmp_path: Path) -> None:
    found = json.loads(edited(tmp_path, "package.json", content))
    before = json.loads(content)
    if isinstance(before, dict):
        assert {name: found[name] for name in before} == before, "what was there wins over what was added"
    else:
        assert found == before


def test_json_by_its_content(tmp_path: Path) -> None:
    assert json.loads(edited(tmp_path, ".babelrc", '{"a": 1}'))["a"] == 1
    assert edited(tmp_path, "broken.json", "{oops").startswith(b"{oops"), "what is no JSON is left to whoever reads it"


def test_other_formats_stay_what_they_are(tmp_path: Path) -> None:
    assert tomllib.loads(edited(tmp_path, "pyproject.toml", "[project]\nname = 'x'\n").decode()) == {
        "project": {"name": "x"}
    }
    assert yaml.safe_load(edited(tmp_path, "config.yaml", "a:\n  - 1")) == {"a": [1]}
    assert minidom.parseString(edited(tmp_path, "index.xml", "<a>b</a>\n")).documentElement.tagName == "a"


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("index.html", b"<!-- "), ("query.sql", b"-- "), ("Jenkinsfile", b"// "), (".gitignore", b"# "),
        ("Dockerfile", b"# "), ("go.mod", b"// "), ("go.sum", b"github.com/"), ("Cargo.lock", b"# "),
    ],
)  # fmt: skip
def test_the_last_line_is_one_of_its_kind(name: str, begins: bytes, tmp_path: Path) -> None:
    found = edited(tmp_path, name, "first")
    assert found.splitlines()[0] == b"first"
    assert found.splitlines()[-1].startswith(begins)


@pytest.mark.parametrize(
    ("name", "content", "kind", "gentler"),
    [
        ("app.py", "x = 1\n", "statement", True),
        ("run", "#!/bin/sh\necho\n", "statement", True),
        ("page.tpl", "<p>\n", "statement", False),
        ("package.json", "{}", "key", False),
        ("go.sum", "", "key", False),
        ("app.toml", "a = 1\n", "comment", False),
        ("broken.py", "def (:\n", "comment", False),
    ],
)
def test_what_a_change_is(name: str, content: str, kind: str, gentler: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    found = apply(tmp_path, name, "content")
    assert found
    assert (found.path, found.before, found.kind, found.gentler) == (name, content.encode(), kind, gentler)
    assert found.after == (tmp_path / name).read_bytes()


def test_a_gentle_change_is_a_comment(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    found = apply(tmp_path, "app.py", "content", gently=True)
    assert found
    assert found.after.removeprefix(SOURCE.encode()).startswith(b"# ")
    assert (found.kind, found.gentler) == ("statement", False)


REQUIREMENTS = [
    ("flask==3.0\n", 0),
    ("# comment\n\nflask>=2  # why\n", 2),
    ("-r other.txt\nflask\n", 1),
    ("flask==3.0 --hash=sha256:00\n", 0),
    ("flask==3.0 \\\n    --hash=sha256:00\n", 0),
    ("flask==3.0; python_version > '3'\n", 0),
    ("a @ https://example.com/a.whl\nflask\r\n", 1),
    ("./local\nflask[async]~=3.0", 1),
]


@pytest.mark.parametrize(("content", "line"), REQUIREMENTS)
def test_a_requirement_gets_a_marker_that_always_holds(content: str, line: int, tmp_path: Path) -> None:
    found = edited(tmp_path, "requirements.txt", content, "dependency").decode()
    before, after = content.split("\n"), found.split("\n")
    assert [number for number, text in enumerate(after) if text != before[number]] == [line]
    requirement = after[line].split(" --hash")[0].split("  #")[0].rstrip("\\\r ")
    old = Requirement(before[line].split(" --hash")[0].split("  #")[0].rstrip("\\\r "))
    new = Requirement(requirement)
    assert (new.name, new.specifier, new.extras) == (old.name, old.specifier, old.extras)
    assert new.marker
    assert new.marker.evaluate() == (old.marker is None or old.marker.evaluate())
    assert after[line].endswith(before[line][-1]) or not before[line].endswith(("\\", "\r"))


@pytest.mark.parametrize(
    "content", ["", "# nothing\n", "-r other.txt\n", "https://example.com/a.whl\n", "flask \\\n  ==3.0\n"]
)
def test_where_no_requirement_can_take_one(content: str, tmp_path: Path) -> None:
    found = edited(tmp_path, "requirements.txt", content, "dependency").decode()
    assert found.startswith(content)


def test_no_two_edits_are_alike(tmp_path: Path) -> None:
    contents = {
        edited(tmp_path, name, "a", change)
        for name in ("a.py", "a.json", "r.txt")
        for change in ("content", "dependency")
        for _ in range(3)
    }  # type: ignore[arg-type]
    assert len(contents) == 18


def test_a_touch_changes_nothing_but_the_time(tmp_path: Path) -> None:
    assert edited(tmp_path, "a.py", SOURCE, "touch") == SOURCE.encode()


def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    (tmp_path / "a.py").chmod(0o555)
    apply(tmp_path, "a.py", "content")
    assert (tmp_path / "a.py").stat().st_mode & 0o777 == 0o555


def test_adding(tmp_path: Path) -> None:
    apply(tmp_path, "notes/new/today.md", "add")
    assert (tmp_path / "notes" / "new" / "today.md").stat().st_size > 0
    (tmp_path / "app.py").write_text("mine")
    apply(tmp_path, "app.py", "add")
    assert (tmp_path / "app.py").read_text() == "mine"
    (added,) = tmp_path.glob("app-*.py")
    ast.parse(added.read_text())


@pytest.mark.parametrize(
    ("path", "change", "says"),
    [
        ("none", "content", "does not exist"),
        ("folder", "content", "not a regular file"),
        ("link", "content", "not a regular file"),
        ("link", "touch", "not a regular file"),
        ("large", "content", "too large"),
        ("link/x/new", "add", "link is not a folder"),
        ("large/new", "add", "large is not a folder"),
    ],
)
def test_what_cannot_be_edited(
    path: str, change: Change, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "MAX_EDITED", 10)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(SubmissionFault, match=says):
        apply(tmp_path, path, change)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("flask==3.0.0\nsix\n", ["flask==3.0.0", "six"]),
        ("# the list\n\nFlask[async]>=2 ; python_version > '3'  # why", ["flask[async]>=2"]),
        ("-r more.txt\nq==1 \\\n    --hash=sha256:00\n", ["q==1"]),
    ],
)
def test_a_gentle_edit_of_a_list_adds_no_word(content: str, names: list[str], tmp_path: Path) -> None:
    made = set()
    for _ in range(5):
        (tmp_path / "requirements.txt").write_text(content)
        found = apply(tmp_path, "requirements.txt", "dependency", gently=True)
        assert found is not None
        assert (found.kind, found.gentler) == ("statement", False)
        text = found.after.decode()
        assert text != content
        assert text.lower().split() == content.lower().split()
        assert set(names) <= set(text.lower().split())
        made.add(text)
    assert len(made) == 5


def test_there_is_a_gentler_edit_of_a_list(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("flask==3.0.0\n")
    found = apply(tmp_path, "requirements.txt", "dependency")
    assert found is not None
    assert found.gentler
