"""What of a folder reaches its builder: walked, sized, and read through links that stay inside."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from grader.errors import SubmissionFault
from grader.facts.context.build_context import MAX_LINKS, BuildContext, Entry, Type

Make = Callable[..., BuildContext]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a context of files (text, or `-> TARGET` for a link) with an ignore file."""

    def context(files: Mapping[str, str], ignore: str | None = None, dockerfile: str | None = None) -> BuildContext:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(content[3:]) if content.startswith("-> ") else path.write_text(content)
        if ignore is not None:
            (tmp_path / ".dockerignore").write_text(ignore)
        return BuildContext(tmp_path, tmp_path / dockerfile if dockerfile else None)

    return context


def test_what_is_sent_and_what_is_held_back(make: Make) -> None:
    context = make({"a": "123", "b/c": "45", "b/d": "6", "link": "-> a", "x/y/z": "7"}, "b\n!b/d\nx\n")
    assert [(entry.path, str(entry.type), entry.bytes) for entry in context.sent] == [
        (".dockerignore", "file", 9),
        ("a", "file", 3),
        ("b", "folder", 0),
        ("b/d", "file", 1),
        ("link", "link", 0),
    ]
    assert context.size == 13
    assert [(held.entry.path, held.rule.line) for held in context.held] == [("b", 1), ("x", 3)], "the topmost only"
    assert {entry.path for entry in context.everything} >= {"b/c", "x/y/z"}


def test_a_device_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "socket"))
        context = BuildContext(tmp_path)
        assert [entry.type for entry in context.sent] == [Type.OTHER, Type.OTHER]
        assert context.read("pipe", 10) is None, "and reading it does not wait for a writer"


@pytest.mark.parametrize(
    ("files", "dockerfile", "in_force", "held"),
    [
        ({}, None, None, []),
        ({".dockerignore": "a"}, None, ".dockerignore", ["a"]),
        ({".dockerignore": "a", "Dockerfile.dockerignore": "b"}, None, "Dockerfile.dockerignore", ["b"]),
        ({".dockerignore": "a", "web.dockerignore": "b"}, "web", "web.dockerignore", ["b"]),
        ({".dockerignore": "a", "sub/web.dockerignore": ""}, "sub/web", "sub/web.dockerignore", []),
        ({".dockerignore": "a", "web.dockerignore": "b"}, "other", ".dockerignore", ["a"]),
        ({"rules": "a", ".dockerignore": "-> rules"}, None, ".dockerignore", ["a"]),
        ({"rules": "a", ".dockerignore": "-> /rules"}, None, ".dockerignore", ["a"]),
        ({".dockerignore": "-> nowhere"}, None, None, []),
        ({".dockerignore": "-> .dockerignore"}, None, None, []),
        ({".dockerignore/file": "a"}, None, None, []),
    ],
)  # fmt: skip
def test_the_ignore_file_in_force(
    make: Make, files: Mapping[str, str], dockerfile: str | None, in_force: str | None, held: list[str]
) -> None:
    context = make({"a": "", "b": ""} | files, dockerfile=dockerfile)
    assert (context.ignore_file, [each.entry.path for each in context.held]) == (in_force, held)


def test_an_ignore_file_that_buildkit_refuses(make: Make) -> None:
    context = make({"a": ""}, "a\n[")
    with pytest.raises(SubmissionFault, match=r"\.dockerignore, line 2"):
        _ = context.sent
    assert [entry.path for entry in context.everything] == [".dockerignore", "a"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a", b"12345678"),
        ("./b/../a", b"12345678"),
        ("link", b"12345678"),
        ("b/up", b"12345678"),
        ("b/absolute", b"12345678"),
        pytest.param("outside", None, id="a link out of the context leads to what has that name inside"),
        ("folder-link/c", b"c"),
        ("b", None),
        ("nowhere", None),
        ("a/b", None),
        ("loop", None),
        ("dangling", None),
        pytest.param("held", None, id="the ignore file holds it back"),
        pytest.param("to-held", None, id="and what leads to it"),
        ("a\0b", None),
        ("../a", b"12345678"),
    ],
)
def test_reading_a_file(make: Make, path: str, content: bytes | None) -> None:
    context = make(
        {"a": "123456789", "b/c": "c", "b/up": "-> ../a", "b/absolute": "-> /a", "link": "-> b/up", "loop": "-> loop",
         "folder-link": "-> b", "dangling": "-> nope", "outside": "-> ../../../etc/passwd", "held": "x",
         "to-held": "-> held"},
        "held\n",
    )  # fmt: skip
    assert context.read(path, 8) == content


def test_links_are_followed_only_so_far(make: Make) -> None:
    chain = {f"l{number}": f"-> l{number + 1}" for number in range(MAX_LINKS + 1)} | {f"l{MAX_LINKS + 1}": "end"}
    context = make(chain)
    assert context.read("l1", 3) == b"end"
    assert context.read("l0", 3) is None


def test_find_says_what_is_there_sent_or_not(make: Make) -> None:
    context = make({"a/b": "xy", "link": "-> a"}, "a\n")
    assert context.find("link/b") == Entry("a/b", Type.FILE, 2)
    assert context.find("a/") == Entry("a", Type.FOLDER, 0)
    assert (context.find("b"), context.find("a/b/c"), context.find("\0")) == (None, None, None)
    assert context.outcome("a/not/there").held


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["1.txt", "2.txt"]),
        ("?.txt", ["1.txt", "2.txt"]),
        ("[1]*", ["1.txt"]),
        ("sub/*.txt", ["sub/3.txt"]),
        ("*/3.txt", ["link/3.txt", "sub/3.txt"]),
        ("**/3.txt", ["link/3.txt", "sub/3.txt"]),
        pytest.param("**.txt", ["1.txt", "2.txt"], id="two stars are one to COPY"),
        ("sub", ["sub"]),
        ("nowhere", []),
        ("1.txt/*", []),
        ("[", []),
        ("./sub//*", ["sub/3.txt"]),
        ("\\1.txt", []),
    ],
)
def test_what_a_wildcard_of_copy_names(make: Make, pattern: str, found: list[str]) -> None:
    context = make({"1.txt": "", "2.txt": "", "sub/3.txt": "", "link": "-> sub", "x.md": ""}, "2.txt\n")
    assert context.matching(pattern, 100) == found
    assert context.matching(pattern, 1) == found[:1]


def test_a_folder_that_cannot_be_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    context = make({"secret/x": ""})

    def scandir(path: Path) -> None:  # root reads everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(SubmissionFault, match=r"the folder \. of the build context cannot be read: Permission denied"):
        _ = context.sent
