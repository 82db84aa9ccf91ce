"""nbgrader passes files on without the permission to execute; what is graded has it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.exercise import load
from layerwise.classroom.hand_in import HandIn
from layerwise.classroom.layouts import recognise


@pytest.mark.parametrize("lost", [True, False])
def test_scripts_can_be_executed_again(tmp_path: Path, lost: bool) -> None:
    exercise = load("00-hello-image")
    for name, text in (("Dockerfile", "FROM scratch\n"), ("hello.sh", "echo hello\n"), ("more/run", "#!/bin/sh\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    (tmp_path / "link.sh").symlink_to("hello.sh")
    hand_in = HandIn("ada", exercise.name, tmp_path, lost_modes=lost)
    with hand_in.laid_out(exercise) as folder:
        found = {name: bool((folder / name).stat().st_mode & 0o111) for name in ("Dockerfile", "hello.sh", "more/run")}
    assert found == {"Dockerfile": False, "hello.sh": lost, "more/run": lost}
    assert not (tmp_path / "hello.sh").stat().st_mode & 0o111


def test_nbgrader_s_courses_are_known_to_lose_them(tmp_path: Path) -> None:
    (tmp_path / "submitted" / "ada" / "x").mkdir(parents=True)
    assert [one.lost_modes for one in recognise(tmp_path, ["x"]).hand_ins] == [True]


def test_the_exchange_s_secret_is_no_part_of_a_hand_in(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    hand_in = HandIn("ada", "00-hello-image", tmp_path)
    before = hand_in.fingerprint()
    (tmp_path / "submission_secret.txt").write_text("0123")
    assert hand_in.fingerprint() == before
    with hand_in.laid_out(load("00-hello-image")) as folder:
        assert [path.name for path in folder.iterdir()] == ["Dockerfile"]
