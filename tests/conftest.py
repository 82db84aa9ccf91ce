"""What several test folders share: a live engine and a small base image on it. Without them tests fail, never skip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.facts.engine import Engine

BASE = "localhost:5000/base/busybox:musl"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that DOCKER_HOST names, else the default one."""
    engine = Engine.connect()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def base() -> str:
    """A base image of 3 MB with a shell, from the lab's registry."""
    return BASE
