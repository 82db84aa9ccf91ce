"""The lab's two registries: localhost:5000, and localhost:5001 that asks for a login (learner / layerwise).

images/registries.yml describes them; this module brings them up, inspects them and takes them down, on the engine
of `env`. In the container `jupyter` of docker-compose.yml they are services beside it (IN_COMPOSE): there this module
waits for them and looks at them, and leaves the rest to Compose.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from grader.errors import RegistryUnavailable
from grader.facts.registry.client import Client, RegistryResponse
from layerwise.errors import LabError
from layerwise.stack import images, paths, processes, recipe, upstream
from layerwise.stack.addresses import AUTH_PORT, REGISTRY_PORT
from layerwise.stack.catalogue import HERE
from layerwise.stack.run import CommandFailed, Stopped, last_line, run

IMAGE = "layerwise/registry:2.8.3"
DEBIAN = "debian:trixie-slim"
"""The base image that the registry's recipe builds on."""
ORIGINAL = "docker.io/library/registry:2.8.3"
PROJECT = "layerwise"
SERVICES = {"registry": REGISTRY_PORT, "registry-auth": AUTH_PORT}
ANSWERS = {"registry": 200, "registry-auth": 401}
"""The status of GET /v2/: the second asks for a login."""

IN_COMPOSE = "LAYERWISE_COMPOSE"
"""Variable: not empty in the container `jupyter` of docker-compose.yml, whose image sets it."""
FILE = HERE / "registries.yml"

UP_SECONDS = 30.0
COMPOSE_TIMEOUT = 120.0
PING_SECONDS = 3.0

Report = Callable[[str, str], None]


def is_new(env: Mapping[str, str]) -> bool:
    """Whether there has never been a registry of the lab on this engine. Raises LabError."""
    return not env.get(IN_COMPOSE) and upstream.labels(IMAGE, env) is None


def up(*, env: Mapping[str, str], report: Report, cancel: threading.Event | None = None) -> None:
    """Have both registries running and answering; changes nothing if they are. `report` is called with "registry" and
    what happens.

    Raises LabError if something else has their ports, if their image cannot be made, or if they do not answer in time;
    and Stopped when `cancel` is set.
    """
    if not env.get(IN_COMPOSE):
        _start(env, report, cancel)
    deadline = time.monotonic() + UP_SECONDS
    waiting = list(SERVICES)
    while waiting:
        waiting = [service for service in waiting if not _is_ours(service, env)]
        if waiting and time.monotonic() > deadline:
            raise _silent(waiting[0], env)
        if waiting:
            time.sleep(0.1)
    report("registry", "ready at " + " and ".join(f"localhost:{port}" for port in SERVICES.values()))


def _start(env: Mapping[str, str], report: Report, cancel: threading.Event | None) -> None:
    _have_image(env, report, cancel)
    if not all(_is_ours(service, env) for service in SERVICES):
        with suppress(CommandFailed):  # it complains if none is paused
            _compose(["unpause", *SERVICES], env)
        _check_ports(env)
        report("registry", "starting")
    try:
        _compose(["up", "--detach", "--no-build", "--quiet-pull", *SERVICES], env)
    except CommandFailed as problem:
        taken = [port for port in SERVICES.values() if f":{port}" in problem.output and "alloc" in problem.output]
        taken += [port for port in SERVICES.values() if f":{port}" in problem.output and "in use" in problem.output]
        if taken:
            raise _port_taken(taken[0], env) from None
        raise


def down(*, env: Mapping[str, str], home: paths.Home, purge: bool = False) -> bool:
    """Stop and remove both registries and their network; with `purge` their data and image, too. Returns False if that
    is for Compose to do. Raises LabError."""
    if env.get(IN_COMPOSE):
        return False
    _compose(["down", "--timeout", "5", *(["--volumes"] if purge else [])], env)
    if purge:
        with suppress(CommandFailed):
            run(["docker", "image", "rm", IMAGE], env=env, timeout=COMPOSE_TIMEOUT)
    return True


def status(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The state of "registry" and "registry-auth": the `address`, whether the container is `running`, whether the lab's
    registry `answers` there, and the container's `image` and `health` (None if Compose runs it).

    Raises LabError if the engine does not answer.
    """
    found = {}
    for service, port in SERVICES.items():
        container = _container(service, env)
        answers = (container is not None or bool(env.get(IN_COMPOSE))) and _answers(service)
        found[service] = {
            "address": f"localhost:{port}",
            "running": container["State"] == "running" if container else answers,
            "answers": answers,
            "image": container["Image"] if container else None,
            "health": (container["Health"] or None) if container else None,
        }
    return found


def _have_image(env: Mapping[str, str], report: Report, cancel: threading.Event | None) -> None:
    """Have the registry's own image on the engine: from the published one if the engine can get it, else from
    Debian's package. Raises LabError."""
    folder = HERE / "registry"
    labels = {"layerwise": "registry", recipe.RECIPE: recipe.fingerprint(folder)}
    here = upstream.labels(IMAGE, env)
    if here is not None and here.get(recipe.RECIPE) == labels[recipe.RECIPE]:
        return

    def build(source: str) -> None:
        origin = {recipe.ORIGIN: "upstream" if source == "upstream" else "recipe"}
        report("registry", f"building its image ({source})")
        recipe.build(
            folder,
            IMAGE,
            env=env,
            labels=labels | origin,
            target=source,
            progress=lambda text: report("registry", text),
            cancel=cancel,
        )

    try:
        if upstream.has(ORIGINAL, env):
            try:
                build("upstream")
                return
            except CommandFailed as problem:
                report("registry", f"upstream failed, using the recipe: {problem}")
        images.prepare([DEBIAN], env=env, report=report, cancel=cancel)
        build("debian")
    except LabError as problem:
        if here is None or isinstance(problem, Stopped):
            raise
        report("registry", f"keeping the image from before, since making a new one failed: {problem}")


def _compose(arguments: list[str], env: Mapping[str, str]) -> str:
    argv = ["docker", "compose", "--project-name", PROJECT, "--file", str(FILE), "--progress", "plain", *arguments]
    return run(argv, env=env, timeout=COMPOSE_TIMEOUT)


def _container(service: str, env: Mapping[str, str]) -> dict[str, str] | None:
    """The service's container, as `docker ps` shows it, and its health; None if this engine has no such container."""
    labels = {"com.docker.compose.project": PROJECT, "com.docker.compose.service": service}
    filters = [f"--filter=label={name}={value}" for name, value in labels.items()]
    output = run(["docker", "ps", "--all", *filters, "--format", "{{json .}}"], env=env, timeout=30.0)
    if not output.strip():
        return None
    container: dict[str, str] = json.loads(output.splitlines()[0])
    told = container["Status"].rpartition("(")[2].rstrip(")")
    container["Health"] = told.removeprefix("health: ") if told in {"healthy", "unhealthy", "health: starting"} else ""
    return container


def _answers(service: str) -> bool:
    """Whether a registry of the lab answers at the service's port, and asks for a login if it should."""
    try:
        answer = _ping(service)
    except RegistryUnavailable:
        return False
    return answer.status == ANSWERS[service] and answer.headers.get("X-Layerwise") == "registry"


def _ping(service: str) -> RegistryResponse:
    return Client(f"localhost:{SERVICES[service]}", "").ping(PING_SECONDS)


def _is_ours(service: str, env: Mapping[str, str]) -> bool:
    if env.get(IN_COMPOSE):
        return _answers(service)
    container = _container(service, env)
    return container is not None and container["State"] == "running" and _answers(service)


def _check_ports(env: Mapping[str, str]) -> None:
    """Raise LabError if something else listens at a registry's port."""
    for service, port in SERVICES.items():
        container = _container(service, env)
        if container is not None and container["State"] == "running":
            continue
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2.0):
            raise _port_taken(port, env)


def _port_taken(port: int, env: Mapping[str, str]) -> LabError:
    publishing = ["docker", "ps", f"--filter=publish={port}", "--format", "the container {{.Names}}"]
    holder = last_line(run(publishing, env=env, timeout=30.0))
    if not holder:
        with suppress(OSError):  # not Linux
            holder = processes.listener(port)
    return LabError(
        f"port {port} on this machine is taken by {holder or 'another program'}, and the lab's registry needs it; "
        "stop it and run ./lab up again"
    )


def _silent(service: str, env: Mapping[str, str]) -> LabError:
    """Why a registry that was started does not answer properly."""
    port = SERVICES[service]
    if env.get(IN_COMPOSE):
        return LabError(f"nothing answers at localhost:{port}; outside, see: docker compose logs {service}")
    container = _container(service, env)
    if container is None or container["State"] != "running":
        state = container["Status"] if container else "gone"
        return LabError(f"the {service} container did not stay up ({state}); see: docker logs {PROJECT}-{service}-1")
    try:
        answer = _ping(service)
    except RegistryUnavailable:
        return LabError(
            f"the {service} container runs, but nothing answers at localhost:{port} here; is the engine on another "
            "machine? Use one on this machine: ./lab up --engine embedded, or DOCKER_HOST"
        )
    return LabError(
        f"something answers at localhost:{port}, but not the lab's {service} (HTTP {answer.status}); stop it and run "
        "./lab up again"
    )
