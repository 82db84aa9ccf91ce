"""A service that stands still, and what its check says then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grader.errors import EngineFailure
from grader.facts.engine import standstill, stop
from grader.facts.engine.engine import Engine
from grader.facts.engine.standstill import succeeds_at_standstill

ALONE = (1,)


class Container:
    """A container whose check ends with these statuses, one after the other; the last one stays, and None hangs."""

    def __init__(
        self,
        *,
        works: Sequence[int | None] = (0,),
        stands: Sequence[int | None] = (0,),
        processes: Sequence[int] = ALONE,
    ) -> None:
        self.id = "x"
        self.engine = self
        self.codes = {"works": [*works], "stands": [*stands]}
        self.counts = [*processes]
        self.stat = "Ss"
        self.obeys = True
        self.done: list[str] = []
        self.shared_memory = 0
        self.gone = False

    def is_idle(self) -> bool:
        return True

    def processes(self) -> list[str]:
        return ["process"] * (self.counts.pop(0) if len(self.counts) > 1 else self.counts[0])

    def signal(self, name: str, signal: str) -> None:
        self.done.append(signal)
        self.stat = "Ts" if self.obeys else self.stat

    def top(self, name: str, columns: str) -> tuple[list[str], list[list[str]]]:
        return columns.split(","), [["1", self.stat]]

    def put_archive(self, name: str, archive: bytes) -> None:
        self.done.append(f"put {archive.decode()}")

    def execute(self, name: str, command: Sequence[str], user: str = "") -> str:
        if self.gone:
            raise KeyError(name)
        if user == "0":
            return "memory"
        assert list(command) == ["look"]
        self.done.append("look")
        return "stands" if self.stat.startswith("T") else "works"

    def exit_code_of(self, execution: str) -> int | None:
        if execution == "memory":
            return self.shared_memory
        codes = self.codes[execution]
        return codes.pop(0) if len(codes) > 1 else codes[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "CALM", 1)
    for name, value in (("STOP", 0.3), ("SUCCEED", 0.3), ("RUN", 0.2), ("PAUSES", (0.0, 0.0, 0.0)), ("LOOKS", 3)):
        monkeypatch.setattr(standstill, name, value)
    monkeypatch.setattr(standstill, "stretched", lambda seconds: seconds)


def succeeds(monkeypatch: pytest.MonkeyPatch, container: Container, aged: bytes | None = b"aged") -> bool:
    @contextmanager
    def started(engine: Engine, image: str, archives: Sequence[bytes], **config: Any) -> Iterator[Container]:
        assert config == {"healthcheck": {"test": ["NONE"]}}, "a probe would show up as a process"
        assert archives == [b"files"]
        yield container

    monkeypatch.setattr(standstill, "started", started)
    monkeypatch.setattr(standstill, "aged_container", lambda engine, name: aged)
    return succeeds_at_standstill(cast(Engine, SimpleNamespace()), "i", ["look"], 0.0, b"files")


@pytest.mark.parametrize(
    ("stands", "still"),
    [
        pytest.param([0], True, id="it always succeeds"),
        pytest.param([1], False, id="it fails"),
        pytest.param([0, 1], False, id="it fails once the files are older"),
        pytest.param([0, 0, 0, 1], False, id="it fails after a while"),
        pytest.param([None], False, id="it hangs"),
        pytest.param([None, 0], True, id="it takes its time"),
        pytest.param([127], False, id="it can no longer be run"),
    ],
)
def test_the_check_of_a_stopped_process(
    stands: Sequence[int | None], still: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container(stands=stands)
    assert succeeds(monkeypatch, container) is still
    assert container.done[:3] == ["look", "SIGSTOP", "look"]
    assert ("put aged" in container.done) is (stands[0] == 0 or len(stands) == 2)


@pytest.mark.parametrize("processes", [[2], [0], [1, 1, 2]])
def test_one_of_several_is_not_stopped(processes: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> None:
    container = Container(processes=processes)
    assert not succeeds(monkeypatch, container)
    assert container.done == []


def test_what_may_be_out_of_reach_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not succeeds(monkeypatch, Container(), aged=None)
    container = Container()
    container.shared_memory = 3
    assert not succeeds(monkeypatch, container)
    assert succeeds(monkeypatch, Container(), aged=b"")


def test_a_check_that_succeeds_a_little_later(monkeypatch: pytest.MonkeyPatch) -> None:
    assert succeeds(monkeypatch, Container(works=[1, 1, 0]))


@pytest.mark.parametrize("works", [[1], [None]])
def test_a_check_that_does_not_succeed_again_is_no_verdict(
    works: Sequence[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineFailure, match="not in another"):
        succeeds(monkeypatch, Container(works=works))


def test_a_process_that_cannot_be_stopped_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    container = Container()
    container.obeys = False
    with pytest.raises(EngineFailure, match="could not be stopped"):
        succeeds(monkeypatch, container)


def test_a_container_that_ends_meanwhile_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    container = Container()
    container.gone = True
    with pytest.raises(EngineFailure, match="ended while"):
        succeeds(monkeypatch, container)
