"""Faults of an engine, translated: what is not there, what is the engine's, and what the image is to blame for."""

from __future__ import annotations

import pytest

from grader.errors import EngineFailure, EngineUnavailable
from grader.facts.engine.errors import NEVER_BEGAN, ContainerRefused
from tests.grader.facts.engine.played import played


@pytest.mark.parametrize(
    ("status", "message", "fault", "says"),
    [
        (404, "No such container: x", KeyError, "No such container"),
        (409, "container x is not running", KeyError, "not running"),
        (409, "removal of container x is already in progress", KeyError, "in progress"),
        (409, "name is taken", EngineFailure, "name is taken"),
        (500, "write /x: no space left on device", EngineFailure, "disk is full"),
        (500, "\x1b[31mbad\nthing", EngineFailure, "bad thing"),
    ],
)
def test_faults_are_translated(status: int, message: str, fault: type[Exception], says: str) -> None:
    with played(containers__x__json=(status, {"message": message})) as (engine, _):
        with pytest.raises(fault, match=says) as raised:
            engine.inspect_container("x")
        assert "\x1b" not in str(raised.value)


def test_an_answer_that_is_cut_short_and_an_engine_that_is_gone() -> None:
    with played(containers__x__json=(200, b'{"State": ')) as (engine, player):
        with pytest.raises(EngineFailure, match="cut short"):
            engine.inspect_container("x")
        player.close()
        with pytest.raises(EngineUnavailable, match="stopped answering"):
            engine.inspect_container("x")
        assert not engine.answers()


REFUSED = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (REFUSED + 'unable to start container process: exec: "nope": executable file not found in $PATH: unknown',
         'exec: "nope": executable file not found in $PATH'),
        (REFUSED + 'container_linux.go:380: starting container process caused: exec: "/x": permission denied: unknown',
         'exec: "/x": permission denied'),
        (REFUSED + 'unable to start container process: chdir to cwd ("/w") failed: not a directory: unknown',
         'chdir to cwd'),
        ("no command specified", "no command specified"),
        ("unable to find user nope: no matching entries in passwd file", "unable to find user nope"),
        ("linux spec user: uids and gids must be in range 0-2147483647", "linux spec user: uids and gids"),
    ],
)  # fmt: skip
def test_what_the_image_is_to_blame_for(message: str, says: str) -> None:
    with played(containers__create=(400, {"message": message})) as (engine, _):
        with pytest.raises(ContainerRefused) as refused:
            engine.create_container("x", host={})
        assert str(refused.value).startswith(says)


@pytest.mark.parametrize(
    "message",
    [
        "could not select device driver",
        "driver failed programming external connectivity: address already in use",
        REFUSED
        + "unable to start container process: waiting for init preliminary setup: read init-p: connection reset",
    ],
)
def test_and_what_it_is_not(message: str) -> None:
    with (
        played(containers__create=(500, {"message": message})) as (engine, _),
        pytest.raises(EngineFailure, match="the engine failed"),
    ):
        engine.create_container("x", host={})
    assert bool(NEVER_BEGAN.search(message)) is ("preliminary" in message)
