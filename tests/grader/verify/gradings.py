"""Gradings that are played in real worker processes: a file of the submission tells what its grading does."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from grader.errors import EngineUnavailable, SubmissionUnusable
from grader.verdict import CheckResult, Report, Verdict
from grader.verify import workers

PLAY = "play"
BEGUN, CLEANED_UP = "begun", "cleaned-up"
"""Files that a grading makes which lasts until it is stopped."""
DEADLINE = 30.0
"""Seconds after which it ends even if nobody stops it, so that a fault is no test that hangs."""


def work(pipe: Connection) -> None:
    """What a worker process runs in place of `workers._work`: that, with played gradings."""
    workers._judged = play
    workers._work(pipe)


def die_at_once(_: Connection) -> None:
    """A worker process that ends before it has read anything."""
    os._exit(1)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def report(verdict: Verdict) -> Report:
    check = CheckResult.of(verdict, id="build", kind="build", title="b", max_points=1.0)
    return Report("x", "X", [check])


def play(_exercise: Path, folder: Path, _script: Path | None, _learner: str) -> Report:
    """Do what the submission's file says. `WORD after NAME` waits until the grading of that one has begun."""
    word, _, other = (folder / PLAY).read_text().partition(" after ")
    if other:
        wait_for(folder.parent / other / BEGUN)
    if word == "dies":
        os._exit(1)
    elif word == "has a bug":
        raise RuntimeError("a bug that is played")
    elif word == "lasts":
        (folder / BEGUN).touch()
        try:
            threading.Event().wait(DEADLINE)
        finally:
            (folder / CLEANED_UP).touch()
    elif word == "hangs":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        (folder / BEGUN).touch()
        threading.Event().wait(DEADLINE)
        (folder / CLEANED_UP).touch()
    elif word == "no engine":
        raise EngineUnavailable("no engine answers")
    elif word == "refused":
        raise SubmissionUnusable("it is empty")
    elif word == "error":
        return report(Verdict.error("the disk is full"))
    elif word == "failed":
        return report(Verdict.failed(f"by {os.getpid()}"))
    return report(Verdict.passed("fine"))
