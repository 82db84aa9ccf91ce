"""Files go into the folder they are meant for, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerwise.classroom import folder
from layerwise.errors import InputError, LabError


def test_files_are_written_and_replaced(tmp_path: Path) -> None:
    top = tmp_path / "out"
    folder.write(top, {"a/b/c.txt": "one\r\n", "d.txt": "é"})
    folder.write(top, {"d.txt": "two"})
    assert (top / "a/b/c.txt").read_bytes() == b"one\r\n"
    assert (top / "d.txt").read_text() == "two"
    assert sorted(path.name for path in top.iterdir()) == ["a", "d.txt"]


def test_a_link_in_place_of_a_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    top = tmp_path / "out"
    top.mkdir()
    (top / "a.txt").symlink_to(tmp_path / "precious")
    folder.write(top, {"a.txt": "new"})
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (top / "a.txt").is_symlink()


@pytest.mark.parametrize("path", ["inner/a.txt", "a.txt"])
def test_a_link_in_place_of_a_folder_is_refused(tmp_path: Path, path: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    top = tmp_path / "out"
    if "/" in path:
        top.mkdir()
        (top / "inner").symlink_to(elsewhere)
    else:
        top.symlink_to(elsewhere)
    with pytest.raises(LabError, match="cannot write"):
        folder.write(top, {path: "new"})
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "empty", "why"),
    [
        (lambda top: None, True, ""),
        (lambda top: top.mkdir(), True, ""),
        (lambda top: (top.mkdir(), (top / "x").touch()), False, ""),
        (lambda top: (top.mkdir(), (top / "x").touch()), True, "is not empty"),
        (lambda top: top.touch(), False, "is not one"),
        (lambda top: top.symlink_to("."), False, "is a link"),
    ],
)
def test_what_can_be_written_into(tmp_path: Path, make: object, empty: bool, why: str) -> None:
    top = tmp_path / "out"
    make(top)  # type: ignore[operator]
    if why:
        with pytest.raises(InputError, match=why):
            folder.check("-o", top, empty=empty)
    else:
        folder.check("-o", top, empty=empty)


def test_a_folder_needs_one_to_be_in(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        folder.check("-o", tmp_path / "a" / "b", empty=True)
