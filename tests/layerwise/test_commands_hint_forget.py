"""`lab hint` and `lab forget`, by the real command."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from layerwise.progress import Progress


def test_hints_come_one_at_a_time_and_then_all_of_them_again(lab):
    first, second, all_of_them = (lab("hint", "01-tiny") for _ in range(3))
    assert [ended.status for ended in (first, second, all_of_them)] == [0, 0, 0]
    assert first.out == "Hint 1 of 2\na nudge\n\n"
    assert second.out == "Hint 2 of 2\nLook at the USER in the Dockerfile.\n\n"
    assert all_of_them.out.startswith("Hint 1 of 2\n")
    assert all_of_them.out.endswith("These are all the hints there are.\n")
    assert Progress(lab.home / "progress.sqlite").hints("01-tiny") == [1, 2]


def test_an_exercise_without_hints(lab):
    assert lab("hint", "02-words").out == "02-words has no hints.\n"


def test_a_hint_is_shown_even_if_it_cannot_be_remembered(lab):
    lab.home.mkdir()
    (lab.home / "progress.sqlite").write_text("no database")
    ended = lab("hint", "01-tiny")
    assert ended.status == 0
    assert ended.out.startswith("Hint 1 of 2\n")
    assert ended.err.startswith("lab: warning: ")


def test_an_exercise_that_there_is_not(lab):
    ended = lab("hint", "01-tyni")
    assert ended.status == 2
    assert "did you mean 01-tiny?" in ended.err


class TestForget:
    @pytest.fixture(autouse=True)
    def record(self, lab):
        lab("hint", "01-tiny")
        lab("start", "01-tiny")

    def test_without_a_terminal_it_asks_for_the_option(self, lab):
        ended = lab("forget")
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.count("\n") == 1
        assert ended.err.endswith("lab forget --yes\n")
        assert (lab.home / "progress.sqlite").exists()

    def test_the_record_goes_and_the_work_stays(self, lab):
        ended = lab("forget", "--yes")
        assert (ended.status, ended.out) == (0, "Deleted. Your files in work/ are as they were.\n")
        assert not (lab.home / "progress.sqlite").exists()
        assert (lab.work / "01-tiny" / "Dockerfile").is_file()
        assert lab("forget", "--yes").out == "Nothing is remembered.\n"

    def test_a_damaged_record_can_be_deleted_too(self, lab):
        (lab.home / "progress.sqlite").write_text("no database")
        assert lab("forget", "--yes").status == 0
        assert not (lab.home / "progress.sqlite").exists()

    @pytest.mark.parametrize(("answer", "left"), [("n", True), ("", True), ("y", False)])
    def test_it_asks_first(self, lab, answer, left):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "layerwise.cli", "forget"]
        process = subprocess.Popen(command, env=lab.env, stdin=theirs, stdout=subprocess.PIPE, text=True)
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        out, _ = process.communicate(timeout=30)
        os.close(ours)
        assert process.returncode == 0
        assert "Delete 0 attempts, 0 answers and 1 hint? Nothing brings them back. [y/N]" in out
        assert (lab.home / "progress.sqlite").exists() is left
