"""What an image's HEALTHCHECK reports, and whether it checks anything.

The image is started with its own check, which runs every half second in place of the image's interval, so that nobody
waits half a minute for the first result. A check that turns healthy may still be one that cannot fail. So a control
runs at the same time: a container of the same image whose main process does nothing (`pause_program`), with the same
check for as long. If the control turns healthy too, the check says "healthy" of a container in which nothing serves.

The control of an image that was just built may turn healthy because its files are young, and would not tomorrow. So
both are then observed once more with the files of the image aged (`ageing`), and that counts. At last a main process
that is the only one is stopped (`standstill`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grader.errors import EngineFailure
from grader.facts.engine.ageing import aged_image
from grader.facts.engine.container import Running, exit_code, started
from grader.facts.engine.engine import Engine, program_archive
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.pause_program import program
from grader.facts.engine.standstill import succeeds_at_standstill
from grader.lib.patience import stretched

if TYPE_CHECKING:
    from grader.facts.facts import Facts
    from grader.facts.image.config import ImageConfig

INTERVAL = 0.5
"""Seconds between two runs of the check."""
MARGIN = 1.0
"""Seconds that the control is watched longer, counted from the start of each."""
CONTROL = 10.0
"""Seconds that the control is watched longer at most: if nothing serves, a check may take all of its timeout."""
_NANO = 1_000_000_000
_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True)
class Health:
    """How the check went."""

    status: str
    """What the engine says at the end: "healthy", "unhealthy" or "starting"."""
    seconds: float
    """From the container's start until it was healthy, or until the end of the observation."""
    exit_code: int | None
    """Of the main process; None while it runs."""
    last_status: int | None
    """Exit status of the last run of the check; None before the first has ended."""
    last_output: str
    succeeds_alone: bool
    """Whether the control, in which nothing serves, turned healthy too. False if the image itself did not."""
    aged: bool = False
    """Whether this was observed with the files of the image aged."""
    succeeds_at_standstill: bool = False
    """Whether the check still succeeds while the main process, the only one, is stopped."""


def observe_health(facts: Facts, within: float) -> Health | None:
    """Return how the image's HEALTHCHECK goes within that many seconds; None if it has none, or NONE. See `watch`."""
    command = _command(facts.image.config)
    return watch(facts.engine, facts.runnable, within, command) if command else None


def _command(config: ImageConfig) -> Sequence[str]:
    """Return the check as words to run; empty if there is none."""
    kind, *words = config.healthcheck.test if config.healthcheck else ("NONE",)
    if kind == "CMD-SHELL":
        return [*(config.shell or _SHELL), *words]
    return words if kind == "CMD" else []


def watch(engine: Engine, image: str, within: float, command: Sequence[str]) -> Health:
    """Observe the image and its control, again with older files if the control turns healthy, and at a standstill.

    `command` is the check as it is run in a container. Raises ContainerRefused if the image cannot be started, and
    NotObservable if there is no control program for the engine's machine.
    """
    files = b""
    found = _beside_a_control(engine, image, within)
    if found.succeeds_alone and (files := aged_image(engine, image)):
        again = _beside_a_control(engine, image, within, files)
        found = found if again.succeeds_alone else replace(again, aged=True)
    if found.status != "healthy" or found.succeeds_alone:
        return found
    still = succeeds_at_standstill(engine, image, command, found.seconds, files)
    return replace(found, succeeds_at_standstill=still)


def _beside_a_control(engine: Engine, image: str, within: float, files: bytes = b"") -> Health:
    """Run the image and its control until the image is healthy, its main process ends, or `within` seconds are over.

    `files` is a tar to be unpacked before the start.
    """
    # Settings that are left out, or 0, are the image's own.
    check: dict[str, Any] = {"healthcheck": {"interval": int(INTERVAL * _NANO)}}
    archives = [files] if files else []
    with started(engine, image, archives=archives, **check) as running:
        began = time.monotonic()
        with _control(engine, image, archives, check) as control:
            later = time.monotonic() - began
            looks, idle_looks = _Looks(running), _Looks(control)
            while True:
                looks.take()
                idle_looks.take()
                seconds = time.monotonic() - began
                if looks.healthy or not looks.state.get("Running") or seconds > within:
                    break
                time.sleep(0.1)
            alone = looks.healthy and _turns_healthy(idle_looks, looks.count, later)
    last = looks.last
    return Health(
        looks.status,
        seconds,
        exit_code(looks.state),
        int(last["ExitCode"]) if "ExitCode" in last else None,
        str(last.get("Output") or ""),
        alone,
    )


@contextmanager
def _control(engine: Engine, image: str, archives: Sequence[bytes], check: Mapping[str, Any]) -> Iterator[Running]:
    """Start a container of the image with its check, whose main process does nothing."""
    name = f".{secrets.token_hex(8)}"  # no check can know this name
    with ExitStack() as stack:
        archives = [*archives, program_archive(name, program(engine.info.architecture))]
        try:
            control = stack.enter_context(
                started(engine, image, archives=archives, entrypoint=[f"/{name}"], command=[], **check)
            )
        except ContainerRefused as problem:
            raise EngineFailure(
                f"the image starts, but not with a program that does nothing in place of its own: {problem}"
            ) from None
        yield control


class _Looks:
    """What a container's health check has found so far."""

    def __init__(self, container: Running) -> None:
        self._container = container
        self._seen: set[str] = set()
        self.state: Mapping[str, Any] = {}

    def take(self) -> None:
        """Ask the engine, which keeps only the last five runs of the check."""
        self.state = self._container.state
        self._seen |= {str(look["Start"]) for look in self._log}

    @property
    def _log(self) -> Sequence[Mapping[str, Any]]:
        return (self.state.get("Health") or {}).get("Log") or ()

    @property
    def status(self) -> str:
        return str((self.state.get("Health") or {}).get("Status") or "starting")

    @property
    def healthy(self) -> bool:
        return self.status == "healthy"

    @property
    def count(self) -> int:
        """How many runs of the check have ended."""
        return len(self._seen)

    @property
    def last(self) -> Mapping[str, Any]:
        return self._log[-1] if self._log else {}


def _turns_healthy(control: _Looks, looks: int, later: float) -> bool:
    """Whether the control turns healthy too, after one run of the check more than the image needed, and some time.

    It was started that many seconds later than the image.
    """
    began = time.monotonic()
    margin, most = later + stretched(MARGIN), later + stretched(CONTROL)
    while True:
        control.take()
        passed = time.monotonic() - began
        enough = passed > margin and control.count > looks
        if control.healthy or enough or passed > most or not control.state.get("Running"):
            return control.healthy
        time.sleep(0.1)
