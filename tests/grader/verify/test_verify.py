"""The proof itself: what it says, what may run at the same time, and how it ends when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.checks import build
from grader.exercise import Exercise, load
from grader.facts.engine.engine import OWNER_LABEL, REPOSITORY
from grader.lib import owner
from grader.lib.scratch import PREFIX
from grader.verify.proving import verify

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "tests" / "layerwise" / "minicourse" / "01-tiny"


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


@pytest.mark.lab
def test_a_grading_that_dies_is_said_and_gives_no_verdict(exercise):
    script = (
        "import sys; from pathlib import Path\n"
        "from grader.exercise import load; from grader.verify.proving import verify\n"
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
    monkeypatch.setattr(build.Params, "timed", True)
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
