"""What the lab is doing: coming up, up, or in need of `lab up`, and why."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from layerwise.homepage import lab_state
from layerwise.stack import lock, state
from layerwise.stack.coming import Record, Step
from layerwise.stack.paths import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Something that listens where the registry should."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(lab_state, "REGISTRY_PORT", listening.getsockname()[1])
        yield listening


def record(home: Home) -> Record:
    return Record(home, [Step("engine", "Starting the engine", 3), Step("images", "Base images (3)", 40)])


def is_engine(home: Home, path: Path) -> None:
    state.write(home, state.State(engine=state.EngineRecord("host", f"unix://{path}")))


def listening(path: Path) -> closing[socket.socket]:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen()
    return closing(made)


def test_while_lab_up_runs_its_steps_are_told(home: Home) -> None:
    with lock.held(home, "up"):
        steps = record(home)
        steps.began("engine")
        steps.ended("engine", 2)
        steps.began("images")
        found = lab_state.look(home)
    assert (found.coming_up, found.up) == (True, False)
    assert found.said == "The lab is coming up: 1 of 2 steps done."
    assert [step.state for step in found.steps] == ["done", "running"]


def test_a_step_that_failed_is_told_with_the_problem(home: Home) -> None:
    with lock.held(home, "up"):
        steps = record(home)
        steps.began("engine")
        steps.failed("engine", 2)
        steps.stopped("port 5000 is taken by another program")
        assert lab_state.look(home).coming_up, "what is left may still be done"
    found = lab_state.look(home)
    assert (found.coming_up, found.up) == (False, False)
    assert (found.said, found.problem) == ("The lab did not come up.", "port 5000 is taken by another program")
    assert found.steps[0].state == "failed"


def test_a_lab_up_that_was_killed_is_not_waited_for(home: Home) -> None:
    with lock.held(home, "up"):
        record(home).began("engine")
    found = lab_state.look(home)
    assert (found.coming_up, found.up) == (False, False)
    assert "stopped before it was done" in found.said
    assert [step.state for step in found.steps] == ["stopped", "waiting"]


def test_what_answers_decides_once_all_is_done(home: Home, tmp_path: Path, registry: socket.socket) -> None:
    with lock.held(home, "up"):
        steps = record(home)
        for key in ("engine", "images"):
            steps.began(key)
            steps.ended(key, 1)
    assert lab_state.look(home).said == "The lab is not up."
    is_engine(home, tmp_path / "gone.sock")
    assert lab_state.look(home).said == "The lab's engine does not answer."
    with listening(tmp_path / "sock"):
        is_engine(home, tmp_path / "sock")
        assert lab_state.look(home).up
        registry.close()
        found = lab_state.look(home)
        assert (found.up, found.said) == (False, "The lab's registry does not answer.")
    assert lab_state.look(home).said == "The lab's engine does not answer.", "its socket is left, and nobody listens"


def test_a_lab_without_an_image_that_cannot_be_had_is_up_and_lacks_it(
    home: Home, tmp_path: Path, registry: socket.socket
) -> None:
    with lock.held(home, "up"):
        steps = record(home)
        steps.ended("engine", 1)
        steps.ended("images", 1, lacks="only docker.io has alpine:3.22")
    with listening(tmp_path / "sock"):
        is_engine(home, tmp_path / "sock")
        found = lab_state.look(home)
    assert (found.up, found.said, found.problem) == (True, "The lab is up.", "")
    assert found.lacks == "only docker.io has alpine:3.22"


def test_a_lab_of_which_a_step_failed_is_up_but_not_all_of_it(
    home: Home, tmp_path: Path, registry: socket.socket
) -> None:
    with lock.held(home, "up"):
        steps = record(home)
        steps.ended("engine", 1)
        steps.failed("images", 1)
    with listening(tmp_path / "sock"):
        is_engine(home, tmp_path / "sock")
        found = lab_state.look(home)
    assert (found.up, found.said) == (True, "The lab is up, but not all of it.")
    assert found.problem == "Base images (3) failed"


def test_the_engine_may_be_one_that_the_server_was_given(
    home: Home, tmp_path: Path, registry: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'sock'}")
    assert not lab_state.look(home).up
    with listening(tmp_path / "sock"):
        assert lab_state.look(home).up


@pytest.mark.parametrize("address", ["", "nonsense", "unix://", "tcp://127.0.0.1:x", "tcp://127.0.0.1:99999", "tcp://"])
def test_an_address_that_is_none_is_no_engine(home: Home, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    assert not lab_state.look(home).up


@pytest.mark.parametrize("text", ["", "{", "[]", '{"engine": 1}'])
def test_damaged_files_are_as_none(home: Home, text: str) -> None:
    home.state_file.write_text(text)
    home.coming_up.write_text(text)
    assert lab_state.look(home).said == "The lab is not up."
