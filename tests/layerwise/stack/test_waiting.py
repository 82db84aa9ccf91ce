"""What needs the lab waits for a `lab up` that runs, and for nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import environment, lock, waiting
from layerwise.stack.coming import Record, Step
from layerwise.stack.paths import Home

FAST = ("engine", "registry")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(waiting, "PAUSE", 0.01)
    return Home(tmp_path)


@pytest.fixture
def coming(home: Home) -> Iterator[Record]:
    """A `lab up` that runs."""
    with lock.held(home, "up"):
        yield Record(home, [Step(key, key.capitalize(), 1) for key in ("engine", "registry", "images")])


def test_nothing_to_wait_for(home: Home) -> None:
    said: list[str] = []
    waiting.wait(home, said.append)
    with lock.held(home, "down"):
        waiting.wait(home, said.append, FAST)
    assert said == []


@pytest.mark.parametrize(("keys", "last"), [(FAST, "registry"), ((), "images")])
def test_it_waits_for_its_steps(keys: tuple[str, ...], last: str, home: Home, coming: Record) -> None:
    said: list[str] = []
    done = threading.Event()

    def wait() -> None:
        waiting.wait(home, said.append, keys)
        done.set()

    with ThreadPoolExecutor(1) as pool:
        coming.began("engine")
        pool.submit(wait)
        while not said:
            pass
        for key in ("engine", "registry", "images"):
            coming.began(key)
            assert not done.wait(0.05)
            coming.ended(key, 1)
            if key == last == "registry":
                break
        if not keys:
            assert not done.wait(0.05), "the whole `lab up` is awaited"
            lock_free(home)
        assert done.wait(10)
    assert said == ["The lab is still coming up (Engine). Waiting for it."]


def lock_free(home: Home) -> None:
    """As if `lab up` had ended."""
    home.lock_file.unlink()


def test_a_lab_that_is_up_is_used_while_more_images_come(home: Home, coming: Record) -> None:
    """A second `lab up`, for another image: whoever grades meanwhile does not wait for it."""
    for key in FAST:
        coming.began(key)
        coming.ended(key, 1)
    coming.began("images")
    said: list[str] = []
    waiting.wait(home, said.append, FAST)
    assert said == []


def test_a_command_that_needs_the_engine_waits(
    home: Home, coming: Record, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "")
    with ThreadPoolExecutor(1) as pool:
        coming.began("engine")
        activating = pool.submit(environment.activate, home)
        while "still coming up" not in capsys.readouterr().err:
            pass
        coming.failed("engine", 1)
        coming.failed("registry", 1)
        with pytest.raises(LabError, match="the lab is not up"):
            activating.result(10)
