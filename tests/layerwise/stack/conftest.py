"""The lab that is up, or the engine that DOCKER_HOST names: what engine and lab tests of the stack run against."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest

from layerwise.stack import environment, paths, state

Engine = Callable[..., str]


@pytest.fixture(scope="session")
def env() -> dict[str, str]:
    """The environment that reaches the engine. Fails where there is none."""
    if state.read(paths.home()).engine is None and os.environ.get("DOCKER_HOST"):
        return dict(os.environ)
    return environment.lab_env()


@pytest.fixture(scope="session")
def engine(env: dict[str, str]) -> Engine:
    """`engine("run", "--rm", …)`: a docker command's standard output, stripped; its failure fails the test."""

    def docker(*words: str) -> str:
        ended = subprocess.run(
            ["docker", *words], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
        )
        assert ended.returncode == 0, f"docker {' '.join(words)}: {ended.stderr}"
        return ended.stdout.strip()

    return docker
