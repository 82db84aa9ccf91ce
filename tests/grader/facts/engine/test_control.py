"""The control for an engine that refuses to start a container."""

from __future__ import annotations

from typing import Any

import pytest

from grader.facts.engine import control
from grader.facts.engine.engine import Engine
from tests.grader.facts.engine.played import INFO, played

STARTS = {
    "images__create": (200, b'{"status":"sha256:1"}'),
    "containers__create": (201, {"Id": "x"}),
    "containers__x__start": (204, ""),
}


@pytest.mark.parametrize(
    ("fails", "answer"),
    [
        ("images__create", (500, {"message": "disk quota exceeded"})),
        ("containers__create", (400, {"message": "invalid volume specification"})),
        ("containers__x__start", (500, {"message": "failed to create shim task"})),
        ("containers__x__start", (400, {"message": "unable to find user"})),
    ],
)
def test_an_engine_that_starts_nothing_is_at_fault_itself(fails: str, answer: tuple[int, Any]) -> None:
    with played(INFO, **STARTS | {fails: answer}) as (engine, player):
        assert not control.can_start_another(engine, {}, None)
        if fails.startswith("containers__x"):
            assert "DELETE /containers/x" in player.asked
        assert player.asked[-1].startswith("DELETE /images/layerwise-grade:")


def test_a_machine_for_which_there_is_no_program() -> None:
    with played(INFO | {"Architecture": "s390x"}) as (engine, _):
        assert not control.can_start_another(engine, {}, None)


@pytest.mark.engine
def test_a_live_engine_starts_it(engine: Engine, nothing_left: None) -> None:
    assert control.can_start_another(engine, {"network_mode": "none"}, None)
    assert control.can_start_another(engine, {"port_bindings": {80: ("127.0.0.1", None)}}, [80])
    assert not control.can_start_another(engine, {"network_mode": "container:nobody"}, None)
