"""How buildx is run, whose fault a failed build is, and which of the engine's faults are tried a second time.

What needs two gradings and luck (once in 200 builds) is played, in the engine's words as recorded when it happened.
"""

import base64
import json

import pytest

from grader.canary import Plant
from grader.errors import EngineFailure, EngineUnavailable, RegistryUnavailable
from grader.facts.build import build as module
from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.engine.info import EngineInfo
from grader.lib.process import Ended
from grader.settings import BuildSettings
from grader.submission import Submission

GONE = (
    'failed to prepare extraction snapshot "extract-598730306-0CR_ sha256:8f23": '
    "parent snapshot sha256:8274 does not exist: not found"
)
BEGAN, ENDS = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


class Engine:
    """What `build` asks of an engine besides buildx."""

    host = "unix:///nowhere.sock"
    info = EngineInfo("26.1.5", "containerd", "amd64", "linux", 2, 1 << 30)

    def answers(self) -> bool:
        return True

    def remove_image(self, name: str) -> None: ...


def play(monkeypatch, *failures):
    """Let buildx end as told, one failure after another and then well: (name of the vertex, its error)."""
    calls = []

    def run(command, *, on_stderr, **_):
        calls.append(command)
        step = {"digest": "sha256:1", "name": "[2/2] RUN true", "started": BEGAN, "completed": ENDS}
        vertexes = [step]
        failed = len(calls) <= len(failures)
        if failed:
            name, error, *printed = failures[len(calls) - 1]
            vertexes.append({"digest": "sha256:2", "name": name, "started": BEGAN, "completed": ENDS, "error": error})
            logs = [{"vertex": "sha256:2", "data": base64.b64encode(text.encode()).decode()} for text in printed]
            on_stderr(json.dumps({"logs": logs}).encode() + b"\n")
        elif failures:
            step["cached"] = True
        on_stderr(json.dumps({"vertexes": vertexes}).encode() + b"\n")
        return Ended(1 if failed else 0, b"", b"", 1.0 * len(calls))

    monkeypatch.setattr(module.process, "run", run)
    monkeypatch.setattr(module, "buildx", lambda: ("docker", "buildx"))
    return calls


@pytest.fixture
def submission(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with Submission.open(tmp_path, BuildSettings()) as submission:
        yield submission


def test_a_lost_race_is_exported_again_and_the_first_build_tells_how_it_went(monkeypatch, submission):
    calls = play(monkeypatch, ("exporting to image", GONE))
    made = module.build(Engine(), submission)
    assert len(calls) == 2
    assert calls[0] == calls[1]
    assert made.log.ok
    assert made.log.failed is None
    assert made.log.seconds == 1.0
    assert [step.name for step in made.log.steps] == ["[2/2] RUN true"]


@pytest.mark.parametrize(
    ("failures", "count"),
    [
        ([("exporting to image", GONE)] * 2, 2),
        ([("exporting to image", "something else")], 1),
        ([("[2/2] RUN true", GONE)], 1),
    ],
)
def test_nothing_else_is_tried_twice(monkeypatch, submission, failures, count):
    calls = play(monkeypatch, *failures)
    with pytest.raises((EngineFailure, module.BuildFailed)):
        module.build(Engine(), submission)
    assert len(calls) == count


def test_a_build_that_exports_nothing_has_no_export_to_repeat(monkeypatch, submission):
    calls = play(monkeypatch, ("exporting to image", GONE))
    with pytest.raises(EngineFailure):
        module.build(Engine(), submission, export=False)
    assert len(calls) == 1


ENDED = 'process "/bin/sh -c make" did not complete successfully: exit code: 1'
LOST = (
    "runc run failed: unable to start container process: waiting for init preliminary setup: "
    "read init-p: connection reset by peer\n"
)


def test_a_run_that_never_began_is_built_again_and_what_ended_before_is_told_as_it_went(monkeypatch, submission):
    calls = play(monkeypatch, ("[3/3] RUN make", ENDED, LOST))
    made = module.build(Engine(), submission, export=False)
    assert len(calls) == 2
    assert made.log.ok
    assert [(step.name, step.cached) for step in made.log.steps] == [("[2/2] RUN true", False)]


def test_a_run_that_never_begins_is_the_engines_fault(monkeypatch, submission):
    calls = play(monkeypatch, *[("[3/3] RUN make", ENDED, LOST)] * 2)
    with pytest.raises(EngineFailure, match="could not start RUN make"):
        module.build(Engine(), submission)
    assert len(calls) == 2


@pytest.mark.parametrize(
    "printed",
    [
        "make: *** no rule\n",
        LOST + "and more\n",
        "said: " + LOST,
        'runc run failed: unable to start container process: exec: "/bin/sh": no such file or directory\n',
    ],
)
def test_any_other_run_that_fails_is_the_submissions(monkeypatch, submission, printed):
    calls = play(monkeypatch, ("[3/3] RUN make", ENDED, printed))
    with pytest.raises(module.BuildFailed):
        module.build(Engine(), submission)
    assert len(calls) == 1


def say(monkeypatch, *words):
    """Let buildx end with each of these lines, after a step that ended well, and then well."""
    calls = []

    def run(command, *, on_stderr, **_):
        calls.append(command)
        failed = len(calls) <= len(words)
        step = {"digest": "sha256:1", "name": "[2/2] RUN true", "started": BEGAN, "completed": ENDS}
        on_stderr(json.dumps({"vertexes": [step | {"cached": len(calls) > 1}]}).encode() + b"\n")
        if failed:
            on_stderr(f"ERROR: failed to solve: {words[len(calls) - 1]}\n".encode())
        return Ended(1 if failed else 0, b"", b"", 1.0)

    monkeypatch.setattr(module.process, "run", run)
    monkeypatch.setattr(module, "buildx", lambda: ("docker", "buildx"))
    return calls


def test_what_the_engine_lost_while_it_built_is_built_again(monkeypatch, submission):
    calls = say(monkeypatch, "not found")
    made = module.build(Engine(), submission)
    assert len(calls) == 2
    assert made.log.ok
    assert [(step.name, step.cached) for step in made.log.steps] == [("[2/2] RUN true", False)]


def test_what_the_engine_loses_again_is_its_fault(monkeypatch, submission):
    calls = say(monkeypatch, "not found", "not found")
    with pytest.raises(EngineFailure, match="cut short"):
        module.build(Engine(), submission)
    assert len(calls) == 2


@pytest.mark.parametrize("words", ['target stage "x" could not be found', "/app.py: not found", "stage not found"])
def test_what_is_not_there_and_is_named_is_the_submissions(monkeypatch, submission, words):
    calls = say(monkeypatch, words)
    with pytest.raises(module.BuildFailed):
        module.build(Engine(), submission)
    assert len(calls) == 1


STEP = "[2/2] RUN make"
LOAD = "[internal] load metadata for localhost:5000/x:1"
SOLVE = "ERROR: failed to solve: "
EXIT = 'process "/bin/sh -c make" did not complete successfully: exit code: {}'


def failed(name: str = "", error: str = "", output: str = "", trailer: str = "") -> BuildLog:
    vertexes = (Vertex("a", name, error=error, output=output, started=1.0, completed=2.0),) if name else ()
    return BuildLog(False, 1.0, vertexes, trailer)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (failed(STEP, EXIT.format(2), "cc: no such file\n"), "RUN make ended with exit status 2"),
        (failed(STEP, EXIT.format(137)), "killed: out of memory"),
        (failed(STEP, EXIT.format(1), trailer=" 3 | >>> RUN make\n"), "Dockerfile, line 3: RUN make ended"),
        (failed("[2/2] COPY a /", 'failed to compute cache key: "/a": not found'), 'COPY a / failed: "/a": not found'),
        (failed(trailer=f"{SOLVE}dockerfile parse error on line 2: unknown instruction: X"), "unknown instruction: X"),
        (failed(trailer=f"{SOLVE}failed to load LLB: network.host is not allowed"), "a RUN asks for --network=host"),
        (failed("exporting to image", "open /x: file name too long"), "no layer can hold"),
        (failed("exporting to image", 'failed to convert whiteout file ".wh.-a": file exists'), "no layer can hold"),
        (failed("[internal] load metadata for docker.io/library/x:1", "docker.io/library/x:1: not found"),
         "the base image docker.io/library/x:1 cannot be pulled (not found)"),
        (failed("resolve image config for docker-image://docker.io/docker/dockerfile:9", "x: pull access denied"),
         "the Dockerfile frontend docker.io/docker/dockerfile:9 cannot be pulled (pull access denied)"),
    ],
)  # fmt: skip
def test_the_submissions_fault(log, says):
    fault = module.explain(log)
    assert isinstance(fault, module.BuildFailed)
    assert says in str(fault)
    assert fault.log is log


@pytest.mark.parametrize(
    ("log", "kind", "says"),
    [
        (failed(STEP, "write /var/lib: no space left on device"), EngineFailure, "disk is full"),
        (failed(STEP, EXIT.format(1), "tar: write error: No space left on device\n"), EngineFailure, "disk is full"),
        (failed(STEP, "rpc error: code = Unavailable desc = x"), EngineFailure, "cut short at RUN make"),
        (failed("exporting to image", "no space left on device"), EngineFailure, "disk is full"),
        (failed("exporting to image", "something odd"), EngineFailure, "cut short"),
        (failed(), EngineFailure, "the engine does not say why"),
        (failed(trailer="ERROR: Cannot connect to the Docker daemon at unix:///x"), EngineFailure, "cut short"),
        (failed(LOAD, 'failed to do request: Head "http://x": dial tcp: connection refused'), RegistryUnavailable,
         "cannot be pulled, since its registry does not answer"),
        (failed(LOAD, "unexpected status from HEAD request to https://x: 429 Too Many"), RegistryUnavailable, "lab up"),
        (failed(LOAD, "unexpected status from HEAD request to https://x: 503 Busy"), RegistryUnavailable, "lab up"),
    ],
)  # fmt: skip
def test_nobodys_fault(log, kind, says):
    fault = module.explain(log)
    assert type(fault) is kind
    assert says in str(fault)


def test_a_step_that_says_the_disk_is_full_and_goes_on_is_the_submissions():
    log = failed(STEP, EXIT.format(3), "no space left on device\n" + "line\n" * 30)
    assert isinstance(module.explain(log), module.BuildFailed)


def test_what_a_learner_sees_of_a_step_that_failed():
    fault = module.explain(
        failed(STEP, EXIT.format(2), "".join(f"line {number}\n" for number in range(40))), "web.Dockerfile"
    )
    assert fault.details == {"output": "\n".join(f"line {number}" for number in range(28, 40))}


def ending(monkeypatch, ended):
    monkeypatch.setattr(module.process, "run", lambda *_, **__: ended)
    monkeypatch.setattr(module, "buildx", lambda: ("docker", "buildx"))


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (Ended(None, b"", b"", 1.0, timed_out=True), "did not end within 10 min"),
        (Ended(None, b"", b"", 1.0, flooded=True), "printed more than"),
    ],
)
def test_a_build_that_is_stopped(monkeypatch, submission, ended, says):
    ending(monkeypatch, ended)
    with pytest.raises(module.BuildFailed, match=says):
        module.build(Engine(), submission)


def test_an_engine_that_is_gone(monkeypatch, submission):
    ending(monkeypatch, Ended(1, b"", b"", 1.0))
    engine = Engine()
    engine.answers = lambda: False
    with pytest.raises(EngineUnavailable, match="stopped answering during the build"):
        module.build(engine, submission)


def test_an_old_builder_that_does_not_know_the_syntax(monkeypatch, submission):
    say(monkeypatch, *["dockerfile parse error line 2: unknown instruction: EOF"] * 2)
    engine = Engine()
    engine.info = EngineInfo("20.10.24", "overlay2", "amd64", "linux", 2, 1 << 30)
    with pytest.raises(EngineFailure, match=r"too old for Dockerfile \(EOF\)"):
        module.build(engine, submission)


REFUSED = "dockerfile parse error on line 2: unknown flag: exclude"


def test_a_flag_that_only_newer_frontends_know(monkeypatch, submission):
    say(monkeypatch, REFUSED)
    with pytest.raises(EngineFailure) as told:
        module.build(Engine(), submission)
    for word in ("BuildKit in Docker 26.1.5", "does not know COPY --exclude", "since version 1.19", "# syntax="):
        assert word in str(told.value)


@pytest.mark.parametrize(
    ("first", "words"), [("# syntax=docker/dockerfile:1.4\n", REFUSED), ("", REFUSED.replace("exclude", "exclud"))]
)
def test_a_flag_that_the_files_own_frontend_or_no_frontend_knows_is_a_mistake(monkeypatch, tmp_path, first, words):
    say(monkeypatch, words)
    (tmp_path / "Dockerfile").write_text(first + "FROM scratch\nCOPY --exclude=a . .\n")
    with (
        Submission.open(tmp_path, BuildSettings()) as submission,
        pytest.raises(module.BuildFailed, match="unknown flag"),
    ):
        module.build(Engine(), submission)


def test_what_buildx_is_told(monkeypatch, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "app").mkdir()
    settings = BuildSettings(args={"A": "1"}, target="x", context="app")
    seen = {}

    def run(command, *, env, on_stderr, **_):
        seen.update(command=command, env=env)
        return Ended(0, b"", b"", 1.0)

    monkeypatch.setattr(module.process, "run", run)
    monkeypatch.setattr(module, "buildx", lambda: ("docker", "buildx"))
    for name in ("BUILDX_BUILDER", "BUILDKIT_HOST", "DOCKER_CONTEXT", "SOURCE_DATE_EPOCH", "DOCKER_DEFAULT_PLATFORM"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("DOCKER_CONFIG", "kept")
    with Submission.open(tmp_path, settings, plants=[Plant(secret="token")]) as submission:
        made = module.build(Engine(), submission, cache=False, cache_mounts="fresh")
        value = submission.canaries[0].content
    command, env = seen["command"], seen["env"]
    assert {"--build-arg=A=1", "--target=x", "--no-cache", "--build-arg=BUILDKIT_CACHE_MOUNT_NS=fresh", "--load"} <= {
        *command
    }
    assert f"--tag={made.image}" in command
    assert command[-1] != str(tmp_path / "app"), "a private copy, with a name of its own"
    (secret,) = [word for word in command if word.startswith("--secret=id=token,env=")]
    assert env[secret.partition("env=")[2]] == value, "a secret is handed over by name, and is on no command line"
    assert not any(value in word for word in command)
    assert (
        not {"BUILDX_BUILDER", "BUILDKIT_HOST", "DOCKER_CONTEXT", "SOURCE_DATE_EPOCH", "DOCKER_DEFAULT_PLATFORM"}
        & env.keys()
    )
    assert (env["DOCKER_CONFIG"], env["DOCKER_HOST"]) == ("kept", Engine.host)


def test_an_image_that_was_not_finished_is_removed(monkeypatch, submission):
    removed = []
    engine = Engine()
    engine.remove_image = removed.append

    def run(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.process, "run", run)
    monkeypatch.setattr(module, "buildx", lambda: ("docker", "buildx"))
    with pytest.raises(KeyboardInterrupt):
        module.build(engine, submission)
    assert len(removed) == 1
    assert removed[0].startswith("layerwise-grade:")
    assert not list(submission.folder.parent.glob("buildx-*"))
