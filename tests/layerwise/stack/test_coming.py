"""What `lab up` is doing is written down, and one that has ended is not waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerwise.stack import coming, files, lock
from layerwise.stack.coming import Record, Step
from layerwise.stack.paths import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def steps() -> list[Step]:
    return [Step("engine", "Starting the engine", 3), Step("images", "Base images (3)", 40)]


def test_each_step_is_told_as_it_goes(home: Home) -> None:
    with lock.held(home, "up"):
        record = Record(home, steps())
        record.began("engine")
        record.said("engine", "waiting for it")
        found = coming.read(home)
        assert found is not None
        assert [(step.state, step.detail) for step in found.steps] == [("running", "waiting for it"), ("waiting", "")]
        assert found.is_awaited("engine")
        assert found.is_awaited("images")
        record.ended("engine", 2.04)
        record.began("images")
        record.failed("images", 1)
        record.stopped("no space")
        found = coming.read(home)
    assert found is not None
    assert [(step.state, step.took) for step in found.steps] == [("done", 2.0), ("failed", 1)]
    assert found.problem == "no space"
    assert not any(found.is_awaited(key) for key in ("engine", "images", "other"))


def test_one_that_was_killed_is_not_waited_for(home: Home) -> None:
    with lock.held(home, "up"):
        Record(home, steps()).began("engine")
    found = coming.read(home)
    assert found is not None
    assert not found.running
    assert not found.is_awaited("engine")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"steps": 1}', '{"steps": [{"key": 1}], "problem": ""}'])
def test_a_damaged_file_is_no_file(text: str, home: Home) -> None:
    assert coming.read(home) is None
    home.coming_up.write_text(text)
    assert coming.read(home) is None


def test_a_full_disk_stops_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "replace", full)
    Record(home, steps()).began("engine")


def test_who_looks_whether_it_is_held_does_not_keep_others_out(home: Home) -> None:
    assert not lock.is_held(home)
    with lock.held(home, "up"):
        assert lock.is_held(home)
        assert lock.is_held(home)
    assert not lock.is_held(home)
