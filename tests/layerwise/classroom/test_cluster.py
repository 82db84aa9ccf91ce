"""Gradings on the workers of a scheduler: each has its outcome, and what a dead worker was at is another's work."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from layerwise.classroom import cluster
from layerwise.classroom.cluster import Cluster, connected
from layerwise.classroom.hand_in import HandIn
from layerwise.classroom.judging import Outcome, Task
from layerwise.errors import InputError, LabError
from tests.layerwise.classroom.clusters import scheduler, started_worker


def task(number: int, learner: str, folder: Path) -> Task:
    return Task(number, HandIn(learner, "05-drop-root", folder), "", folder, 60.0)


def pretend(task: Task) -> Outcome:
    """Note in which process this runs, and do what the learner's name says."""
    (task.exercise / f"{task.number}-{os.getpid()}").touch()
    word = task.hand_in.learner.partition("-")[0]
    if word == "dies" or (word == "unlucky" and len(list(task.exercise.glob(f"{task.number}-*"))) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "fails":
        raise OSError("no space")
    time.sleep(0.05)
    return Outcome(error=task.hand_in.learner)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with scheduler(tmp_path) as found:
        yield found


@pytest.fixture
def workers(address: str, tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two workers that say they have an engine, and one that has none."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(started_worker(address, tmp_path, f"w{number}", resources))
            for number, resources in enumerate(("engine=1", "engine=1", "other=1"))
        ]


@pytest.fixture
def here(address: str, workers: list[subprocess.Popen[bytes]]) -> Iterator[Cluster]:
    with connected(address) as found:
        found._judge = pretend
        found._client.wait_for_workers(3, timeout=60)
        yield found


def test_each_task_has_its_outcome_from_a_worker_with_an_engine(here: Cluster, workers, tmp_path: Path):
    learners = [f"fine-{number}" for number in range(20)]
    (tmp_path / "notes").mkdir()
    tasks = [task(number, learner, tmp_path / "notes") for number, learner in enumerate(learners)]
    found = {task.hand_in.learner: outcome.error for task, outcome in here.run(tasks, 1)}
    assert found == {learner: learner for learner in learners}
    pids = {int(path.name.partition("-")[2]) for path in (tmp_path / "notes").iterdir()}
    assert pids == {workers[0].pid, workers[1].pid}


def test_what_a_dead_worker_was_at_is_graded_by_another(here: Cluster, tmp_path: Path):
    (tmp_path / "notes").mkdir()
    learners = ["fine-0", "unlucky", *(f"fine-{number}" for number in range(2, 8))]
    tasks = [task(number, learner, tmp_path / "notes") for number, learner in enumerate(learners)]
    found = {task.hand_in.learner: outcome.error for task, outcome in here.run(tasks, 1)}
    assert found == {learner: learner for learner in learners}


def test_a_worker_that_fails_is_told(here: Cluster, tmp_path: Path):
    (tmp_path / "notes").mkdir()
    tasks = [task(0, "fails", tmp_path / "notes"), task(1, "fine", tmp_path / "notes")]
    found = {task.hand_in.learner: outcome.error for task, outcome in here.run(tasks, 1)}
    assert found == {"fails": "a worker failed (OSError: no space)", "fine": "fine"}


def test_a_batch_that_is_ended_leaves_nothing_in_the_queue(here: Cluster, tmp_path: Path):
    (tmp_path / "notes").mkdir()
    running = here.run([task(number, f"fine-{number}", tmp_path / "notes") for number in range(200)], 1)
    next(running)
    running.close()
    time.sleep(1)
    ended = len(list((tmp_path / "notes").iterdir()))
    time.sleep(0.5)
    assert len(list((tmp_path / "notes").iterdir())) == ended < 200


def test_no_scheduler_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster, "_SECONDS", 1)
    with pytest.raises(InputError, match="no scheduler answers there"), connected("tcp://127.0.0.1:9"):
        pass


def test_no_worker_has_an_engine(address: str):
    with (
        connected(address) as found,
        pytest.raises(LabError, match=r"no worker of tcp://.* has an engine; start one"),
    ):
        found.engines()


def test_a_workers_engine_that_does_not_answer_is_told(here: Cluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster, "_engine", gone)
    with pytest.raises(LabError, match="a worker's engine does not answer: no engine answers"):
        here.engines()


def gone() -> str:
    raise LabError("no engine answers")
