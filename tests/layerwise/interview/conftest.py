"""A candidate's own lab folder, and a clock in the test's hands."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerwise.interview.plan import Sources
from layerwise.interview.store import Sessions
from layerwise.progress import Progress
from layerwise.stack.paths import Home
from tests.layerwise.interview import practice


@pytest.fixture
def hands() -> practice.Hands:
    return practice.Hands()


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return practice.sources(tmp_path)


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    monkeypatch.setenv("LAYERWISE_WORK", str(tmp_path / "work"))
    return Sessions(Home(tmp_path / "home"))


@pytest.fixture
def progress(tmp_path: Path, hands: practice.Hands) -> Progress:
    return Progress(tmp_path / "home" / "progress.sqlite", now=lambda: hands.wall)
