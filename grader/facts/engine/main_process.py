"""Observe the main process of a running container."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.facts.engine.container import NO_HEALTHCHECK, Process, Running, exit_code, started
from grader.lib.patience import stretched

if TYPE_CHECKING:
    from grader.facts.facts import Facts


CALM = 3
"""Looks in a row at which every thread sleeps: then a container has come to rest."""
LOOKS = 10
"""Looks at the least. They are a tenth of a second apart."""
REST = 10.0
"""Seconds that a container has to come to rest."""
_PAUSE = 0.1
# As `docker run` starts it: set-uid programs and sudo do what they do outside.
_AS_BY_DEFAULT: dict[str, Any] = {"security_opt": None}
_STARTING = ("runc init", "/proc/self/exe init")
"""What the runtime's own process is called, which is root's until it becomes the main process. A container counts as
running a moment before that."""


@dataclass(frozen=True)
class ProcessSnapshot:
    """The main process while it ran. `main` is None if it ended before it could be seen."""

    main: Process | None
    others: Sequence[Process]
    exit_code: int | None
    """Of the main process; None while it runs."""
    stderr: str
    root: Process | None = None
    """A process that was root's at some look, after the main process had its time to drop root."""


def observe_main_process(facts: Facts, patience: float) -> ProcessSnapshot:
    """Return the main process while it runs, with `patience` seconds to drop root. See `watch`."""
    # A health check would show up as a process, for a moment even as root's.
    with started(facts.engine, facts.runnable, _AS_BY_DEFAULT, healthcheck=NO_HEALTHCHECK) as running:
        return watch(running, patience, facts.configured_user.uid == 0)


def watch(running: Running, patience: float, starts_as_root: bool) -> ProcessSnapshot:
    """Look at a container's processes again and again, until it has come to rest, or a process is root's, or the main
    process has ended.

    A main process that starts as root has `patience` seconds to drop it. On a busy machine it takes a while until a
    process has become what it will be: while a thread computes, it is not at rest.
    """
    drops_by = time.monotonic() + stretched(patience)
    rests_by = time.monotonic() + stretched(max(patience, REST))
    may_be_root = starts_as_root
    looks = calm = 0
    seen: list[Process] = []
    root = None
    while not (looks >= LOOKS and calm >= CALM):
        found = running.processes()
        main = next((process for process in found if process.main), None)
        if main is None:
            break
        if not looks and _is_starting(found) and time.monotonic() < rests_by:
            time.sleep(_PAUSE)
            continue
        seen = found
        looks += 1
        may_be_root = may_be_root and main.is_root and time.monotonic() < drops_by
        if not may_be_root:
            root = next((process for process in (main, *found) if process.is_root), None)
        if root or time.monotonic() > rests_by:
            break
        time.sleep(_PAUSE)
        calm = calm + 1 if running.is_idle() and not may_be_root else 0
    return ProcessSnapshot(
        next((process for process in seen if process.main), None),
        [process for process in seen if not process.main],
        exit_code(running.state),
        running.output[1],
        root,
    )


def _is_starting(found: Sequence[Process]) -> bool:
    """Whether there is nothing yet but the runtime's own process."""
    return len(found) == 1 and found[0].command in _STARTING
