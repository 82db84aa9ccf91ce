"""What a stop shows: the container that got the signal, held against the one that did not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grader.facts.engine import stop as module
from grader.facts.engine.container import Process
from grader.facts.engine.engine import Engine
from grader.facts.engine.stop import Stopped, stop

MAIN = Process(1, True, 7, 7, 7, 7, "app")


class Played:
    """A container: when it ends (after a signal, by itself, or never), and how many looks it takes to come to rest."""

    def __init__(self, *, heeds: bool = True, ended: bool = False, busy: int = 0, seen: bool = True) -> None:
        self.signals: list[str] = []
        self.looks = 0
        self.heeds, self.ended, self.busy, self.seen = heeds, ended, busy, seen

    def is_idle(self) -> bool:
        self.looks += 1
        return self.looks > self.busy

    def processes(self) -> list[Process]:
        return [MAIN] if self.seen else []

    @property
    def state(self) -> dict[str, Any]:
        return {"Running": not self.ended}

    def signal(self, name: str) -> None:
        self.signals.append(name)
        self.ended = self.ended or self.heeds

    def wait(self, timeout: float) -> int | None:
        return 143 if self.ended else None

    output = ("", "goodbye")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALM", 2)
    monkeypatch.setattr(module, "PATIENCE", 0.5)


def stopped(monkeypatch: pytest.MonkeyPatch, running: Played, other: Played, signal: str = "") -> Stopped:
    containers = [other, running]

    @contextmanager
    def started(engine: Engine, image: str) -> Iterator[Played]:
        yield containers.pop(0)

    monkeypatch.setattr(module, "started", started)
    return stop(cast(Engine, SimpleNamespace()), "i", signal, 0.1)


@pytest.mark.parametrize(
    ("running", "other", "sent", "code", "anyway", "again"),
    [
        pytest.param({}, {}, True, 143, False, True, id="it ends when it is asked to, and so does the other"),
        pytest.param({"heeds": False}, {}, True, None, False, False, id="it does not heed the signal"),
        pytest.param({}, {"heeds": False}, True, 143, False, False, id="once, by chance"),
        pytest.param({}, {"ended": True}, True, 143, True, False, id="the other ended as well, with no signal"),
        pytest.param({"ended": True}, {}, False, 143, True, False, id="it ended before anybody asked"),
        pytest.param({"seen": False}, {}, False, None, True, False, id="nobody saw its main process"),
    ],
)
def test_what_was_shown(
    running: dict[str, Any], other: dict[str, Any], sent: bool, code: int | None, anyway: bool, again: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    found = stopped(monkeypatch, Played(**running), Played(**other))
    assert (found.sent, found.exit_code, found.ends_anyway, found.again) == (sent, code, anyway, again)
    assert found.stderr == "goodbye"


@pytest.mark.parametrize(
    ("written", "sent"),
    [("", "SIGTERM"), ("SIGQUIT", "SIGQUIT"), ("3", "3"), ("\x1b[31mSIGINT", "SIGINT"), ("\0", "SIGTERM")],
)
def test_which_signal(written: str, sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    running, other = Played(), Played()
    found = stopped(monkeypatch, running, other, written)
    assert (found.signal, running.signals, other.signals) == (sent, [sent], [sent])


def test_no_signal_before_it_has_come_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Played(busy=2)
    stopped(monkeypatch, running, Played())
    assert running.looks == 4, "two busy looks, and then two calm ones in a row"


def test_one_that_never_rests_gets_it_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = stopped(monkeypatch, Played(busy=1000), Played())
    assert (found.sent, found.exit_code) == (True, 143)
