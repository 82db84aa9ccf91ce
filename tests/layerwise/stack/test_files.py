"""Files written in one step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layerwise.stack import files


@pytest.mark.parametrize(("mode", "kept"), [(0o600, 0o600), (0o666, 0o644)])
def test_it_replaces_a_file(tmp_path: Path, mode: int, kept: int) -> None:
    before = os.umask(0o022)
    try:
        (tmp_path / "a").write_text("a much longer text")
        files.replace(tmp_path / "a", "é", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_text(encoding="utf-8") == "é"
    assert (tmp_path / "a").stat().st_mode & 0o777 == kept
    assert os.listdir(tmp_path) == ["a"]


def test_a_failure_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.replace(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.replace(tmp_path / "none" / "a", "new")
