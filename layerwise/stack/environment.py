"""The environment of lab commands and notebooks: the lab's engine, its tools, a Docker config of its own, and a Cosign
that publishes nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from layerwise.errors import LabError
from layerwise.stack import engine, paths, state, waiting

# What would send docker to another engine than the lab's, or change how buildx builds.
FOREIGN = ("DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "BUILDX_BUILDER")

NOTHING_PUBLISHED = {
    "COSIGN_TLOG_UPLOAD": "false",
    "COSIGN_USE_SIGNING_CONFIG": "false",
    "COSIGN_NEW_BUNDLE_FORMAT": "false",
    "COSIGN_PRIVATE_INFRASTRUCTURE": "true",
}
"""Cosign reads any flag from a variable of its name. With these, both 2.x and 3.x put signatures into the registry, in
the same form, and nowhere else: there is no entry in the public transparency log, and verifying does not look there."""


def for_engine(home: paths.Home, record: state.EngineRecord) -> dict[str, str]:
    """A copy of os.environ in which `docker` and the other tools talk to the engine of that record."""
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env["LAYERWISE_HOME"] = str(home.path)
    env["DOCKER_CONFIG"] = str(home.docker_config)
    env |= NOTHING_PUBLISHED | _address(record.docker_host, record.cert_path)
    first = [str(home.bin), str(Path(sys.prefix) / "bin")]
    rest = [part for part in env.get("PATH", os.defpath).split(os.pathsep) if part and part not in first]
    env["PATH"] = os.pathsep.join(first + rest)
    return env


def lab_env(home: paths.Home | None = None) -> dict[str, str]:
    """A copy of os.environ with NOTHING_PUBLISHED, and the lab's DOCKER_HOST, DOCKER_CONFIG, PATH and LAYERWISE_HOME.

    Raises LabError if no lab is up.
    """
    home = home or paths.home()
    record = state.read(home).engine
    if record is None:
        raise LabError("the lab is not up; run: ./lab up")
    return for_engine(home, record)


def activate(home: paths.Home | None = None) -> None:
    """Put the lab's environment in os.environ. While `lab up` runs, this waits for the engine and the registries.

    If no lab is up, only NOTHING_PUBLISHED is put there, and the engine is the one that DOCKER_HOST names. Without
    that, and without a checkout to bring up a lab from, it is the one that this machine has. Raises LabError if there
    is no engine.
    """
    home = home or paths.home()
    waiting.wait(home, lambda text: print(text, file=sys.stderr, flush=True), ("engine", "registry"))
    os.environ.update(NOTHING_PUBLISHED)
    up = state.read(home).engine is not None
    if not up and os.environ.get("DOCKER_HOST"):
        return
    env = lab_env(home) if up or paths.is_checkout() else _machines_engine()
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.update(env)


def _machines_engine() -> dict[str, str]:
    """What leads to the engine that answers on this machine."""
    found = engine.find(os.environ)
    if found is None:
        raise LabError("no Docker engine answers on this machine; start one, or set DOCKER_HOST")
    return _address(found[0].url, found[0].cert_path)


def _address(docker_host: str, cert_path: str) -> dict[str, str]:
    """The variables that lead Docker's client to an engine."""
    secure = {"DOCKER_CERT_PATH": cert_path, "DOCKER_TLS_VERIFY": "1"} if cert_path else {}
    return {"DOCKER_HOST": docker_host} | secure
