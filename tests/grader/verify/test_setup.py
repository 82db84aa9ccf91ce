"""Scripts of known submissions: what they are given, how a failure is said, and that nothing of theirs is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from grader.errors import ExerciseInvalid, RegistryUnavailable
from grader.exercise import Exercise, load
from grader.facts.engine.engine import Engine
from grader.facts.registry.repository import Repository, catalogue
from grader.lib import patience
from grader.verify import cleanup, setup
from grader.verify.proving import verify

BASE = "localhost:5000/base/busybox:musl"
EXERCISE = """
title = "t"
lesson = "l"
level = "core"
minutes = 1
images = ["busybox:musl"]
[[check]]
kind = "answers"
title = "The digest that runs"
points = 10
file = "answers.toml"
"""
KEY = '[runs]\nkind = "digest"\nmeasure = "digest localhost:5000/{learner}/script-test/tiny:1"\n'
PUSH = """
image=$REGISTRY/$LEARNER/script-test/tiny:1
docker build --quiet --tag $image .
docker push --quiet $image
"""
WRITE = (
    "echo runs = \"$(docker buildx imagetools inspect --format '{{json .Manifest.Digest}}' $image)\" > answers.toml\n"
)

INDEX = """
image=$REGISTRY/$LEARNER/script-test/index
docker build --quiet --platform linux/arm64 --tag $image:arm .
docker push --quiet $image:arm
docker buildx imagetools create --tag $image:all $image:arm
docker image rm $image:arm
for tag in arm all; do
    docker buildx imagetools inspect --format '{{json .Manifest.Digest}}' $image:$tag | tr -d '"'
    echo
done > digests
"""


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def expect(kind: str, status: str, base: str = "solution") -> str:
    return f'why = "so"\nkind = "{kind}"\nbase = "{base}"\n[checks]\nanswers = "{status}"\n'


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    folder = tmp_path / "01-script"
    put(
        folder,
        {
            "exercise.toml": EXERCISE,
            "key.toml": KEY,
            "starter/Dockerfile": f"FROM {BASE}\n",
            "starter/answers.toml": 'runs = ""\n',
            "solution/Dockerfile": f"FROM {BASE}\nLABEL made={time.time_ns()}\n",
            "solution.sh": PUSH + WRITE,
            "variants/starter/expect.toml": expect("starter", "failed", "starter"),
            "variants/odd/expect.toml": expect("odd-but-right", "passed"),
            "variants/odd/Dockerfile": f"FROM {BASE}\nLABEL odd={time.time_ns()}\n",
            "variants/not-pushed/expect.toml": expect("cheat", "failed"),
            "variants/not-pushed/do.sh": f"echo \"runs = 'sha256:{'0' * 64}'\" > answers.toml\n",
            "variants/two-pushes/expect.toml": expect("near-miss", "failed"),
            "variants/two-pushes/do.sh": PUSH + WRITE + "echo LABEL again=1 >> Dockerfile\n" + PUSH,
        },
    )
    return load(folder)


def hanging(exercise: Exercise, then: str) -> list[str]:
    """A command that proves the exercise, the solution's script of which pushes and then does this."""
    put(exercise.folder, {"solution.sh": PUSH + then})
    return [sys.executable, "-m", "layerwise.cli", "exercises", "verify", "--jobs=1", str(exercise.folder)]


@pytest.mark.lab
@pytest.mark.usefixtures("nothing_left")
def test_each_trial_pushes_under_a_name_of_its_own_and_nothing_is_left(exercise):
    outcomes = {outcome.submission: outcome for outcome in verify([exercise])}
    wrong = {name: outcome.error or outcome.problems for name, outcome in outcomes.items() if not outcome.proved}
    assert not wrong
    assert set(outcomes) == {"solution", "starter", "odd", "not-pushed", "two-pushes"}
    assert not pushed_by(os.getpid())
    assert sorted(path.name for path in exercise.solution.iterdir()) == ["Dockerfile"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("exit 3", "ended with status 3 and said nothing"),
        ("echo so far\necho no such image >&2\nfalse", "ended with status 1: no such image"),
        ("echo so far\nfalse\necho not reached", "ended with status 1: so far"),
        ("echo $NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE"),
        ("seq 9 >&2; exit 1", "ended with status 1: 5 | 6 | 7 | 8 | 9"),
        ("printf 'a\\033[31mb\\a\\377c' >&2; kill -9 $$", "ended with status -9: a"),
        ("yes", "was stopped, since it prints without end: y | y | y | y | y"),
        ("printf %1000s x | tr ' ' x >&2; exit 1", "ended with status 1: xxx"),
        ("sleep 60", "did not end within 500 ms and said nothing"),
    ],
)
def test_a_script_that_fails_is_said_with_its_last_lines(text, says, tmp_path, monkeypatch):
    put(tmp_path, {"do.sh": text})
    if text.startswith("sleep"):
        monkeypatch.setattr(setup, "TIMEOUT", 0.5)
        monkeypatch.setattr(patience, "MOST", 1.0)
    with pytest.raises(ExerciseInvalid) as caught:
        setup.run(tmp_path / "do.sh", tmp_path, "me")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/do.sh: ")
    assert says in message
    assert message.isprintable()
    assert len(message) < 1500


def test_what_a_script_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///some.sock")
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    put(
        tmp_path, {"do.sh": "cat; pwd; echo $LEARNER $REGISTRY $DOCKER_HOST $DOCKER_CONFIG [$COSIGN_PASSWORD]; cd; pwd"}
    )
    (tmp_path / "laid-out").mkdir()
    put(tmp_path, {"do.sh": (tmp_path / "do.sh").read_text().replace("cat;", "exec > told; cat;")})
    setup.run(tmp_path / "do.sh", tmp_path / "laid-out", "ada")
    where, given, home = (tmp_path / "laid-out" / "told").read_text().splitlines()
    assert where == str(tmp_path / "laid-out")
    assert given == "ada localhost:5000 unix:///some.sock /home/ada/.docker []"
    assert home != "/home/ada"
    assert not Path(home).exists()


LOST = 'failed to prepare extraction snapshot "a": parent snapshot sha256:1 does not exist: not found'


@pytest.mark.parametrize(("said", "times"), [(LOST, 2), ("no such file: not found", 1)])
def test_a_script_from_which_the_engine_took_a_layer_runs_again(
    said: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []
    monkeypatch.setattr(cleanup, "remove", removed.append)
    folder, runs = tmp_path / "folder", tmp_path / "runs"
    put(tmp_path, {"folder/Dockerfile": "FROM x\n", "folder/sub/a": "1"})
    script = f"echo run >> {runs}; test ! -e key; touch key; rm -r sub; echo '{said}' >&2; exit 1\n"
    put(tmp_path, {"do.sh": script})
    with pytest.raises(ExerciseInvalid, match="not found"):
        setup.run(tmp_path / "do.sh", folder, "ada")
    assert runs.read_text() == "run\n" * times
    assert removed == ["ada"] * (times - 1)
    put(tmp_path, {"do.sh": f"test -e {runs}.2 && exit 0; touch {runs}.2; {script}"})
    put(folder, {"Dockerfile": "FROM y\n", "sub/a": "2"})
    (folder / "key").unlink()
    if times == 2:
        setup.run(tmp_path / "do.sh", folder, "ada")
        assert sorted(path.name for path in folder.rglob("*")) == ["Dockerfile", "a", "sub"]


@pytest.mark.lab
def test_a_script_that_fails_is_no_grade_and_the_others_go_on(exercise):
    put(exercise.folder, {"solution.sh": PUSH + "echo the oven is cold >&2; exit 7"})
    outcomes = {outcome.submission: outcome for outcome in verify([exercise])}
    assert outcomes["solution"].error == f"{exercise.folder}/solution.sh: ended with status 7: the oven is cold"
    assert outcomes["odd"].error
    assert outcomes["two-pushes"].proved
    assert not pushed_by(os.getpid())


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_of_a_script_nothing_is_left(exercise, tmp_path, number):
    process = subprocess.Popen(hanging(exercise, f"touch {tmp_path}/pushed; sleep 300"), start_new_session=True)
    try:
        wait_for(tmp_path / "pushed")
        assert pushed_by(process.pid)
        process.send_signal(number)
        process.wait(60)
    finally:
        end(process)
    assert not pushed_by(process.pid)


@pytest.mark.lab
def test_what_a_crash_left_is_removed_by_the_next_proof(exercise, tmp_path):
    process = subprocess.Popen(hanging(exercise, f"touch {tmp_path}/pushed; sleep 300"), start_new_session=True)
    try:
        wait_for(tmp_path / "pushed")
        cleanup.sweep()
        assert pushed_by(process.pid), "what a living process has pushed is in use"
    finally:
        end(process)
    assert pushed_by(process.pid)
    cleanup.sweep()
    assert not pushed_by(process.pid)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert path.exists()


def end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


def pushed_by(pid: int) -> list[str]:
    """What trials of that process have in the registry and on the engine."""
    return [name for name in found() if f"-{pid}-" in name]


def found() -> list[str]:
    """The learners of all trials that have something in the registry or on the engine."""
    with closing(Engine.connect()) as engine:
        images = [name.removeprefix("localhost:5000/") for name in engine.image_names()]
    pushed = [name for name in catalogue(cleanup.REGISTRY, "verify-") if Repository(cleanup.REGISTRY, name).tags()]
    return [name.partition("/")[0] for name in (*images, *pushed) if name.startswith("verify-")]


@pytest.mark.engine
def test_a_registry_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(cleanup, "REGISTRY", "localhost:9")
    with pytest.raises(RegistryUnavailable, match="localhost:9 does not answer"):
        cleanup.remove(cleanup.new_learner())
    cleanup.sweep()


@pytest.mark.lab
def test_an_index_goes_with_what_it_lists(tmp_path):
    learner = cleanup.new_learner()
    put(tmp_path, {"Dockerfile": "FROM scratch\nCOPY do.sh /\n", "do.sh": INDEX})
    setup.run(tmp_path / "do.sh", tmp_path, learner)
    digests = (tmp_path / "digests").read_text().split()
    repository = Repository(cleanup.REGISTRY, f"{learner}/script-test/index")
    assert all(repository.manifest(digest) for digest in digests)
    cleanup.remove(learner)
    assert not any(repository.manifest(digest) for digest in digests)
    assert not pushed_by(os.getpid())
