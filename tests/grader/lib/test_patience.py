"""Our own time limits become longer on a busy machine, and not shorter on an idle one."""

from __future__ import annotations

import os

import pytest

from grader.lib import patience


@pytest.mark.parametrize(
    ("wanted", "processors", "factor"),
    [(0.0, 2, 1.0), (1.0, 2, 1.0), (2.0, 2, 1.0), (3.0, 2, 1.5), (10.0, 2, 5.0), (10.0, None, 8.0), (500.0, 2, 8.0)],
)
def test_stretched(wanted: float, processors: int | None, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_wanted", lambda: wanted)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert patience.stretched(10.0) == 10.0 * factor


def test_the_load_of_the_last_minute_and_of_this_moment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (70.0, 0.0, 0.0))
    assert patience._wanted() >= 70.0
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert patience._wanted() >= 1.0, "this test runs"


def test_a_machine_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "getloadavg")
    assert patience._wanted() >= 0.0
