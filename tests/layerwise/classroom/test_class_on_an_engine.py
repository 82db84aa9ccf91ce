"""A class on a live engine: killed, attacked, and on two workers, it gets the scores of an undisturbed run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from grader.exercise import load
from grader.facts.engine.engine import Engine
from grader.lib import owner
from layerwise.classroom import gradebook
from layerwise.classroom.gradebook import State
from layerwise.classroom.layouts import recognise
from layerwise.classroom.store import Store
from layerwise.classroom.workers import Here
from tests.layerwise.classroom.clusters import scheduler, started_worker

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[3]
NAME = "say-hello"
EXERCISE = """\
title   = "Say hello"
lesson  = "00-start-here"
level   = "core"
minutes = 1
images  = ["busybox:musl"]

[[check]]
kind   = "build"
title  = "It builds"
points = 1

[[check]]
kind   = "command"
title  = "It says hello"
points = 2
run    = "cat /hello"
stdout = "hello"
needs  = ["build"]
"""
GOOD = "FROM localhost:5000/base/busybox:musl\nRUN sleep 0.5; echo {} > /nonce; echo hello > /hello\n"
SILENT = "FROM localhost:5000/base/busybox:musl\nRUN sleep 0.5; echo {} > /nonce; echo bye > /hello\n"
BROKEN = "FROM localhost:5000/base/busybox:musl\nRUN sleep 0.5; echo {}; exit 3\n"
KINDS = ((GOOD, 3.0), (SILENT, 1.0), (BROKEN, 0.0))


@pytest.fixture
def exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one small exercise, where `lab` looks for exercises."""
    folder = tmp_path / "exercises"
    (folder / NAME / "starter").mkdir(parents=True)
    (folder / NAME / "exercise.toml").write_text(EXERCISE)
    (folder / NAME / "starter" / "Dockerfile").write_text(SILENT)
    monkeypatch.setenv("LAYERWISE_EXERCISES", str(folder))
    monkeypatch.setenv("LAYERWISE_WORK", str(tmp_path / "work"))
    return folder


def hand_in(folder: Path, learner: str, dockerfile: str) -> None:
    target = folder / learner / NAME
    target.mkdir(parents=True)
    (target / "Dockerfile").write_text(dockerfile)


@pytest.fixture
def class_of(tmp_path: Path, exercises: Path) -> Callable[[int], tuple[Path, dict[str, float]]]:
    """Make a class of so many learners with different work. Returns its folder, and the scores to expect."""

    def make(count: int) -> tuple[Path, dict[str, float]]:
        folder = tmp_path / "class"
        expected = {}
        for number in range(count):
            text, score = KINDS[number % len(KINDS)]
            learner = f"learner-{number:02}"
            hand_in(folder, learner, text.format(f"{tmp_path.name} {number} {os.urandom(4).hex()}"))
            expected[learner] = score
        return folder, expected

    return make


def lab(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "layerwise.cli", *map(str, words)]


def scores(folder: Path, exercises: Path) -> dict[str, float | None]:
    """The scores that hold."""
    exercise = load(exercises / NAME)
    with Store.open(folder) as store:
        book = gradebook.read(recognise(folder, [NAME]), {NAME: exercise}, store, engines=Here(1).engines())
        assert {entry.state for entry in book.entries} <= {State.GRADED, State.WAITING}
        return {entry.learner: entry.score for entry in book.entries if entry.state is State.GRADED}


@pytest.mark.alone
@pytest.mark.long
def test_killed_three_times_a_batch_ends_with_the_scores_of_an_undisturbed_one(
    class_of, exercises: Path, engine: Engine
):
    folder, expected = class_of(30)
    times: list[str] = []
    for _ in range(3):
        batch = subprocess.Popen(lab("classroom", "grade", folder), stdout=subprocess.PIPE, text=True, cwd=folder)
        assert batch.stdout
        for line in batch.stdout:
            times += [line] if "learner-" in line else []
            if sum("learner-" in one for one in times) % 7 == 6:
                break
        batch.kill()
        batch.wait(30)
        batch.stdout.close()
    between = scores(folder, exercises)
    assert 0 < len(between) < 30
    ended = subprocess.run(lab("classroom", "grade", folder), capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{30 - len(between)} hand-ins to grade" in ended.stdout
    assert scores(folder, exercises) == expected
    graded = [line.split()[1] for line in times + ended.stdout.splitlines() if " of 3, " in line]
    # One may be in the store whose line the kill swallowed; none is told twice.
    assert len(graded) == len(set(graded)) >= 27
    assert not stale(engine)


def stale(engine: Engine) -> list[str]:
    """Containers and images of processes that have ended, whoever they were."""
    wait_for(lambda: not list(_stale(engine)), patience=20)
    return list(_stale(engine))


def _stale(engine: Engine) -> Iterator[str]:
    for name in engine.image_names():
        _, _, tag = name.partition("layerwise-grade:")
        if tag and owner.is_stale(tag):
            yield name


def wait_for(condition: Callable[[], bool], patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


POISON = (
    "FROM localhost:5000/base/busybox:musl\n"
    "RUN --mount=type=cache,target=/cache,id=shared echo poison > /cache/tool; echo hello > /hello\n"
)
VICTIM = (
    "FROM localhost:5000/base/busybox:musl\n"
    "RUN --mount=type=cache,target=/cache,id=shared test ! -e /cache/tool && echo hello > /hello\n"
)


RETAGGER = (
    "FROM localhost:5000/base/busybox:musl\n"
    "RUN for host in 127.0.0.1 localhost $(ip route | awk '/default/ {print $3}'); do\\\n"
    "      ! wget -q -T 3 -O - http://$host:5000/v2/_catalog || exit 1;\\\n"
    "    done; echo hello > /hello\n"
)
"""It builds only if it cannot reach the lab's registry, where it could change tags."""


def test_no_hand_in_reaches_another(exercises: Path, tmp_path: Path):
    folder = tmp_path / "class"
    hand_in(folder, "a-poisoner", POISON)
    hand_in(folder, "b-victim", VICTIM)
    hand_in(folder, "c-thief", "FROM localhost:5000/ada/never-pushed:1\n")
    hand_in(folder, "d-flooder", "FROM localhost:5000/base/busybox:musl\nRUN yes flood | head -c 200000000\n")
    (folder / "e-bomb").mkdir()
    (folder / "e-bomb" / f"{NAME}.zip").write_bytes(b"PK\x03\x04")
    (folder / "f-link").mkdir()
    (folder / "f-link" / NAME).mkdir()
    (folder / "f-link" / NAME / "Dockerfile").symlink_to("../../b-victim/say-hello/Dockerfile")
    (folder / "g-\x1b[31mred" / NAME).mkdir(parents=True)
    hand_in(folder, "h-retagger", RETAGGER)
    hand_in(folder, "i-last", VICTIM.replace("RUN", "RUN ", 1))
    ended = subprocess.run(
        lab("classroom", "grade", folder, "--jobs", "1"), capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "\x1b" not in ended.stdout
    found = scores(folder, exercises)
    fine = ["a-poisoner", "b-victim", "h-retagger", "i-last"]
    assert {name: found[name] for name in fine} == dict.fromkeys(fine, 3.0)
    others = ["c-thief", "e-bomb", "f-link", "g-\x1b[31mred"]
    assert {name: found[name] for name in others} == dict.fromkeys(others, 0.0)
    assert found["d-flooder"] in (0.0, 1.0)


@pytest.mark.long
def test_on_two_workers_also_when_one_is_killed(class_of, exercises: Path, tmp_path: Path):
    folder, expected = class_of(12)
    with ExitStack() as stack:
        address = stack.enter_context(scheduler(tmp_path))
        workers = [stack.enter_context(started_worker(address, tmp_path, f"w{number}")) for number in range(2)]
        batch = subprocess.Popen(
            lab("classroom", "grade", folder, "--cluster", address), stdout=subprocess.PIPE, text=True
        )
        assert batch.stdout
        lines = []
        for line in batch.stdout:
            lines.append(line)
            if sum("learner-" in one for one in lines) == 4:
                workers[0].send_signal(signal.SIGKILL)
        assert batch.wait(120) == 0, lines
        batch.stdout.close()
    assert scores(folder, exercises) == expected


PINNED = """\
title   = "Pin it"
lesson  = "00-start-here"
level   = "core"
minutes = 1

[[check]]
kind   = "pinning"
title  = "The base image has a tag"
points = 2
bases  = "tag"
"""


@pytest.mark.long
def test_two_thousand_go_through_the_scheduler(exercises: Path, tmp_path: Path):
    (exercises / "pin-it").mkdir()
    (exercises / "pin-it" / "exercise.toml").write_text(PINNED)
    folder, expected = tmp_path / "class", {}
    for number in range(2000):
        learner = f"learner-{number:04}"
        (folder / learner / "pin-it").mkdir(parents=True)
        tag = ":1" if number % 3 else ""
        (folder / learner / "pin-it" / "Dockerfile").write_text(f"FROM image{number}{tag}\n")
        expected[learner] = 2.0 if tag else 0.0
    with ExitStack() as stack:
        address = stack.enter_context(scheduler(tmp_path))
        for number in range(2):
            stack.enter_context(started_worker(address, tmp_path, f"w{number}"))
        began = time.monotonic()
        command = lab("classroom", "grade", folder, "--cluster", address)
        ended = subprocess.run(command, capture_output=True, text=True, timeout=900)
        print(f"{(time.monotonic() - began) / 2000 * 1000:.0f} ms for each")
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr
    exercise = load(exercises / "pin-it")
    with Store.open(folder) as store:
        book = gradebook.read(recognise(folder, ["pin-it"]), {"pin-it": exercise}, store)
        assert {entry.learner: entry.score for entry in book.entries} == expected


def test_nbgrader_grades_what_has_no_verdict_yet(exercises: Path, tmp_path: Path):
    course = tmp_path / "course"
    programs = Path(sys.executable).parent
    env = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"),
    }

    def run(*words: str) -> None:
        ended = subprocess.run(words, cwd=course, env=env, capture_output=True, text=True, timeout=180)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    subprocess.run(lab("classroom", "init", course), env=env, check=True, capture_output=True, timeout=60)
    nbgrader = [sys.executable, "-m", "nbgrader"]
    run(*nbgrader, "generate_assignment", NAME)
    handed_in = course / "submitted" / "ada" / NAME
    shutil.copytree(course / "release" / NAME, handed_in)
    (handed_in / "Dockerfile").write_text(GOOD.format(os.urandom(4).hex()))
    run(*nbgrader, "autograde", NAME)
    run(*nbgrader, "export", "--to", "grades.csv")
    rows = (course / "grades.csv").read_text().splitlines()
    assert '"ada"' in rows[1]
    assert '"3"' in rows[1]
    assert scores(course, exercises) == {"ada": 3.0}
