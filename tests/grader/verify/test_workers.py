"""Worker processes: every trial gets its own outcome, and whatever ends a grading, no process of it is left."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader import grade as grade_module
from grader.errors import EngineFailure, ExerciseInvalid, GraderError, RegistryUnavailable, SubmissionUnusable
from grader.verdict import Verdict
from grader.verify import cleanup, setup, workers
from grader.verify.trials import Outcome, Trial
from grader.verify.workers import graded
from tests.grader.conftest import exercise
from tests.grader.verify import gradings
from tests.grader.verify.gradings import BEGUN, CLEANED_UP, PLAY, report

ROOT = Path(__file__).resolve().parents[3]
DIED = "grading made-up: {} ended with no answer; run it again"


def trial(folder: Path, name: str = "v", expected: str = "passed") -> Trial:
    return Trial(exercise(("build", {})), name, "near-miss", "so", folder / name, {"build": expected})


@pytest.fixture
def playing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Trial]]]:
    """Makes trials, by name, that pass unless the grading does what is said. No process may be left in the end."""
    monkeypatch.setattr(workers, "_work", gradings.work)

    def make(**plays: str) -> list[Trial]:
        for name, play in plays.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / PLAY).write_text(play)
        return [trial(tmp_path, name) for name in plays]

    before = set(multiprocessing.active_children())
    yield make
    assert set(multiprocessing.active_children()) == before


def by_name(ended: Sequence[tuple[Trial, Outcome]]) -> dict[str, Outcome]:
    assert [one.submission for one, _ in ended] == [outcome.submission for _, outcome in ended]
    return {outcome.submission: outcome for _, outcome in ended}


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_trial_has_its_own_outcome_and_a_fault_of_one_is_not_the_next_ones(jobs, playing):
    tried = playing(a="passed", b="no engine", c="passed", d="refused", e="error", f="failed", g="passed")
    ended = list(graded(tried, jobs))
    found = by_name(ended)
    assert len(ended) == len(found) == len(tried)
    if jobs == 1:
        assert list(found) == [one.submission for one in tried]
    assert {name for name, outcome in found.items() if outcome.proved} == {"a", "c", "g"}
    assert found["b"].error == "no engine answers"
    assert found["d"].problems == ["nothing to grade: it is empty"]
    assert found["e"].error == "the disk is full"
    assert found["f"].problems[0].startswith("build: expected passed, got failed: by ")


def test_what_ends_first_is_yielded_first(playing):
    tried = playing(slow="lasts", quick="passed after slow", next="passed")
    ended = graded(tried, 2)
    assert [next(ended)[0].submission for _ in range(2)] == ["quick", "next"]
    ended.close()


@pytest.mark.parametrize(("jobs", "trials", "processes"), [(1, 3, 1), (2, 3, 2), (16, 2, 2)])
def test_how_many_processes_grade(jobs, trials, processes, playing):
    before = len(multiprocessing.active_children())
    ended = graded(playing(**{f"t{number}": "failed" for number in range(trials)}), jobs)
    said = [next(ended)[1].problems[0]]
    assert len(multiprocessing.active_children()) - before == processes
    said += [outcome.problems[0] for _, outcome in ended]
    assert len(said) == trials
    assert len(set(said)) <= processes


def test_nothing_to_grade_starts_nothing(monkeypatch):
    monkeypatch.setattr(workers._Worker, "start", lambda: pytest.fail("a process was started"))
    assert list(graded([], 2)) == []


def test_stopped_in_the_middle_a_grading_cleans_up(playing, tmp_path):
    ended = graded(playing(busy="lasts", quick="passed after busy", waiting="lasts after nobody"), 2)
    assert next(ended)[0].submission == "quick"
    ended.close()
    assert (tmp_path / "busy" / CLEANED_UP).exists()
    assert not (tmp_path / "waiting" / BEGUN).exists()


def test_a_grading_that_does_not_stop_is_killed(playing, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "LEAVE", 0.1)
    ended = graded(playing(deaf="hangs", quick="passed after deaf"), 2)
    assert next(ended)[0].submission == "quick"
    ended.close()
    assert not (tmp_path / "deaf" / CLEANED_UP).exists()


@pytest.mark.parametrize("how", ["dies", "has a bug"])
def test_a_process_that_dies_is_said_and_the_others_clean_up(how, playing, tmp_path):
    with pytest.raises(GraderError) as caught:
        list(graded(playing(busy="lasts", bad=f"{how} after busy", waiting="passed"), 2))
    assert str(caught.value) == DIED.format("bad")
    assert (tmp_path / "busy" / CLEANED_UP).exists()


def test_a_process_that_dies_before_it_begins_is_said(playing, monkeypatch):
    monkeypatch.setattr(workers, "_work", gradings.die_at_once)
    with pytest.raises(GraderError) as caught:
        list(graded(playing(first="passed", second="passed"), 1))
    assert str(caught.value) == DIED.format("first")


DEATHS: dict[str, tuple[Callable[[Connection], object], Callable[[Connection], object]]] = {
    "before it is given it": (lambda pipe: pipe.close(), lambda _: None),
    "before it reads it": (lambda _: None, lambda pipe: pipe.close()),
    "while it grades": (lambda _: None, lambda pipe: (pipe.recv(), pipe.close())),
    "in the middle of its answer": (
        lambda _: None,
        lambda pipe: (pipe.recv(), os.write(pipe.fileno(), b"\0\0\1\0begun"), pipe.close()),
    ),
}


@pytest.mark.parametrize(("before", "after"), DEATHS.values(), ids=DEATHS)
def test_when_a_process_may_die(before, after, tmp_path):
    here, there = multiprocessing.Pipe()
    worker = workers._Worker(SimpleNamespace(), here)
    before(there)
    worker.take(trial(tmp_path))
    after(there)
    with here, pytest.raises(GraderError) as caught:
        worker.outcome()
    assert str(caught.value) == DIED.format("v")


FINE = report(Verdict.passed("fine"))


class Calls:
    """Plays what a worker calls: says in which order, and raises what it is told to."""

    def __init__(self, raises: dict[str, BaseException]) -> None:
        self.raises = raises
        self.made: list[tuple[Any, ...]] = []

    def of(self, name: str) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            self.made.append((name, *given, *more.values()))
            if name in self.raises:
                raise self.raises[name]
            return FINE

        return call


@pytest.mark.parametrize(
    ("script", "raises", "made", "ends"),
    [
        (None, {}, ["grade"], None),
        (None, {"grade": SubmissionUnusable("empty")}, ["grade"], SubmissionUnusable),
        ("do.sh", {}, ["run", "grade", "remove"], None),
        ("do.sh", {"run": ExerciseInvalid("failed")}, ["run", "remove"], ExerciseInvalid),
        ("do.sh", {"grade": EngineFailure("full")}, ["run", "grade", "remove"], EngineFailure),
        ("do.sh", {"grade": KeyboardInterrupt()}, ["run", "grade", "remove"], KeyboardInterrupt),
        ("do.sh", {"run": KeyboardInterrupt()}, ["run", "remove"], KeyboardInterrupt),
        ("do.sh", {"remove": RegistryUnavailable("down")}, ["run", "grade", "remove"], None),
        (
            "do.sh",
            {"grade": EngineFailure("full"), "remove": RegistryUnavailable("down")},
            ["run", "grade", "remove"],
            EngineFailure,
        ),
    ],
)
def test_what_a_script_left_is_removed_whatever_happens(script, raises, made, ends, monkeypatch, tmp_path):
    calls = Calls(raises)
    monkeypatch.setattr(setup, "run", calls.of("run"))
    monkeypatch.setattr(grade_module, "grade", calls.of("grade"))
    monkeypatch.setattr(cleanup, "remove", calls.of("remove"))
    monkeypatch.setattr(workers, "load", lambda folder: f"the exercise in {folder}")
    doing = script and Path(script)
    if ends:
        with pytest.raises(ends):
            workers._judged(Path("ex"), tmp_path, doing, "ada")
    else:
        assert workers._judged(Path("ex"), tmp_path, doing, "ada") is FINE
    given = {"run": (doing, tmp_path, "ada"), "grade": ("the exercise in ex", tmp_path, "ada"), "remove": ("ada",)}
    assert calls.made == [(name, *given[name]) for name in made]


def test_two_signals_at_one_instant_are_one():
    """As when a terminal ends the whole group while the process that started the worker ends it too."""
    script = """
from multiprocessing import Pipe
from grader.verify import workers

def grading(*_):
    print("begun", flush=True)
    while True:
        pass

workers._judged = grading
here, there = Pipe()
here.send([None] * 4)
workers._work(there)
print("cleaned up")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "begun\n"
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCONT):
            process.send_signal(number)
        assert process.communicate(timeout=30) == ("cleaned up\n", "")
        assert process.returncode == 0
    finally:
        process.kill()
