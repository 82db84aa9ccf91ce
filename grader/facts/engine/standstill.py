"""Whether a check notices that the service stands still.

A container whose main process is the only one is started, and its check is run until it succeeds. Then the process is
stopped (SIGSTOP). If the check still succeeds, the files that the process wrote are aged, as if it had been stopped for
long. A check that still succeeds sees only that the process is there, or something that it did once. With several
processes nobody outside knows which of them serves.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from grader.errors import EngineFailure
from grader.facts.engine.ageing import aged_container
from grader.facts.engine.container import NO_HEALTHCHECK, Running, started
from grader.facts.engine.engine import Engine
from grader.facts.engine.stop import come_to_rest
from grader.lib.patience import stretched

LOOKS = 10
"""Looks, a tenth of a second apart, at which the main process has to be the only one."""
STOP = 5.0
"""Seconds until a signal has stopped the process."""
SUCCEED = 10.0
"""Seconds that the check has to succeed in, as it did before."""
RUN = 2.0
"""Seconds for one run of the check, or eight times what it took while the service worked, on the same busy machine."""
PAUSES = (0.0, 2.0, 4.0, 6.0)
"""Seconds before each further run of the check: a sign of life may only run out."""
_SHARED_MEMORY = 'for f in /dev/shm/* /dev/shm/.[!.]*; do [ -e "$f" ] && exit 3; done; exit 0'
_PAUSE = 0.1


def succeeds_at_standstill(engine: Engine, image: str, check: Sequence[str], came_up: float, files: bytes) -> bool:
    """Whether the check succeeds although the main process, the only one, is stopped. False if there are several, or
    if what shows that the service lives may be out of our reach.

    `came_up` is how many seconds it took until the check succeeded in another container. `files` is a tar to be
    unpacked before the start.

    Raises ContainerRefused if the container cannot be started, and EngineFailure if the check does not succeed here.
    """
    with started(engine, image, archives=[files] if files else [], healthcheck=NO_HEALTHCHECK) as running:
        time.sleep(came_up)
        come_to_rest(running)
        if not _is_alone(running):
            return False
        try:
            return _succeeds_stopped(running, check)
        except KeyError:
            raise EngineFailure("a container ended while its health check was looked at: grade again") from None


def _succeeds_stopped(running: Running, check: Sequence[str]) -> bool:
    """Stop the process and run the check. Raises KeyError if the container has ended."""
    limit = max(RUN, 8 * _until_success(running, check))
    running.engine.signal(running.id, "SIGSTOP")
    _wait_until_stopped(running)
    if _run(running, check, limit) != 0:
        return False
    aged = aged_container(running.engine, running.id)
    if aged:
        running.engine.put_archive(running.id, aged)
    for pause in PAUSES:
        time.sleep(pause)
        if _run(running, check, limit) != 0:
            return False
    return aged is not None and not _uses_shared_memory(running)


def _is_alone(running: Running) -> bool:
    for _ in range(LOOKS):
        if len(running.processes()) != 1:
            return False
        time.sleep(_PAUSE)
    return True


def _until_success(running: Running, check: Sequence[str]) -> float:
    """Return how many seconds the check's first run that succeeds took."""
    deadline = time.monotonic() + stretched(SUCCEED)
    while True:
        began = time.monotonic()
        if _run(running, check, deadline - began) == 0:
            return time.monotonic() - began
        if time.monotonic() > deadline:
            raise EngineFailure(
                "the health check succeeded in one container and not in another of the same image: grade again"
            )
        time.sleep(_PAUSE)


def _wait_until_stopped(running: Running) -> None:
    deadline = time.monotonic() + stretched(STOP)
    while time.monotonic() < deadline:
        _, rows = running.engine.top(running.id, "pid,stat")
        if rows and all(row[1].startswith("T") for row in rows):
            return
        time.sleep(_PAUSE)
    raise EngineFailure("a container's main process could not be stopped: grade again")


def _uses_shared_memory(running: Running) -> bool:
    """Whether there are files in /dev/shm, which the engine's own archives leave out: they may be signs of life."""
    return _run(running, ["/bin/sh", "-c", _SHARED_MEMORY], stretched(RUN), user="0") == 3


def _run(running: Running, command: Sequence[str], timeout: float, user: str = "") -> int | None:
    """Return the exit status of a command in the container, and None if it does not end in time."""
    deadline = time.monotonic() + timeout
    execution = running.engine.execute(running.id, command, user)
    while (code := running.engine.exit_code_of(execution)) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE / 2)
    return code
