"""What an image's HEALTHCHECK finds, and whether it looks at anything.

The image is started with its own check, asked every half second in place of the image's interval, so that nobody waits
half a minute for the first look. A check that turns healthy may still be one that cannot fail. So beside it a control
runs: a container of the same image whose main process does nothing (`facts/idle.py`), its check asked in the same way
and for as long. Where that one turns healthy too, the check says "healthy" of a container in which nothing serves.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from grader.errors import EngineFailure
from grader.facts.container import Running, exit_code, started
from grader.facts.engine import ContainerRefused, Engine
from grader.facts.idle import program

INTERVAL = 0.5
"""Seconds between two looks of the engine."""
MARGIN = 1.0
"""Seconds for which the control, which is started a little later, is looked at longer."""
CONTROL = 10.0
"""The same at most: where nothing serves, a look may take as long as the check's own timeout."""
_NANO = 1_000_000_000


@dataclass(frozen=True)
class Health:
    """What became of the check."""

    status: str
    """As the engine has it at the end of looking: "healthy", "unhealthy" or "starting"."""
    seconds: float
    """From the container's start to healthy, or to the end of looking."""
    exit_code: int | None
    """Of the main process, where it has ended."""
    last_status: int | None
    """Exit status of the check's last look; None before the first has ended."""
    last_output: str
    succeeds_alone: bool
    """Whether the control turned healthy, in which nothing serves; False where the image itself did not."""


def watch(engine: Engine, image: str, within: float) -> Health:
    """Start the image and its control until it is healthy, its main process ends, or `within` seconds are over.

    ContainerRefused where the image cannot be started; NotObservable where no control can be made for the machine.
    """
    # What is left out, or 0, is the image's own.
    check: dict[str, Any] = {"healthcheck": {"interval": int(INTERVAL * _NANO)}}
    with started(engine, image, **check) as running:
        began = time.monotonic()
        with _control(engine, image, check) as control:
            looks, idle_looks = _Looks(running), _Looks(control)
            while True:
                looks.take()
                idle_looks.take()
                seconds = time.monotonic() - began
                if looks.healthy or not looks.state.get("Running") or seconds > within:
                    break
                time.sleep(0.1)
            alone = looks.healthy and _turns_healthy(idle_looks, looks.count)
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
def _control(engine: Engine, image: str, check: Mapping[str, Any]) -> Iterator[Running]:
    """A container of the image with its check, whose main process does nothing."""
    name = f".{secrets.token_hex(8)}"  # no check can know it
    with ExitStack() as stack:
        programs = {name: program(engine.info.architecture)}
        try:
            control = stack.enter_context(
                started(engine, image, programs=programs, entrypoint=[f"/{name}"], command=[], **check)
            )
        except ContainerRefused as problem:
            raise EngineFailure(f"the image starts, but not with a program that does nothing: {problem}") from None
        yield control


class _Looks:
    """What a container's health check has found so far."""

    def __init__(self, container: Running) -> None:
        self._container = container
        self._seen: set[str] = set()
        self.state: Mapping[str, Any] = {}

    def take(self) -> None:
        """Look how it stands now. The engine keeps the last five looks only."""
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
        """How many have come to an end."""
        return len(self._seen)

    @property
    def last(self) -> Mapping[str, Any]:
        return self._log[-1] if self._log else {}


def _turns_healthy(control: _Looks, looks: int) -> bool:
    """Whether the control is healthy too, after one look more than the image needed and some time more."""
    began = time.monotonic()
    while True:
        control.take()
        passed = time.monotonic() - began
        enough = passed > MARGIN and control.count > looks
        if control.healthy or enough or passed > CONTROL or not control.state.get("Running"):
            return control.healthy
        time.sleep(0.1)
