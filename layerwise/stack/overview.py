"""What `lab status` tells: engine, registries, images, tools, JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from layerwise.errors import LabError
from layerwise.stack import engine, environment, jupyter, state, tools
from layerwise.stack.paths import Home

SCHEMA = 1


def overview(home: Home) -> dict[str, Any]:
    """The lab as JSON data. `up` is true if the engine and the registry answer: then a lesson can run.

    Raises nothing for what is down: that is part of the answer.
    """
    from layerwise.stack import images, registry

    current = state.read(home).engine
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "up": False,
        "engine": None,
        "registry": {},
        "images": {},
        "tools": {},
        "jupyter": jupyter.status(home),
    }
    if current is None:
        return told
    env = environment.for_engine(home, current)
    with ThreadPoolExecutor(2) as pool:
        versions = pool.submit(tools.versions, env)
        told["engine"] = _engine(current)
        if told["engine"]["version"]:
            told["registry"] = _or_empty(lambda: registry.status(env))
            told["images"] = _or_empty(images.present)
        told["tools"] = versions.result()
    told["up"] = bool(told["engine"]["version"]) and bool(told["registry"].get("registry", {}).get("answers"))
    return told


def _engine(current: state.EngineRecord) -> dict[str, Any]:
    """What the engine says of itself; version, image store and architecture are None if it does not answer."""
    told: dict[str, Any] = {
        "kind": current.kind,
        "version": None,
        "image_store": None,
        "host": current.docker_host,
        "architecture": None,
    }
    endpoint = engine.Endpoint(current.docker_host, "the lab's engine", chosen=True, cert_path=current.cert_path)
    try:
        info = engine.probe(endpoint)
    except LabError:
        return told
    return told | {"version": info.version, "image_store": info.image_store, "architecture": info.architecture}


def _or_empty(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return ask()
    except LabError:
        return {}
