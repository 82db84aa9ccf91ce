"""What an image's HEALTHCHECK finds, and whether it looks at anything.

The image is started with its own check, asked every half second in place of the image's interval, so that nobody waits
half a minute for the first look. A check that turns healthy may still be one that cannot fail. So its command is also
run where the service is not: by itself, as the main process of a fresh container of the image. Where that succeeds, it
says "healthy" of a container in which nothing serves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from grader.facts.container import exit_code, run, started
from grader.facts.engine import ContainerRefused, Engine
from grader.facts.image import Healthcheck, ImageConfig

INTERVAL = 0.5
"""Seconds between two looks of the engine."""
CONTROL = 10.0
"""Seconds the check's command is given where nothing serves; docker's own limit is the image's, or 30 s."""
_SHELL = ("/bin/sh", "-c")
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
    """Whether the check's command ended with status 0 where nothing serves; False where it was not tried."""


def watch(engine: Engine, image: str, config: ImageConfig, check: Healthcheck, within: float) -> Health:
    """Start the image until it is healthy, its main process ends, or `within` seconds are over; then try the control.

    ContainerRefused where the image cannot be started.
    """
    # What is left out, or 0, is the image's own.
    own: dict[str, Any] = {"healthcheck": {"interval": int(INTERVAL * _NANO)}}
    with started(engine, image, **own) as running:
        began = time.monotonic()
        while True:
            state = running.state
            status = str((state.get("Health") or {}).get("Status") or "starting")
            seconds = time.monotonic() - began
            if status == "healthy" or not state.get("Running") or seconds > within:
                break
            time.sleep(0.1)
    looked = (state.get("Health") or {}).get("Log") or ()
    last = looked[-1] if looked else {}
    alone = status == "healthy" and _succeeds_alone(engine, image, config, check)
    return Health(
        status,
        seconds,
        exit_code(state),
        int(last["ExitCode"]) if "ExitCode" in last else None,
        str(last.get("Output") or ""),
        alone,
    )


def _succeeds_alone(engine: Engine, image: str, config: ImageConfig, check: Healthcheck) -> bool:
    kind, *words = check.test
    # As the engine does it: a list as it is, a text by the image's shell.
    command = words if kind == "CMD" else [*(config.shell or _SHELL), *words]
    try:
        return run(engine, image, command, timeout=CONTROL).exit_code == 0
    except ContainerRefused:  # what it runs is there only once the service has made it
        return False
