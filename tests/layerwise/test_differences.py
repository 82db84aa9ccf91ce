"""How two folders differ, whatever is in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layerwise.differences import MAX_FILES, FileDifference, compare


def folder(path: Path, **files: str | bytes) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("mine", "ours", "lines", "words"),
    [
        ("a\n", "a\n", (), None),
        ("a\nb\n", "a\nc\n", ((" ", "a"), ("-", "b"), ("+", "c")), ""),
        ("", "a\n", (("+", "a"),), ""),
        ("a", "a\n", (), "differs in its line ends only"),
        ("a\r\n", "a\n", (), "differs in its line ends only"),
        ("\0", "a", (), "differs, and is not text"),
        (b"\xff", "a", (("-", "\ufffd"), ("+", "a")), ""),
        ("x" * 70_000, "a", (), "too large to compare here"),
        ("x\n" * 1001, "a", (), "has too many lines to compare here"),
        (
            "\n".join("abcdefghijk"),
            "\n".join("abcdefghijK"),
            (("…", ""), (" ", "h"), (" ", "i"), (" ", "j"), ("-", "k"), ("+", "K")),
            "",
        ),
    ],
)
def test_one_file(tmp_path: Path, mine: str | bytes, ours: str, lines: tuple[object, ...], words: str | None) -> None:
    found = compare(folder(tmp_path / "a", file=mine), folder(tmp_path / "b", file=ours), "Dockerfile", "only mine")
    assert found == ([] if words is None else [FileDifference("file", lines, words)])  # type: ignore[arg-type]


def test_the_dockerfile_is_first_and_what_only_one_has_is_told(tmp_path: Path) -> None:
    mine = folder(tmp_path / "a", Dockerfile="FROM a\n", a="1", notes="2")
    ours = folder(tmp_path / "b", Dockerfile="FROM b\n", a="1", b="3\n", c="")
    found = compare(mine, ours, "Dockerfile", "only mine")
    assert [(one.path, one.lines, one.words) for one in found] == [
        ("Dockerfile", (("-", "FROM a"), ("+", "FROM b")), ""),
        ("b", (("+", "3"),), ""),
        ("c", (), "empty"),
        ("notes", (), "only mine"),
    ]


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    mine = folder(tmp_path / "a")
    (mine / "link").symlink_to("/etc/passwd")
    (mine / "loop").symlink_to(mine)
    os.mkfifo(mine / "pipe")
    assert compare(mine, folder(tmp_path / "b"), "Dockerfile", "only mine") == []


def test_many_files_are_not_all_shown(tmp_path: Path) -> None:
    mine = folder(tmp_path / "a", **{f"f{number:03}": "x" for number in range(200)})
    assert len(compare(mine, folder(tmp_path / "b"), "Dockerfile", "only mine")) == MAX_FILES
