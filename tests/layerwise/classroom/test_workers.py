"""Gradings side by side: one that kills its process or hangs takes no other with it, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.errors import EngineUnavailable
from layerwise.classroom import judging
from layerwise.classroom.hand_in import HandIn
from layerwise.classroom.judging import Outcome, Task
from layerwise.classroom.workers import Here

ROOT = Path(__file__).resolve().parents[3]


def task(number: int, learner: str, folder: Path) -> Task:
    return Task(number, HandIn(learner, "05-drop-root", folder), "", folder, 60.0)


def pretend(task: Task) -> Outcome:
    """Do what the learner's name says, in the process that grades."""
    log = task.exercise / "log"
    with log.open("a") as file:
        file.write(f"{task.hand_in.learner}\n")
    word = task.hand_in.learner.partition("-")[0]
    if word == "dies" or (word == "unlucky" and log.read_text().count(task.hand_in.learner) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
    return Outcome(error=task.hand_in.learner)


def run(tmp_path: Path, *learners: str, jobs: int = 2) -> dict[str, str]:
    tasks = [task(number, learner, tmp_path) for number, learner in enumerate(learners)]
    found = [(task.hand_in.learner, outcome.error) for task, outcome in Here(jobs, pretend).run(tasks, jobs)]
    assert len(found) == len(learners)
    return dict(found)


def test_each_task_has_its_outcome(tmp_path: Path):
    learners = [f"fine-{number}" for number in range(7)]
    assert run(tmp_path, *learners, jobs=3) == {learner: learner for learner in learners}


def test_only_the_one_that_kills_its_process_has_no_score(tmp_path: Path):
    learners = ["fine-1", "dies", "fine-2", "fine-3", "fine-4"]
    found = run(tmp_path, *learners)
    assert found.pop("dies") == "the process that graded it died twice; is there enough memory?"
    assert found == {learner: learner for learner in learners if learner != "dies"}


def test_one_whose_process_was_killed_once_is_graded_again(tmp_path: Path):
    assert run(tmp_path, "fine-1", "unlucky", "fine-2")["unlucky"] == "unlucky"


SCRIPT = """
import sys, time
from pathlib import Path
from layerwise.classroom.workers import Here
from tests.layerwise.classroom.test_workers import linger, task

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for _ in Here(2, linger).run([task(number, f"slow-{number}", folder) for number in range(4)], 2):
        pass
"""


def linger(task: Task) -> Outcome:
    """Grade for a long time, and tell when it is interrupted and has cleaned up."""
    name = task.exercise / task.hand_in.learner
    judging._is_idle.clear()
    judging._is_judging.set()
    try:
        Path(f"{name}.began").touch()
        time.sleep(60)
    finally:
        time.sleep(0.3)
        Path(f"{name}.cleaned").touch()
        judging._is_idle.set()
    return Outcome()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_when_a_batch_is_ended_its_gradings_clean_up(number: signal.Signals, tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT
        if number is not signal.SIGTERM
        else SCRIPT.replace(
            "    folder", "    import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n    folder"
        )
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    batch = subprocess.Popen([sys.executable, script, tmp_path], env=env, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.began"))) == 2)
        batch.send_signal(number)
        wait_for(lambda: len(list(tmp_path.glob("*.cleaned"))) == 2)
        batch.wait(30)
    finally:
        batch.kill()
        batch.wait(30)
    assert len(list(tmp_path.glob("*.began"))) == 2


def wait_for(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (EngineUnavailable("no engine answers"), "no engine answers"),
        (OSError(28, "No space left on device"), "the grader failed (OSError"),
        (MemoryError(), "the grader failed (MemoryError"),
    ],
)
def test_what_goes_wrong_is_told(problem: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(_: Task) -> Outcome:
        raise problem

    monkeypatch.setattr(judging, "_judge", fail)
    assert said in judging.judge(task(1, "ada", tmp_path)).error


def test_a_grading_has_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judging, "_judge", lambda _: time.sleep(30))
    began = time.monotonic()
    outcome = judging.judge(Task(1, HandIn("ada", "x", tmp_path), "", tmp_path, 0.2))
    assert outcome.error == "it took longer than 200 ms; --timeout gives it more"
    assert time.monotonic() - began < 25
