"""A build whose export loses a race inside the engine is exported again; no other failure is tried twice.

The race needs two gradings and luck (once in 200 builds), so the engine's words, recorded when it happened, are played.
"""

from __future__ import annotations

import base64
import json

import pytest

from grader.errors import EngineFailure
from grader.exercise import BuildSettings
from grader.facts import build as module
from grader.facts.engine import EngineInfo
from grader.process import Ended
from grader.submission import Submission

GONE = (
    'failed to prepare extraction snapshot "extract-598730306-0CR_ sha256:8f23": '
    "parent snapshot sha256:8274 does not exist: not found"
)
BEGAN, ENDS = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


class Engine:
    """What `build` asks of an engine besides buildx."""

    host = "unix:///nowhere.sock"
    info = EngineInfo("26.1.5", "containerd", "amd64", "linux", 2, 1 << 30, "cgroupfs", "1")

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
    with pytest.raises(EngineFailure, match="could not begin with RUN make"):
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
