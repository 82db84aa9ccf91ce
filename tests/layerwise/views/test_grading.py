"""Grading in a process of its own: the real command, and stand-ins for how it could go wrong."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from grader.verdict import Status
from layerwise import workspace
from layerwise.errors import InputError, LabError
from layerwise.views import grading
from layerwise.views.grading import Grading, Stopped

from .conftest import Bench

MINICOURSE = Path(__file__).parents[1] / "minicourse"


def begin(bench: Bench) -> None:
    workspace.start(workspace.find("01-noise"))


def test_the_work_is_graded_and_the_news_comes_in_lines(bench: Bench) -> None:
    begin(bench)
    news: list[str] = []
    report = Grading("01-noise", news.append).run()
    assert (report.status, report.score, report.max_score) == (Status.FAILED, 0.0, 4.0)
    assert news == ["check 1 of 1: The log stays at home"]

    (bench.mine / ".dockerignore").write_text("*.log\n")
    assert Grading("01-noise", news.append).run().status is Status.PASSED


def test_of_an_exercise_with_instances_that_of_the_seed_is_graded(bench: Bench) -> None:
    shutil.copytree(MINICOURSE / "interview", bench.exercises / "interview")
    solved = workspace.find("find-it", 7).solution
    assert Grading("find-it", lambda news: None, solved, 7).run().status is Status.PASSED
    assert Grading("find-it", lambda news: None, solved, 8).run().status is not Status.PASSED


def test_nothing_to_grade_is_said_in_the_commands_own_line(bench: Bench) -> None:
    with pytest.raises(InputError, match=r"^there is no folder .*01-noise to grade; begin with: ./lab start"):
        Grading("01-noise", print).run()


def test_what_a_cell_changed_in_its_process_does_not_matter(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(bench)
    monkeypatch.setattr("grader.checks.context.judge", lambda facts, params: None)
    (bench.work / "json.py").write_text("raise SystemExit('a file beside the notebook was imported')")
    monkeypatch.chdir(bench.work)
    assert Grading("01-noise", lambda news: None).run().status is Status.FAILED


def test_a_grading_can_be_stopped_and_has_time_to_clean_up(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(
        tmp_path,
        monkeypatch,
        f"trap 'sleep 0.3; echo cleaned > {tmp_path}/trace; exit 143' TERM\n"
        "echo at work >&2; while :; do sleep 0.1; done",
    )
    job = Grading("01-noise", lambda news: job.stop())
    with pytest.raises(Stopped):
        job.run()
    assert (tmp_path / "trace").read_text() == "cleaned\n"


def test_a_grading_that_does_not_end_when_asked_is_killed_with_its_children(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "CLEANING_SECONDS", 0.5)
    stand_in(tmp_path, monkeypatch, f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/child; echo up >&2; wait")
    job = Grading("01-noise", lambda news: job.stop())
    with pytest.raises(Stopped):
        job.run()
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        ("echo 'lab: the lab is not up; run: ./lab up' >&2; exit 3", LabError, "^the lab is not up; run: ./lab up$"),
        ("echo 'lab: no exercise' >&2; exit 2", InputError, "^no exercise$"),
        ("exit 7", LabError, "ended with status 7 and said nothing"),
        ("kill -9 $$", LabError, "ended with status -9"),
        ("exit 0", LabError, "ended with status 0 and said nothing"),
        ("echo '{}'", LabError, "something that is not a report"),
        ("echo '[1, 2'", LabError, "something that is not a report"),
        ("head -c 40000000 /dev/zero", LabError, "far too large a report"),
        ("exec 1>&- 2>&-; sleep 60", LabError, "closed its output but did not end"),
    ],
)
def test_what_goes_wrong_is_one_line_and_never_a_grade(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, kind: type[LabError], said: str
) -> None:
    monkeypatch.setattr(grading, "CLEANING_SECONDS", 0.5)
    stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(kind, match=said) as fault:
        Grading("01-noise", lambda news: None).run()
    assert "\n" not in str(fault.value)


def test_a_warning_comes_with_the_report(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(bench)
    bench.home.mkdir()
    (bench.home / "progress.sqlite").write_text("this is no database, and longer than its header " * 20)
    job = Grading("01-noise", lambda news: None)
    assert job.run().score == 0
    assert len(job.warnings) == 1
    assert "not recorded" in job.warnings[0]


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A shell script in place of the Python that runs `lab grade`."""
    program = folder / "stand-in"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(grading.sys, "executable", str(program))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_stopping_works_from_another_thread(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "sleep 60")
    job = Grading("01-noise", lambda news: None)
    threading.Timer(0.3, job.stop).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        job.run()
    assert time.monotonic() - began < 50, "it was not waited for to its own end"
