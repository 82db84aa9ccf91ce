"""`lab interview`, by the real command, with the course's own bank and tasks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from layerwise import instances
from layerwise.interview.state import load
from layerwise.interview.store import Sessions
from layerwise.progress import Progress
from layerwise.stack.paths import Home
from tests.layerwise.conftest import MINICOURSE

PATIENCE = 300
"""Seconds after which a command hangs."""
ROOT = Path(__file__).resolve().parents[2]


class Candidate:
    """A candidate with a home of their own, and no engine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.env = {
            **os.environ,
            "LAYERWISE_HOME": str(self.home),
            "LAYERWISE_WORK": str(folder / "work"),
            "PYTHONPATH": str(ROOT),
        }
        for name in ("LAYERWISE_EXERCISES", "DOCKER_HOST"):  # without it, no lab is up
            self.env.pop(name, None)

    def __call__(self, *words: str | Path, typed: str = "", status: int = 0) -> str:
        """Run `lab interview` to its end, and return what it printed. No command may show a traceback."""
        ended = subprocess.run(
            [sys.executable, "-m", "layerwise.cli", "interview", *map(str, words)],
            cwd=self.folder,
            env=self.env,
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        assert ended.returncode == status, ended.stderr
        return ended.stdout if status == 0 else ended.stderr

    @contextmanager
    def sitting(self) -> Iterator[subprocess.Popen[str]]:
        """A session of 20 minutes that goes on meanwhile. It is killed if it does not end."""
        command = [sys.executable, "-m", "layerwise.cli", "interview", "mock", "--seed", "3", "--minutes", "20"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, cwd=self.folder, env=self.env, text=True, **pipes) as process:
            watchdog = threading.Timer(PATIENCE, process.kill)
            watchdog.start()
            try:
                yield process
            finally:
                watchdog.cancel()

    @property
    def sessions(self) -> Sessions:
        return Sessions(Home(self.home))


@pytest.fixture
def lab(tmp_path: Path) -> Candidate:
    return Candidate(tmp_path)


BEGIN = "n\ny\n"
"""No assistant; begin without a lab."""


def answered(*answers: str) -> str:
    return "".join(f"{answer}\n" for answer in answers)


def test_today_says_what_to_do_in_five_lines(lab: Candidate) -> None:
    said = lab()
    assert said == lab("today")
    assert said.splitlines()[0] == "Nothing was practised yet."
    assert "lab interview drill" in said
    assert len(said.splitlines()) <= 5
    assert not lab.home.exists()


def test_a_drill_records_and_is_due_later(lab: Candidate) -> None:
    said = lab("drill", "scanning", typed=answered("I do not know", ".", *"nnnnnn", "n"))
    assert "Strong answer" in said
    assert re.search(r"^0 of \d points\.$", said, re.MULTILINE)
    assert "This skill comes back another day." in said
    reviews = Progress(lab.home / "progress.sqlite").reviews()
    assert {review.skill for review in reviews} >= {"scanning"}
    assert {review.share for review in reviews} == {0.0}
    assert "Nothing is due today. Next: " in lab()


def test_a_skill_that_there_is_not(lab: Candidate) -> None:
    said = lab("drill", "scaning", status=2)
    assert "did you mean 'scanning'?" in said
    assert said.count("\n") == 1


def test_a_mock_from_start_to_report(lab: Candidate) -> None:
    said = lab("mock", "--minutes", "20", "--seed", "3", typed=BEGIN + answered("e", "y"))
    assert "Tasks cannot be built or graded now: " in said
    assert "Session 1: 0 of " in said
    assert "not reached" in said
    page = lab.folder / "report.html"
    assert lab("report", "--html", page).endswith(f"Written to {page}\n")
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "What is listened for" in lab("review", "1")
    again = lab("mock", "--minutes", "20", "--seed", "3", typed=BEGIN + answered("e", "y"))
    assert re.findall(r"(?m)^  \d  .*\d min\)$", again)[:4] == re.findall(r"(?m)^  \d  .*\d min\)$", said)[:4]


def test_who_does_not_begin_without_a_lab(lab: Candidate) -> None:
    lab("mock", "--seed", "3", typed="n\nn\n")
    assert lab.sessions.numbers() == []


def test_what_is_submitted_survives_a_kill(lab: Candidate) -> None:
    with lab.sitting() as process:
        assert process.stdin
        assert process.stdout
        number = first_question(lab)
        process.stdin.write(BEGIN + answered(str(number), "a", "the words that I wrote", "."))
        process.stdin.flush()
        while process.stdout.readline() != "Saved.\n":
            assert process.poll() is None
        said = lab("resume", status=2)
        assert f"(process {process.pid})" in said
        process.send_signal(signal.SIGKILL)
    assert "Session 1 is not finished: lab interview resume" in lab()
    assert "session 1 is not finished" in lab("mock", "--seed", "4", status=2)
    assert "session 1 has not ended yet" in lab("report", status=2)
    said = lab("resume", typed=answered("e", "y", *"yyyyyyy"))
    assert "the words that I wrote" in said
    assert "Interrupted at " in said
    _, state = load(lab.sessions, 1)
    assert state.ended_by == "candidate"


def test_a_task_is_graded_for_real_and_its_result_comes_at_the_end(lab: Candidate) -> None:
    lab.env["LAYERWISE_EXERCISES"] = str(MINICOURSE)  # its task needs no engine
    with lab.sitting() as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(answered("n"))
        process.stdin.flush()
        screen = until(process.stdout, "No AI assistant, no notes")
        number = next(line.split()[0] for line in screen.splitlines() if "task: Find the word" in line)
        process.stdin.write(answered(number))
        process.stdin.flush()
        until(process.stdout, "Its files are in")
        item = load(lab.sessions, 1)[1].items[int(number) - 1].item
        made = instances.instance(MINICOURSE / "interview" / "tasks" / "find-it", item.seed, lab.folder / "instances")
        (lab.folder / "work" / "find-it" / "answers.toml").write_bytes((made.solution / "answers.toml").read_bytes())
        process.stdin.write(answered("h", number, "a", "it hides", ".", "cat", ".", "a word", ".", "again", "."))
        process.stdin.write(answered("e", "y", "y", "n", "y"))
        process.stdin.close()
        during = until(process.stdout, "Now rate your answers")
        assert "Handed in." in during
        assert "of 2" not in during
        after = process.stdout.read()
    assert process.returncode == 0
    assert "2 of 2 points" in after
    assert "Session 1: 4 of " in after
    assert "4 of 5; " in after


def until(stream: IO[str], pattern: str) -> str:
    """What a process prints, up to and with the first line in which the pattern is found."""
    seen = ""
    for line in stream:
        seen += line
        if re.search(pattern, line):
            return seen
    raise AssertionError(f"no {pattern!r} in {seen!r}")


def first_question(lab: Candidate) -> int:
    """The number of the first open question of the session with seed 3, for 20 minutes."""
    from layerwise.interview import tasks
    from layerwise.interview.mix import mix
    from layerwise.interview.plan import Sources
    from layerwise.questions import bank

    known = bank.load()
    items = mix(3, 20, Sources(known, tasks)).items
    return next(
        number for number, item in enumerate(items, 1) if item.kind == "question" and known[item.name].kind == "open"
    )


def test_a_damaged_file_is_one_line_and_what_is_not_a_session_goes_on(lab: Candidate) -> None:
    lab.home.mkdir()
    (lab.home / "sessions.sqlite").write_bytes(b"not a database" * 500)
    for words in (("resume",), ("mock",), ("report",)):
        said = lab(*words, status=3)
        assert "move it away to begin a new one" in said
        assert said.count("\n") == 1
    lab("forget", "--yes")
    lab("drill", "ci")


def test_there_is_nothing_to_show_or_resume(lab: Candidate) -> None:
    for words in (("report",), ("review",), ("resume",), ("shell",)):
        assert "begin one: lab interview mock" in lab(*words, status=2)
    assert "--html" in lab("report", "--html", lab.folder, status=2)


@pytest.mark.parametrize("minutes", ["19", "121", "x"])
def test_other_lengths_are_refused(lab: Candidate, minutes: str) -> None:
    assert "--minutes" in lab("mock", "--minutes", minutes, status=2)


def test_a_pack_is_the_same_each_time(lab: Candidate) -> None:
    said = lab("pack", "--seed", "7", "--minutes", "30", "--output", "a")
    assert "practice. It is no proctored test." in said
    lab("pack", "--seed", "7", "--minutes", "30", "--output", "b")
    one, other = (
        {path.relative_to(lab.folder / name): path.read_bytes() for path in (lab.folder / name).rglob("*.*")}
        for name in "ab"
    )
    assert one == other
    assert "is not empty" in lab("pack", "--seed", "8", "--output", "a", status=2)


def test_forget(lab: Candidate) -> None:
    lab("drill", "ci", typed=answered(".", *"yyyyyy", "n"))
    lab("mock", "--seed", "3", "--minutes", "20", typed=BEGIN)
    assert "lab interview forget --yes" in lab("forget", status=2)
    assert lab.sessions.unfinished() == 1
    assert "Deleted." in lab("forget", "--yes")
    assert lab.sessions.numbers() == []
    assert Progress(lab.home / "progress.sqlite").reviews() == []


def test_lab_forget_deletes_sessions_too(lab: Candidate) -> None:
    lab("mock", "--seed", "3", "--minutes", "20", typed=BEGIN)
    for words in (["forget"], ["forget", "--yes"]):
        ended = subprocess.run([sys.executable, "-m", "layerwise.cli", *words], env=lab.env, stdin=subprocess.DEVNULL)
        assert ended.returncode == (0 if "--yes" in words else 2)
    assert not (lab.home / "sessions.sqlite").exists()
