"""The proof itself: what counts as a difference, what may run beside what, and how it ends when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader import owner
from grader import verify as module
from grader.exercise import Exercise, load
from grader.facts.engine import OWNER_LABEL, REPOSITORY
from grader.submission import PREFIX
from grader.verdict import CheckResult, Report, Verdict
from grader.verify import Trial, differences, trials, verify

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "layerwise" / "minicourse" / "01-tiny"

VERDICTS = {
    "passed": Verdict.passed("fine"),
    "partial": Verdict.share(0.5, "half\nof it"),
    "failed": Verdict.failed("no"),
    "skipped": Verdict.skipped("not looked at"),
}


def trial(score: float | None = None, **checks: str) -> Trial:
    return Trial(load(TINY), "v", "near-miss", "so", TINY, checks, score)


def report(**checks: str) -> Report:
    results = [
        CheckResult.of(VERDICTS[status], id=name, kind=name, title=name, max_points=4.0)
        for name, status in checks.items()
    ]
    return Report("x", "X", results)


@pytest.mark.parametrize(
    ("expected", "got", "found"),
    [
        (trial(build="passed", user="failed"), report(build="passed", user="failed"), []),
        (trial(build="failed"), report(build="passed"), ["build: expected failed, got passed: fine"]),
        (trial(build="passed"), report(build="partial"), ["build: expected passed, got partial: half of it"]),
        (trial(build="failed"), report(build="skipped"), ["build: expected failed, got skipped: not looked at"]),
        (trial(4.0, build="passed", user="failed"), report(build="passed", user="failed"), []),
        (
            trial(5.0, build="passed", user="failed"),
            report(build="passed", user="failed"),
            ["score: expected 5, got 4"],
        ),
        (
            trial(0.0, build="failed", user="skipped"),
            report(build="passed", user="passed"),
            [
                "build: expected failed, got passed: fine",
                "user: expected skipped, got passed: fine",
                "score: expected 0, got 8",
            ],
        ),
    ],
)
def test_every_difference_is_said(expected, got, found):
    assert differences(expected, got) == found


def test_an_exercise_is_tried_with_its_solution_and_every_variant(tmp_path):
    found = {one.submission: one for one in trials(load(TINY), tmp_path)}
    assert set(found) == {"solution", "starter", "as-root", "no-copy"}
    assert found["solution"].checks == {"build": "passed", "user": "passed"}
    assert found["starter"].checks == {"build": "failed", "user": "skipped"}
    assert found["as-root"].score == 4.0
    assert sorted(path.name for path in found["as-root"].folder.iterdir()) == ["Dockerfile", "greeting.txt"]
    assert sorted(path.name for path in found["no-copy"].folder.iterdir()) == ["Dockerfile"]


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    """An exercise whose solution takes its time, built on the lab's smallest base."""
    text = 'title="t"\nlesson="l"\nlevel="core"\nminutes=1\n[[check]]\nkind="build"\ntitle="b"\npoints=1\n'
    base = "FROM localhost:5000/base/busybox:musl\n"
    files = {
        "exercise.toml": text,
        "starter/Dockerfile": "COPPY",
        "solution/Dockerfile": f"{base}RUN echo {time.time_ns()} && sleep 300\n",
        "variants/starter/expect.toml": 'why="w"\nkind="starter"\nbase="starter"\n[checks]\nbuild="failed"\n',
    }
    for name, content in files.items():
        path = tmp_path / "slow" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return load(tmp_path / "slow")


def left_behind(folder: Path) -> list[str]:
    """Temporary folders of gradings, and what processes that have ended left on the engine: others may be grading."""
    folders = [path.name for path in folder.glob(f"{PREFIX}*")]
    images = ["docker", "image", "ls", "--filter", f"reference={REPOSITORY}", "--format={{.Tag}}"]
    containers = [
        "docker",
        "ps",
        "--all",
        "--filter",
        f"label={OWNER_LABEL}",
        f'--format={{{{.Label "{OWNER_LABEL}"}}}}',
    ]
    listed = [
        subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout.split() for argv in (images, containers)
    ]
    return folders + [mark for marks in listed for mark in marks if owner.is_stale(mark)]


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("everybody", [True, False], ids=["terminal", "one process"])
def test_stopped_in_the_middle_nothing_is_left(exercise, tmp_path, number, everybody):
    before = set(left_behind(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-m", "layerwise.cli", "exercises", "verify", str(exercise.folder)],
        cwd=ROOT,
        env={
            **os.environ,
            "LAYERWISE_HOME": os.environ.get("LAYERWISE_HOME", str(tmp_path / "home")),
            "TMPDIR": str(tmp_path),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("✓ slow: starter"), line + process.stderr.read()
        time.sleep(1.0)
        os.killpg(process.pid, number) if everybody else process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert out == ""
    assert err.strip() == ("lab: stopped." if number == signal.SIGINT else "")
    assert set(left_behind(tmp_path)) <= before


def test_two_signals_at_one_instant_are_one():
    """As when a terminal ends the whole group while the process that started the worker ends it too."""
    script = """
from multiprocessing import Pipe
from grader import verify

def grading(*_):
    print("begun", flush=True)
    while True:
        pass

verify._judged = grading
here, there = Pipe()
here.send([None] * 4)
verify._work(there)
print("cleaned up")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "begun\n"
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        assert process.communicate(timeout=30) == ("cleaned up\n", "")
        assert process.returncode == 0
    finally:
        process.kill()


@pytest.mark.lab
def test_a_grading_that_dies_is_said_and_gives_no_verdict(exercise):
    script = (
        "import sys; from pathlib import Path; from grader.exercise import load; from grader.verify import verify\n"
        "try: list(verify([load(Path(sys.argv[1]))]))\n"
        "except Exception as problem: sys.exit(f'{type(problem).__name__}: {problem}')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(exercise.folder)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (workers := _busy_workers(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 1
    assert err.startswith("GraderError: grading slow: solution ended with no answer")


def _busy_workers(parent: int) -> list[int]:
    """Children of a process that have a child of their own: the docker client of a build."""
    children = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in children if subprocess.run(["pgrep", "-P", pid], capture_output=True).stdout]


@pytest.mark.engine
def test_what_measures_time_is_graded_alone(tmp_path, monkeypatch):
    """`build` is taken for a kind that measures time: then no two gradings may overlap."""
    monkeypatch.setattr(module, "ALONE", frozenset({"build"}))
    began = time.monotonic()
    outcomes = list(verify([load(TINY)], jobs=4))
    assert all(outcome.proved for outcome in outcomes)
    assert sum(outcome.seconds for outcome in outcomes) <= time.monotonic() - began


@pytest.mark.engine
def test_outcomes_hold_what_was_proved():
    outcomes = {outcome.submission: outcome for outcome in verify([load(TINY)])}
    assert set(outcomes) == {"solution", "starter", "as-root", "no-copy"}
    assert all(outcome.proved and outcome.exercise == "01-tiny" for outcome in outcomes.values())
    assert outcomes["as-root"].kind == "near-miss"
    assert outcomes["as-root"].seconds > 0


def test_no_engine_is_no_proof(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    outcomes = list(verify([load(TINY)]))
    assert not any(outcome.proved for outcome in outcomes)
    assert all("No Docker engine answers" in outcome.error for outcome in outcomes)


def test_nothing_to_verify_is_nothing():
    assert list(verify([])) == []
