"""The environment in which lab commands and notebooks run: the lab's engine, its tools, a Docker config of its own, and
a Cosign that publishes nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from layerwise.errors import LabError
from layerwise.stack import paths, state

# What would send docker elsewhere than to the lab's engine, or change how buildx builds.
FOREIGN = ("DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "BUILDX_BUILDER")

NOTHING_PUBLISHED = {
    "COSIGN_TLOG_UPLOAD": "false",
    "COSIGN_USE_SIGNING_CONFIG": "false",
    "COSIGN_NEW_BUNDLE_FORMAT": "false",
    "COSIGN_PRIVATE_INFRASTRUCTURE": "true",
}
"""Cosign reads any flag from a variable of its name. With these, 2.x and 3.x alike sign into the registry, in the same
form, and nowhere else: no entry in the public transparency log, and no look at it when a signature is verified."""


def for_engine(home: paths.Home, engine: state.EngineRecord) -> dict[str, str]:
    """A copy of os.environ in which `docker` and the other tools talk to `engine`."""
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env["LAYERWISE_HOME"] = str(home.path)
    env["DOCKER_HOST"] = engine.docker_host
    env["DOCKER_CONFIG"] = str(home.docker_config)
    env |= NOTHING_PUBLISHED
    if engine.cert_path:
        env["DOCKER_CERT_PATH"] = engine.cert_path
        env["DOCKER_TLS_VERIFY"] = "1"
    first = [str(home.bin), str(Path(sys.prefix) / "bin")]
    rest = [part for part in env.get("PATH", os.defpath).split(os.pathsep) if part and part not in first]
    env["PATH"] = os.pathsep.join(first + rest)
    return env


def lab_env(home: paths.Home | None = None) -> dict[str, str]:
    """A copy of os.environ plus NOTHING_PUBLISHED and the DOCKER_HOST, DOCKER_CONFIG, PATH, LAYERWISE_HOME of the lab.

    Raises LabError when no lab is up.
    """
    home = home or paths.home()
    engine = state.read(home).engine
    if engine is None:
        raise LabError("the lab is not up; run: ./lab up")
    return for_engine(home, engine)


def activate(home: paths.Home | None = None) -> None:
    """Put the lab's environment in os.environ. Where no lab is up but DOCKER_HOST is set, that engine is meant, and
    only NOTHING_PUBLISHED is put there. Raises LabError where there is neither."""
    home = home or paths.home()
    os.environ.update(NOTHING_PUBLISHED)
    if state.read(home).engine is None and os.environ.get("DOCKER_HOST"):
        return
    env = lab_env(home)
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.update(env)
