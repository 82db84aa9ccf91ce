"""Private temporary folders: gone at the end, whatever happens, and swept if their process died."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.lib import owner
from grader.lib.scratch import PREFIX, private_folder, remove_tree, sweep


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, so that what is left behind shows."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_it_is_private_named_after_its_process_and_goes(temp: Path) -> None:
    with private_folder() as folder, private_folder() as another:
        assert folder != another
        assert folder.parent == temp
        assert folder.name.startswith(f"{PREFIX}{owner.mark()}-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "a").mkdir()
        (folder / "a" / "b").write_text("x")
    assert not list(temp.iterdir())


def test_it_goes_also_if_the_block_fails_or_removes_it_itself(temp: Path) -> None:
    with pytest.raises(KeyboardInterrupt), private_folder():
        raise KeyboardInterrupt
    with private_folder() as folder:
        folder.rmdir()
    assert not list(temp.iterdir())


def test_no_room_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with pytest.raises(GraderError, match="cannot make a temporary folder in /proc/none: "), private_folder():
        pass


@pytest.mark.parametrize(
    "modes",
    [
        {"a/b": 0o000, "a": 0o000},
        {"a/b": 0o500, "a": 0o500},
        {"a/b/file": 0o000, "a": 0o100},
        {".": 0o500},
    ],
)
def test_whatever_the_modes_are(temp: Path, modes: dict[str, int]) -> None:
    folder = temp / "x"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    for name, mode in modes.items():
        (folder / name).chmod(mode)
    remove_tree(folder)
    assert not folder.exists()


def test_what_a_link_in_it_leads_to_stays(temp: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    (temp / "x").mkdir()
    (temp / "x" / "link").symlink_to(tmp_path / "mine")
    (temp / "x" / "file").symlink_to(tmp_path / "mine" / "file")
    remove_tree(temp / "x")
    assert not (temp / "x").exists()
    assert (tmp_path / "mine" / "file").exists()


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_what_is_no_folder(temp: Path, name: str) -> None:
    (temp / "file").write_text("x")
    remove_tree(temp / name)
    assert not (temp / name).exists()


def test_what_a_dead_process_left_is_swept(temp: Path) -> None:
    host, pid, start = owner.mark().split("-")
    dead = temp / f"{PREFIX}{host}-{pid}-{int(start) - 1}-x"
    alive = temp / f"{PREFIX}{owner.mark()}-x"
    foreign = temp / f"{PREFIX}{'0' * 12}-1-1-x"
    for folder in (dead, alive, foreign):
        (folder / "submission").mkdir(parents=True)
    sweep()
    assert not dead.exists()
    assert alive.exists()
    assert foreign.exists()


def test_a_link_in_place_of_a_stale_folder_is_not_followed(temp: Path, tmp_path: Path) -> None:
    host, pid, start = owner.mark().split("-")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    (temp / f"{PREFIX}{host}-{pid}-{int(start) - 1}-x").symlink_to(tmp_path / "mine")
    sweep()
    assert (tmp_path / "mine" / "file").exists()


def test_a_file_by_that_name_and_what_has_another_name_stay(temp: Path) -> None:
    host, pid, start = owner.mark().split("-")
    dead = f"{host}-{pid}-{int(start) - 1}-x"
    (temp / f"{PREFIX}{dead}").touch()
    (temp / dead).mkdir()
    sweep()
    assert len(list(temp.iterdir())) == 2
