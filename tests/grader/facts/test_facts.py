"""What can be known of a submission: what is read of it, what is asked of whom, and what is removed at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.canary import Plant
from grader.errors import (
    EngineFailure,
    EngineUnavailable,
    ExerciseInvalid,
    NotObservable,
    SubmissionFault,
    SubmissionUnusable,
    UnusableInput,
)
from grader.facts import Facts
from grader.facts import facts as module
from grader.facts.build import build as building
from grader.facts.build.build import Build
from grader.facts.build.build_log import BuildLog
from grader.facts.dockerfile.reference import ImageReference
from grader.facts.engine.command import CommandResult
from grader.facts.engine.engine import Engine
from grader.facts.registry import lookup
from grader.settings import BuildSettings
from grader.submission import Submission
from tests.grader.conftest import facts_of
from tests.grader.facts.engine.played import played
from tests.grader.facts.image.archives import Maker, plain, tar

FROM = "FROM scratch\nCOPY a /\nUSER 7\n"
IMAGE = Maker(tar(plain("etc/passwd", b"app:x:7:8::/:/bin/sh\n")))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "image.tar"
    path.write_bytes(IMAGE.docker())
    return path


# What is read of the folder


@pytest.mark.parametrize(
    ("files", "settings", "user"),
    [
        ({"Dockerfile": FROM}, {}, "7"),
        ({"Dockerfile": FROM, "x/D": "FROM scratch\nUSER 8\n"}, {"dockerfile": "x/D"}, "8"),
        ({"Dockerfile": FROM.replace("scratch", "scratch AS one") + "FROM one\nUSER 9\n"}, {"target": "one"}, "7"),
        ({"Dockerfile": "ARG U=1\nFROM scratch\nARG U\nUSER $U\n"}, {"args": {"U": "5"}}, "5"),
    ],
)
def test_the_plan_is_for_the_settings_of_the_exercise(
    submit: Callable[..., Path], files: dict[str, str], settings: dict[str, Any], user: str
) -> None:
    with facts_of(submit(files), **settings) as facts:
        assert facts.plan.target.state.user == user


def test_a_very_large_dockerfile_is_a_fault(submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DOCKERFILE", len(FROM))
    with facts_of(submit(Dockerfile=FROM)) as facts:
        assert facts.dockerfile.stages
    with (
        facts_of(submit(Dockerfile=FROM + "\n")) as facts,
        pytest.raises(SubmissionFault, match="is larger than 29 bytes"),
    ):
        _ = facts.dockerfile


def test_a_fault_of_the_file_is_that_of_all_that_needs_it(submit: Callable[..., Path]) -> None:
    with played() as (engine, _), facts_of(submit(Dockerfile="FROM scratch\nCOPPY a /\n"), engine) as facts:
        faults = []
        for name in ("dockerfile", "plan", "dependencies", "scripts", "build", "steps", "image", "configured_user"):
            with pytest.raises(SubmissionFault) as caught:
                getattr(facts, name)
            faults.append(caught.value)
        assert len({id(fault) for fault in faults}) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a", b"123"),
        ("sub/b", b"4"),
        ("sub/../a", b"123"),
        ("link", b"123"),
        ("nothing", None),
        ("sub", None),
        ("..", None),
        ("../../../../../../etc/passwd", None),
        ("/etc/passwd", None),
    ],
)
def test_a_file_of_the_submission(submit: Callable[..., Path], name: str, content: bytes | None) -> None:
    folder = submit({"Dockerfile": FROM, "a": "12345", "sub/b": "4"})
    (folder / "link").symlink_to("a")
    with facts_of(folder) as facts:
        assert facts.submitted_file(name, 3) == content


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.py", ""),
        ("sub/../a.py", ""),
        ("nothing", "nothing: there is no such file, and a check of the exercise needs it"),
        ("sub", "there is no such file"),
        ("../secret", "leads out of the exercise's folder"),
        ("out", "leads out of the exercise's folder"),
        ("/etc/passwd", "leads out of the exercise's folder"),
    ],
)
def test_a_file_of_the_exercise(tmp_path: Path, submit: Callable[..., Path], name: str, says: str) -> None:
    exercise = tmp_path / "exercise"
    (exercise / "sub").mkdir(parents=True)
    (exercise / "a.py").touch()
    (tmp_path / "secret").touch()
    (exercise / "out").symlink_to("../secret")
    with facts_of(submit(Dockerfile=FROM), exercise=exercise) as facts:
        if not says:
            assert facts.exercise_file(name) == exercise / "a.py"
            return
        with pytest.raises(ExerciseInvalid, match=says):
            facts.exercise_file(name)


def test_without_an_exercise_there_is_no_file_of_it(submit: Callable[..., Path]) -> None:
    with facts_of(submit(Dockerfile=FROM)) as facts, pytest.raises(NotObservable, match="no exercise was given"):
        facts.exercise_file("a.py")


@pytest.mark.parametrize(
    ("learner", "text", "filled"),
    [
        ("ada", "localhost:5000/{learner}/tides", "localhost:5000/ada/tides"),
        ("ada", "localhost:5000/all/tides", "localhost:5000/all/tides"),
        ("me", "push to {learner}", "push to me"),
    ],
)
def test_the_learners_name(learner: str, text: str, filled: str) -> None:
    assert Facts(None, learner=learner).repository(text) == filled
    assert Facts(None, learner=learner).repository(filled) == filled


@pytest.mark.parametrize("learner", ["", "Ada", "a/b", "a b", "../x"])
def test_a_name_that_no_repository_can_have(learner: str) -> None:
    with pytest.raises(UnusableInput):
        Facts(None, learner=learner)


# An image from an archive


def test_what_an_archive_shows(archive: Path) -> None:
    with Facts(None, archive=archive) as facts:
        assert (facts.from_archive, facts.has_folder) == (True, False)
        assert facts.image.config.env == {"A": "1"}
        assert facts.image.id.startswith("sha256:")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("submission", "only an image was handed in"),
        ("plan", "only an image was handed in"),
        ("context", "only an image was handed in"),
        ("dependencies", "only an image was handed in"),
        ("engine", "it is only read, not built or run"),
        ("build", "only an image was handed in"),
        ("canaries", "nothing could be planted"),
    ],
)
def test_what_it_does_not_show(archive: Path, name: str, says: str) -> None:
    with Facts(None, archive=archive) as facts, pytest.raises(NotObservable, match=says):
        getattr(facts, name)


def test_with_the_folder_too_the_image_is_still_that_of_the_archive(
    submit: Callable[..., Path], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with (
        Submission.open(submit(Dockerfile=FROM), BuildSettings()) as submission,
        Facts(submission, archive=archive) as facts,
    ):
        assert facts.plan.target.state.user == "7"
        assert facts.image.config.env == {"A": "1"}
        for name in ("engine", "build", "canaries"):
            with pytest.raises(NotObservable):
                getattr(facts, name)


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(b"no archive" * 1000)
    with Facts(None, archive=tmp_path / "image.tar") as facts, pytest.raises(SubmissionUnusable):
        _ = facts.image.config


@pytest.mark.parametrize(
    ("user", "uid", "gid"), [("", 0, 0), ("app", 7, 8), ("7", 7, 8), ("9:10", 9, 10), ("nobody", None, None)]
)
def test_the_user_by_the_images_own_tables(tmp_path: Path, user: str, uid: int | None, gid: int | None) -> None:
    made = Maker(*IMAGE.layers)
    made.config["config"]["User"] = user
    (tmp_path / "image.tar").write_bytes(made.docker())
    with Facts(None, archive=tmp_path / "image.tar") as facts:
        if uid is None:
            with pytest.raises(SubmissionFault, match="nobody"):
                _ = facts.configured_user
        else:
            assert (facts.configured_user.uid, facts.configured_user.gid) == (uid, gid)


# What is built and run


def built(monkeypatch: pytest.MonkeyPatch, removed: list[str]) -> list[dict[str, Any]]:
    """Builds are played: an image `made-N` for each. Returns the calls, and notes what is removed."""
    calls: list[dict[str, Any]] = []

    def build(engine: Engine, submission: object, **more: Any) -> Build:
        calls.append(more)
        return Build(BuildLog(True, 1.0), f"made-{len(calls)}")

    monkeypatch.setattr(building, "build", build)
    monkeypatch.setattr(Engine, "remove_image", lambda _engine, name: removed.append(name))
    return calls


def test_the_image_is_removed_at_the_end(submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []
    with played() as (engine, _), facts_of(submit(Dockerfile=FROM), engine) as facts:
        calls = built(monkeypatch, removed)
        assert (facts.runnable, facts.build.image) == ("made-1", "made-1")
        facts.at_end(removed.append, "last")
        assert (len(calls), removed) == (1, [])
    assert removed == ["last", "made-1"]


def test_an_engine_that_was_given_stays_open_and_one_of_its_own_is_closed(
    submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Engine] = []
    monkeypatch.setattr(Engine, "close", lambda engine: closed.append(engine))
    with played() as (engine, player):
        with facts_of(submit(Dockerfile=FROM), engine) as facts:
            assert facts.engine is engine
        assert closed == []
        monkeypatch.setenv("DOCKER_HOST", player.host)
        with facts_of(submit(Dockerfile=FROM)) as facts:
            own = facts.engine
            assert own is not engine
            assert closed == []
        assert closed == [own]


def test_no_engine_answers(submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with facts_of(submit(Dockerfile=FROM)) as facts, pytest.raises(EngineUnavailable):
        _ = facts.build


def test_an_image_that_went_away_is_the_engines_fault(
    submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with played() as (engine, _), facts_of(submit(Dockerfile=FROM), engine) as facts:
        built(monkeypatch, [])
        with pytest.raises(EngineFailure, match="is gone from the engine: grade again"):
            _ = facts.image


def test_output_is_searched_only_if_something_was_planted(
    submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plants = [Plant(arg="TOKEN")]
    for planted in ([], plants):
        with played() as (engine, _), facts_of(submit(Dockerfile=FROM), engine, plants=planted) as facts:
            calls = built(monkeypatch, [])
            _ = facts.build
            assert (calls[0]["on_output"] is not None) == bool(planted)
            assert len(facts.canaries) == len(planted)


def result(exit_code: int | None = 0) -> CommandResult:
    return CommandResult(exit_code, "", "", 0.1)


@pytest.mark.parametrize(
    ("codes", "ran"),
    [
        ([0, 0, 0], [["a"], ["b"], ["last"]]),
        ([1, 0, 3], [["a"], ["b"], ["last"]]),  # whatever their status
        ([None], [["a"]]),
        ([0, None], [["a"], ["b"]]),
    ],
)
def test_commands_one_after_the_other(
    submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, codes: list[int | None], ran: list[list[str]]
) -> None:
    removed: list[str] = []
    calls: list[tuple[str, list[str], str]] = []

    def run(_engine: Engine, image: str, command: list[str], *, keep: str = "", **more: Any) -> CommandResult:
        judged = [] if keep else ["stdout"]
        assert {**more, "judged": list(more["judged"])} == {"timeout": 5.0, "env": {"A": "1"}, "judged": judged}
        calls.append((image, command, keep))
        return result(codes[len(calls) - 1])

    monkeypatch.setattr("grader.facts.engine.command.run_command", run)
    with played() as (engine, _), facts_of(submit(Dockerfile=FROM), engine) as facts:
        built(monkeypatch, removed)
        found = facts.run_after([["a"], ["b"]], ["last"], {"A": "1"}, timeout=5.0, judged=["stdout"])
    assert found.exit_code == codes[-1]
    assert [command for _, command, _ in calls] == ran
    kept = [keep for _, command, keep in calls if command != ["last"]]
    # Each runs on what the one before it left, and all of that is removed.
    assert [image for image, _, _ in calls] == ["made-1", *kept][: len(calls)]
    assert removed == [*reversed(kept), "made-1"]
    assert len(set(kept)) == len(kept)


# What is asked of a registry


def test_a_tag_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that all checks see the same, even if it moves in the meantime."""
    asked: list[tuple[str, str]] = []

    class Served:
        def __init__(self, name: str) -> None:
            self.name = name

        def manifest(self, tag: str) -> str:
            asked.append((self.name, tag))
            return f"{self.name}:{tag}#{len(asked)}"

    monkeypatch.setattr(Facts, "served", lambda facts, name: Served(facts.repository(name)))
    with Facts(None, learner="ada") as facts:
        for _ in range(2):
            assert facts.manifest("r/{learner}/x", "1") == "r/ada/x:1#1"  # type: ignore[comparison-overlap]
            assert facts.manifest("r/{learner}/x", "2") == "r/ada/x:2#2"  # type: ignore[comparison-overlap]
    assert asked == [("r/ada/x", "1"), ("r/ada/x", "2")]


def test_a_digest_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def has(reference: ImageReference) -> bool:
        asked.append(str(reference))
        return len(asked) == 1

    monkeypatch.setattr(lookup, "has_manifest", has)
    one, other = (ImageReference("localhost:5000", "x", "", f"sha256:{digit * 64}") for digit in "ab")
    with Facts(None) as facts:
        assert [facts.has_image(one), facts.has_image(other), facts.has_image(one)] == [True, False, True]
    assert len(asked) == 2
