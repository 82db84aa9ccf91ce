"""The parts of `lab up` that run at the same time: Python packages and JupyterLab, the engine and Debian for it, the
registries and base images."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

from grader.facts.engine.info import EngineInfo
from layerwise.errors import LabError
from layerwise.stack import apt, embedded, environment, installation, jupyter, rootfs, state, tools, trivy_image
from layerwise.stack.paths import Home
from layerwise.stack.progress import Reporter

EARLY = """
    {address}

The page is ready, and shows what still comes.
"""


@contextmanager
def notebook(
    home: Home, env: Mapping[str, str], port: int | None, early: bool, shown: Reporter
) -> Iterator[tuple[Future[None], Future[str | None]]]:
    """While the block runs, install the rest of the Python packages, and start JupyterLab if it has a port.

    Yields both, the second with JupyterLab's address, which is shown at once if it comes `early`. If the block is
    interrupted, JupyterLab is stopped again.
    """
    cancel = threading.Event()

    def install() -> None:
        if installation.rest():
            with shown.step("python") as say:
                installation.install_rest(say, cancel)

    def start() -> str | None:
        packages.result()
        if port is None or cancel.is_set():
            return None
        with shown.step("jupyter") as say:
            address = jupyter.start(home=home, env=env, port=port, report=say)
        if early and not cancel.is_set():
            shown.tell(EARLY.format(address=address))
        return address

    was_running = jupyter.status(home) is not None
    with ThreadPoolExecutor(1, thread_name_prefix="jupyter") as beside:
        packages, address = beside.submit(install), beside.submit(start)
        try:
            yield packages, address
            address.result()
        except (KeyboardInterrupt, SystemExit):
            cancel.set()
            with suppress(LabError):
                address.result()
            if not was_running:
                jupyter.stop(home)
            raise


@contextmanager
def debian_ahead(wanted: list[str], offline: bool, packages: Future[None]) -> Iterator[Callable[[], None]]:
    """Call what this yields to unpack Debian, on which all recipes build, while the engine is being made. It begins
    once the Python `packages` are there, for which a reader waits. If it fails, the step that needs it tells why."""
    from layerwise.stack import catalogue, certificates, recipe, registry, upstream

    cancel = threading.Event()

    def unpack() -> None:
        with suppress(LabError):
            packages.result()
            image, trust = catalogue.find(registry.DEBIAN), certificates.trusted()
            if wanted and not offline and not upstream.answers(image.registry):
                recipe.unpack(
                    catalogue.HERE / image.recipe,
                    env=os.environ,
                    trust=trust,
                    progress=lambda text: None,
                    cancel=cancel,
                )

    beside = threading.Thread(target=unpack, name="debian")
    try:
        yield beside.start
    except BaseException:
        cancel.set()
        raise
    finally:
        if beside.ident:
            beside.join()


def bring_engine(home: Home, current: state.State, shown: Reporter, begin: Callable[[], None]) -> EngineInfo:
    """Start the lab's own engine, and make it first if necessary; `begin` is called when the packages are there that it
    is made with."""
    rootfs.sweep(home)
    if not rootfs.is_ready(home):
        missing = apt.missing_for_rootfs()
        if missing:
            with shown.step("packages") as say:
                apt.install(missing, say)
            current.apt = sorted({*current.apt, *missing})
            state.write(home, current)
        begin()
        with shown.step("rootfs") as say:
            rootfs.make(home, say)
    with shown.step("engine") as say:
        return embedded.start(home, current, say)


def bring_rest(home: Home, current: state.State, wanted: list[str], offline: bool, shown: Reporter) -> list[str]:
    """Bring what needs the engine: tools, registries, base images. Returns warnings about what is missing then."""
    assert current.engine
    embedded_one = current.engine.kind == "embedded"
    found = tools.from_rootfs(home.engine / "rootfs") if embedded_one else tools.from_machine(home, os.environ)
    warnings = tools.place(home, found, os.environ)
    env = tools.own(home, environment.for_engine(home, current.engine))
    tools.require_buildx(env)
    state.write(home, current)
    cancel = threading.Event()
    with ThreadPoolExecutor(2, thread_name_prefix="beside") as beside:
        registries = beside.submit(bring_registries, env, shown, cancel)
        scanner = beside.submit(bring_scanner, home, current, env, offline, shown)
        try:
            if wanted:
                warnings += bring_images(env, wanted, offline, registries, shown, cancel)
            registries.result()
            warnings += scanner.result()
        except BaseException:
            cancel.set()
            raise
    return warnings


def bring_scanner(
    home: Home, current: state.State, env: Mapping[str, str], offline: bool, shown: Reporter
) -> list[str]:
    """Bring Trivy's image, on a machine that has no other Trivy. Returns a warning if it cannot be had."""
    if tools.scanner(home, os.environ):
        return []
    if not shown.plans("scanner"):  # it was to come with the Python packages
        return [tools.without_scanner(home)]
    with shown.step("scanner") as say:
        found = trivy_image.bring(current.scanner, env, offline=offline, say=say)
        if not found:
            shown.lacks("scanner", "the engine has it neither here nor from Docker Hub")
            return [tools.without_scanner(home)]
        current.scanner = found
        state.write(home, current)
        trivy_image.wrap(home)
    return []


def bring_images(
    env: Mapping[str, str],
    wanted: list[str],
    offline: bool,
    registries: Future[None],
    shown: Reporter,
    cancel: threading.Event,
) -> list[str]:
    """Bring base images. What only recipes give is made while the registries come up for the first time; Debian's is
    pushed as soon as there is a registry. Returns a warning about those that cannot be had here."""
    from layerwise.stack import catalogue, images, registry, upstream

    with shown.step("images") as say:

        def report(name: str, text: str) -> None:
            say(f"{name}: {text}")

        def push(names: list[str]) -> None:
            registries.result()
            images.seed(names, env=env, offline=offline, report=report)

        debian = catalogue.find(registry.DEBIAN)
        if not offline and registry.is_new(env) and not upstream.has(debian.upstream, env):
            first = [name for name in wanted if name == debian.name]
            images.prepare(first, env=env, report=report, cancel=cancel)
            with ThreadPoolExecutor(1, thread_name_prefix="push") as beside:
                pushed = beside.submit(push, first)
                try:
                    images.prepare(wanted, env=env, report=report, cancel=cancel)
                except BaseException:
                    cancel.set()
                    raise
            pushed.result()
        try:
            push(wanted)
        except images.NotAvailable as problem:
            shown.lacks("images", str(problem))
            return [f"{problem}; nothing that builds on it will work"]
    return []


def bring_registries(env: Mapping[str, str], shown: Reporter, cancel: threading.Event) -> None:
    """Bring both registries, and the course's advisories into the first."""
    from layerwise.stack import advisories, registry

    with shown.step("registry") as say:
        registry.up(env=env, report=lambda thing, text: say(f"{thing}: {text}"), cancel=cancel)
        advisories.seed(say)
