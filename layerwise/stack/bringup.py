"""Bring the lab up and take it down: in which order, and what is checked before anything is made."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from grader.facts.engine.info import EngineInfo
from layerwise.errors import InputError, LabError
from layerwise.stack import (
    apt,
    disposal,
    embedded,
    engine,
    environment,
    installation,
    jupyter,
    lock,
    parts,
    processes,
    rootfs,
    state,
    tools,
)
from layerwise.stack.addresses import AUTH_PORT, REGISTRY_PORT, is_taken
from layerwise.stack.coming import Record, Step
from layerwise.stack.engine import Endpoint
from layerwise.stack.paths import Home, nearest
from layerwise.stack.progress import Reporter, Task, reporter

REGISTRY_PORTS = (REGISTRY_PORT, AUTH_PORT)
SECONDS = {
    "leftovers": 20.0,
    "python": 25.0,
    "packages": 15.0,
    "rootfs": 40.0,
    "engine": 2.0,
    "registry": 15.0,
    "scanner": 15.0,
    "images": 35.0,
    "jupyter": 6.0,
}
"""How long each step takes the first time, on 2 cores."""
BESIDE = ("python", "jupyter", "scanner")
"""The steps that run beside the others."""
SECONDS_AGAIN = {"registry": 1.0, "scanner": 1.0, "images": 2.0, "jupyter": 3.0}
"""How long it takes after that. Both are used until a run on this machine has been measured."""

SPARE_BYTES = 300_000_000
"""Free space without which nothing is started."""


@dataclass(frozen=True)
class Options:
    """What `lab up` was asked for. `images` is None for those of the first lessons, and empty for no image at all."""

    engine: str = "auto"
    port: int = jupyter.PORT
    images: tuple[str, ...] | None = None
    jupyter: bool = True
    offline: bool = False


@dataclass(frozen=True)
class Result:
    """What `lab up` ended with: the engine, JupyterLab's address (None if it was not started), and what is missing."""

    engine: state.EngineRecord
    info: EngineInfo
    url: str | None
    warnings: list[str]


def up(home: Home, options: Options) -> Result:
    """Bring up whatever is not up yet. JupyterLab comes first, beside the rest: its home page shows what still comes.

    Raises LabError or InputError with the remedy. What was made until then is complete, and the next call continues.
    """
    from layerwise.stack import catalogue

    wanted = [catalogue.find(name).name for name in (catalogue.first() if options.images is None else options.images)]
    with lock.held(home, "up"):
        current = state.read(home)
        require_space(home)
        chosen = choose(home, current, options.engine)
        running = embedded.answers(home) if chosen is None else None
        if chosen is None and not running:
            require_embedded(home, options.offline)
        if options.jupyter:
            require_port(home, options.port)
        tasks = plan(home, current, chosen, running is not None, wanted, options)
        noted = Record(home, [Step(task.key, task.title, task.seconds) for task in tasks])
        shown = reporter(tasks, noted)
        try:
            clear(home, shown)
            leave_other_engine(home, current, chosen)
            env = environment.for_engine(home, record(home, chosen))
            early = options.jupyter and not current.engine
            if early:
                tools.stand_in(home)
            port = options.port if options.jupyter else None
            with (
                parts.notebook(home, env, port, early, shown) as (packages, address),
                parts.debian_ahead(wanted, options.offline, packages) as begin,
            ):
                info = chosen[1] if chosen else running or parts.bring_engine(home, current, shown, begin)
                current.engine = record(home, chosen)
                packages.result()
                warnings = parts.bring_rest(home, current, wanted, options.offline, shown)
            tools.release(home)
        except BaseException as problem:
            noted.stopped(str(problem) if isinstance(problem, LabError) else "it was stopped")
            raise
        finally:
            shown.close()
            remember(current, shown.seconds)
        state.write(home, current)
        return Result(current.engine, info, address.result(), warnings)


def down(home: Home) -> list[str]:
    """Stop what `up` started, and return its names. What is on disk stays."""
    if not home.path.is_dir():
        return []
    with lock.held(home, "down"):
        return stop(home, state.read(home))


def stop(home: Home, current: state.State) -> list[str]:
    """Stop everything that runs; the caller holds the lock."""
    from layerwise.stack import registry

    stopped = ["JupyterLab"] if jupyter.stop(home) else []
    used = current.engine
    if used and used.kind == "host" and registry.down(env=environment.for_engine(home, used), home=home):
        stopped.append("the registries")
    if embedded.stop(home, current):
        stopped.append("the registries and the lab's engine")
    rootfs.sweep(home)
    current.last = current.engine or current.last
    current.engine = None
    state.write(home, current)
    return stopped


def choose(home: Home, current: state.State, wish: str) -> tuple[Endpoint, EngineInfo] | None:
    """The machine's engine to use, or None for the lab's own. Raises LabError if the wish cannot be granted."""
    own = embedded.endpoint(home).url
    if wish == "embedded":
        return None
    environ = {name: value for name, value in os.environ.items() if not (name == "DOCKER_HOST" and value == own)}
    if wish == "auto" and "DOCKER_HOST" not in environ:
        # The engine of the last time, until another is asked for: it has the images.
        if current.engine and current.engine.kind == "embedded":
            return None
        if os.environ.get("DOCKER_HOST") == own:
            return None
    found = engine.find(environ)
    if found is None and wish == "host":
        tried = ", ".join(str(path) for path, _ in engine.default_sockets(environ))
        raise LabError(
            f"no Docker engine answers (tried {tried}); start it or set DOCKER_HOST, or leave out --engine host"
        )
    return found


def record(home: Home, chosen: tuple[Endpoint, EngineInfo] | None) -> state.EngineRecord:
    """The record of the chosen engine."""
    return state.EngineRecord("host", chosen[0].url, chosen[0].cert_path) if chosen else embedded.record(home)


def leave_other_engine(home: Home, current: state.State, chosen: tuple[Endpoint, EngineInfo] | None) -> None:
    """Stop what runs on the engine of the last time, if another is chosen now: both would want the same ports."""
    if current.engine and current.engine != record(home, chosen):
        try:
            stop(home, current)
        except LabError:
            if current.engine and current.engine.kind == "embedded":
                raise
            current.engine = None  # the former engine is gone, and the registries with it


def plan(
    home: Home,
    current: state.State,
    chosen: tuple[Endpoint, EngineInfo] | None,
    running: bool,
    wanted: list[str],
    options: Options,
) -> list[Task]:
    """The steps to take, and how long each is expected to take."""
    titles: dict[str, str] = {}
    if disposal.left(home):
        titles["leftovers"] = "Finishing a purge that was interrupted"
    if installation.rest():
        titles["python"] = "Python packages"
    if options.jupyter:
        titles["jupyter"] = "JupyterLab"
    if chosen is None and not running:
        if not rootfs.is_ready(home):
            if apt.missing_for_rootfs():
                titles["packages"] = f"Installing {', '.join(apt.missing_for_rootfs())}"
            titles["rootfs"] = "Making the engine (Debian 13, 0.6 GB)"
        titles["engine"] = "Starting the engine"
    titles["registry"] = "Registries at localhost:5000 and localhost:5001"
    comes = bool(installation.rest()) and tools.has_scanner_wheel()  # with the Python packages
    if not comes and not tools.scanner(home, os.environ):
        titles["scanner"] = "Scanner (Trivy's official image)"
    if wanted:
        titles["images"] = f"Base images ({len(wanted)})"
    return [Task(key, title, expected(current, key), beside=key in BESIDE) for key, title in titles.items()]


def expected(current: state.State, key: str) -> float:
    """Seconds that a step should take: as measured on this machine, else as measured on ours."""
    if key not in current.seconds:
        return SECONDS[key]
    return current.seconds.get(f"{key} again", SECONDS_AGAIN.get(key, current.seconds[key]))


def remember(current: state.State, took: dict[str, float]) -> None:
    """Remember how long each step took: the first time, and the most recent time after that."""
    for key, seconds in took.items():
        current.seconds[f"{key} again" if key in current.seconds else key] = round(seconds, 1)


def clear(home: Home, shown: Reporter) -> None:
    """Finish a purge that was interrupted."""
    if left := disposal.left(home):
        with shown.step("leftovers") as say:
            for folder in left:
                disposal.delete(folder, say)


def require_embedded(home: Home, offline: bool) -> None:
    """Raise LabError, before anything is made, if the lab's own engine cannot run here."""
    rootfs.require_possible(home)
    embedded.require_alone(home)
    for port in REGISTRY_PORTS:
        if is_taken(port):
            who = processes.listener(port) or "another program"
            raise LabError(f"port {port} is taken by {who}; stop it and run ./lab up again")
    if rootfs.is_ready(home):
        return
    if offline:
        raise LabError(
            "the lab's engine has not been made yet, and making it needs a network; run ./lab up once without --offline"
        )
    free = shutil.disk_usage(nearest(home.path)).free
    if free < rootfs.NEEDED_BYTES:
        raise LabError(
            f"{home.path} has {free / 1e9:.1f} GB free, and the lab needs {rootfs.NEEDED_BYTES / 1e9:.0f} GB; "
            "free some space or set LAYERWISE_HOME to a folder on another disk"
        )


def require_space(home: Home) -> None:
    """Raise LabError if the disk of the lab's folder is full."""
    free = shutil.disk_usage(nearest(home.path)).free
    if free < SPARE_BYTES:
        raise LabError(
            f"the disk of {home.path} is full ({free / 1e6:.0f} MB free); "
            "free some space or set LAYERWISE_HOME to a folder on another disk"
        )


def require_port(home: Home, port: int) -> None:
    """Raise LabError or InputError if JupyterLab cannot have that port. A running JupyterLab keeps its own."""
    if not 1024 <= port <= 65535:
        raise InputError(f"JupyterLab cannot use port {port}; choose one from 1024 to 65535: ./lab up --port 8888")
    if jupyter.status(home) is None and is_taken(port):
        who = processes.listener(port) or "another program"
        raise LabError(f"port {port} is taken by {who}; choose another: ./lab up --port {port + 1}")
