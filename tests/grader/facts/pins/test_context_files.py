"""The build context as COPY, ADD and mounts read it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from grader.facts.context.build_context import Type
from grader.facts.pins import context_files as module
from grader.facts.pins.context_files import ABSENT, ContextFiles, Found, Unknown
from tests.grader.facts.pins.reading import context


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name in names:
            file.addfile(tarfile.TarInfo(name))
    return buffer.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> ContextFiles:
    content = {
        "a": "text",
        "sub/b": b"\xef\xbb\xbfmarked \xff",
        "held": "x",
        ".dockerignore": "held\n",
        "a.tgz": archive("x", "./y/z", "../up"),
        "broken.tgz": b"\x1f\x8bno",
        "plain.txt": "no archive",
    }
    return ContextFiles(context(tmp_path, content))


def test_what_a_file_holds(files: ContextFiles) -> None:
    assert files.read("/a", "/app/a") == Found("text", "a")
    assert files.read("/sub/b", "/b") == Found("marked \ufffd", "sub/b")


@pytest.mark.parametrize(
    ("source", "why", "absent"),
    [
        ("/none", ABSENT, True),
        ("/sub", ABSENT, True),
        ("/", ABSENT, True),
        ("/held", ".dockerignore excludes held", False),
    ],
)
def test_what_is_not_known_and_why(files: ContextFiles, source: str, why: str, absent: bool) -> None:
    found = files.read(source, "/app/x")
    assert isinstance(found, Unknown)
    assert (found.path, found.absent) == ("/app/x", absent)
    assert found.why.startswith(why[:14])


def test_one_that_is_too_large(files: ContextFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE", 3)
    found = files.read("/a", "/a")
    assert isinstance(found, Unknown)
    assert not found.absent


def test_what_is_where(files: ContextFiles) -> None:
    assert [files.type(path) for path in ("/a", "/sub", "/held", "/none")] == [Type.FILE, Type.FOLDER, Type.FILE, None]


def test_wildcards(files: ContextFiles) -> None:
    assert files.matching("/*.t*") == ["/a.tgz", "/broken.tgz", "/plain.txt"]
    assert files.matching("/sub/?") == ["/sub/b"]


def test_what_add_unpacks(files: ContextFiles) -> None:
    assert files.members("/a.tgz") == {"/x", "/y/z", "/up"}
    for source in ("/broken.tgz", "/plain.txt", "/a", "/none.tgz"):
        assert files.members(source) == frozenset()


def test_a_file_is_read_once(files: ContextFiles, tmp_path: Path) -> None:
    first = files.read("/a", "/a")
    (tmp_path / "a").write_text("changed")
    assert files.read("/a", "/a") is first
