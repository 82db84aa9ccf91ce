"""Registries that answer as told, and logins for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.facts.registry.repository import Repository
from tests.grader.facts.registry.played import NAME, Shelf
from tests.grader.registries import Player


@pytest.fixture
def play() -> Iterator[Callable[..., tuple[Player, Repository]]]:
    """A registry that answers as told: `play(**{"GET /v2/…": Said(…)})`; 404 for everything else."""
    players = []

    def start(answers: dict[str, Any]) -> tuple[Player, Repository]:
        player = Player(answers, lab=False)
        manager = player.running()
        manager.__enter__()
        players.append(manager)
        return player, Repository(player.address, NAME)

    yield start
    for manager in players:
        manager.__exit__(None, None, None)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf.open() as shelf:
        yield shelf


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def know(registry: str) -> None:
        text = base64.b64encode(b"ada:secret").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry: {"auth": text}}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    return know
