"""Process 1 of the container `jupyter`: what it does while the engine does not answer. tests/compose runs the rest."""

from __future__ import annotations

from typing import Any

import pytest

from layerwise.errors import LabError
from layerwise.stack import container, paths


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """JupyterLab runs, and each attempt to bring up the rest ends with the next of these problems; none: it is up."""
    problems: list[str] = []

    def up(home: paths.Home, options: Any) -> Any:
        if problems:
            raise LabError(problems.pop(0))
        return type("Result", (), {"warnings": ["no Trivy"]})()

    monkeypatch.setattr(container, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(container.jupyter, "status", lambda home: {"pid": 1})
    monkeypatch.setattr(container.exported, "load", lambda env: None)
    monkeypatch.setattr(container.bringup, "up", up)
    return problems


def test_it_tries_again_and_says_each_problem_once(attempts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    attempts += ["no engine", "no engine", "no engine", "no registry"]
    container.bring_up(paths.home(), 8888, {})
    said = capsys.readouterr().out
    assert (said.count("no engine"), said.count("no registry"), said.count("warning: no Trivy")) == (1, 1, 1)


def test_it_ends_with_jupyterlab(
    attempts: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    attempts += ["no engine"] * 3
    running = iter([{"pid": 1}, None])
    monkeypatch.setattr(container.jupyter, "status", lambda home: next(running))
    container.bring_up(paths.home(), 8888, {})
    assert len(attempts) == 2
