"""A command in a container: how it is run, and that what it printed is not lost."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from grader.errors import EngineFailure
from grader.facts.engine.command import RUNS, Stream, run_command
from grader.facts.engine.engine import Engine, Output
from tests.grader.facts.engine.fake_engine import FakeEngine


def test_a_command_in_a_fresh_container() -> None:
    engine = FakeEngine()
    found = run_command(
        cast(Engine, engine), "i", "echo $A", timeout=5, env={"A": "1"}, archives=[b"p"], keep="k:1", network_of="y"
    )
    assert engine.done == ["create", "put p", "start", "wait", "commit k:1", "remove"]
    assert (found.exit_code, found.stdout, found.out_of_memory, found.timed_out) == (3, "hello", True, False)
    assert engine.settings["entrypoint"] == ["/bin/sh", "-c"]
    assert engine.settings["command"] == ["echo $A"]
    assert engine.settings["network_mode"] == "container:y"


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        (["a", "b c"], {"entrypoint": ["a"], "command": ["b c"]}),
        (["a"], {"entrypoint": ["a"], "command": []}),
        (None, {}),
    ],
)
def test_a_list_is_run_as_it_is_and_none_is_the_images_own(
    command: list[str] | None, settings: Mapping[str, Any]
) -> None:
    engine = FakeEngine()
    run_command(cast(Engine, engine), "i", command, timeout=5)
    assert {name: engine.settings[name] for name in ("entrypoint", "command") if name in engine.settings} == settings


@pytest.mark.parametrize(
    ("kept", "stdout", "stderr"),
    [
        ((b"", b""), "hello", ""),
        ((b"hello", b""), "hello", ""),
        ((b"Well, hello", b"lost"), "Well, hello", "lost"),
        ((b"llo", b""), "hello", ""),  # the engine keeps only so much
    ],
)
def test_what_a_quick_program_printed_is_not_lost(kept: tuple[bytes, bytes], stdout: str, stderr: str) -> None:
    engine = FakeEngine()
    engine.kept = kept
    found = run_command(cast(Engine, engine), "i", ["a"], timeout=5)
    assert (found.stdout, found.stderr) == (stdout, stderr)


class BusyEngine(FakeEngine):
    """Of each container it is late in saying that it has ended, and then has of its output what `prints` says."""

    def __init__(self, late: float, *prints: str) -> None:
        super().__init__()
        self._late, self._prints, self.code = late, list(prints), 0
        self.began = "2026-01-31T09:59:54.9Z"

    def start_container(self, name: str) -> Output:
        stdout, _, stderr = self._prints.pop(0).partition("|")
        return Output(iter([(stdout.encode(), stderr.encode())]))

    def wait(self, name: str, timeout: float) -> int | None:
        return self.code

    def inspect_container(self, name: str) -> dict[str, Any]:
        return {"State": {"StartedAt": self.began, "FinishedAt": "2026-01-31T10:00:00.123456789Z"}}

    def now(self) -> datetime:
        return datetime.fromisoformat("2026-01-31T11:00:00.123456789+01:00") + timedelta(seconds=self._late)


@pytest.mark.parametrize(
    ("late", "prints", "found", "times"),
    [
        pytest.param(1.9, ["a", "b"], "a", 1, id="in time"),
        pytest.param(2.0, ["", "a", "a"], "a", 3, id="cut, then whole twice"),
        pytest.param(2.0, ["a", "", "a"], "a", 3, id="cut between"),
        pytest.param(9.0, ["", ""], "", 2, id="it prints nothing"),
    ],
)
def test_what_an_engine_may_have_cut_is_asked_for_again(
    late: float, prints: Sequence[str], found: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", itertools.count(step=10).__next__)
    engine = BusyEngine(late, *prints)
    assert run_command(cast(Engine, engine), "i", ["a"], timeout=99, keep="k:1").stdout == found
    assert engine.done == [*["create", "remove"] * (times - 1), "create", "commit k:1", "remove"]


def test_output_that_is_cut_again_and_again_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", itertools.count(step=10).__next__)
    engine = BusyEngine(2.5, "abcd", "a", "ab", "")
    with pytest.raises(EngineFailure, match="may be cut, 4 times in a row"):
        run_command(cast(Engine, engine), "i", ["a"], timeout=99)
    assert engine.done == ["create", "remove"] * RUNS


def test_a_quick_container_cannot_have_been_cut() -> None:
    engine = BusyEngine(60, "a")
    assert run_command(cast(Engine, engine), "i", ["a"], timeout=5).stdout == "a"


@pytest.mark.parametrize(
    ("judged", "prints", "found", "times"),
    [
        pytest.param(["stdout"], ["a"], "a", 1, id="it is there"),
        pytest.param(["stdout"], ["", "a"], "a", 2, id="lost once"),
        pytest.param(["stdout"], ["", ""], "", 2, id="it prints nothing"),
        pytest.param(["stdout"], ["|x", "a|y"], "a", 2, id="one of two lost"),
        pytest.param(["stdout", "stderr"], ["a", "|b", "a|b"], "a", 3, id="now one, now the other"),
        pytest.param(["stdout", "stderr"], ["a", "b"], "b", 2, id="another output each time"),
        pytest.param(["stderr"], ["|b"], "", 1, id="what is not judged may be empty"),
        pytest.param([], [""], "", 1, id="nothing is judged"),
    ],
)
def test_a_quick_program_that_prints_nothing_is_run_twice(
    judged: Sequence[Stream], prints: Sequence[str], found: str, times: int
) -> None:
    engine = BusyEngine(0, *prints)
    engine.began = "2026-01-31T09:59:55.2Z"
    assert run_command(cast(Engine, engine), "i", ["a"], timeout=5, judged=judged).stdout == found
    assert engine.done == ["create", "remove"] * times


def test_a_slow_program_that_prints_nothing_is_run_once() -> None:
    engine = BusyEngine(0, "")
    assert run_command(cast(Engine, engine), "i", ["a"], timeout=5).stdout == ""
    assert engine.done == ["create", "remove"]
