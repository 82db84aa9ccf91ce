"""Run a command in a container to its end, and know whether the engine may have lost what it printed.

result = run_command(engine, image, ["id", "-u"])
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal

from grader.errors import EngineFailure
from grader.facts.engine.container import Running, started
from grader.facts.engine.engine import Engine
from grader.facts.engine.output_reader import OUTPUT

OUTPUT_GRACE = 2.0
"""Seconds after the end of a process at which an engine stops waiting for its output, and drops what has not come."""
QUICK = 5.0
"""Seconds that a process has to live for an engine to have opened its output, however busy it is."""
RUNS = 4
"""The most runs of a command whose output may be cut."""
Stream = Literal["stdout", "stderr"]


class Missing(Enum):
    """What of a container's output may be missing, without an error that would tell of it."""

    NOTHING = auto()
    A_STREAM = auto()
    """All of one, or of both."""
    A_PART = auto()
    """Any part of it, such as the end."""


@dataclass(frozen=True)
class CommandResult:
    """How a command ended. `exit_code` is None if it was stopped: out of time, or after too much output."""

    exit_code: int | None
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False
    flooded: bool = False
    out_of_memory: bool = False

    def agrees(self, other: CommandResult) -> bool:
        """Whether it is the same result, whatever time it took."""
        return replace(self, seconds=0) == replace(other, seconds=0)

    def printed(self, stream: Stream) -> str:
        """What was printed to a stream."""
        return self.stdout if stream == "stdout" else self.stderr


def run_command(
    engine: Engine,
    image: str,
    command: str | Sequence[str] | None = None,
    *,
    timeout: float,
    network_of: str | None = None,
    env: Mapping[str, str] | None = None,
    archives: Sequence[bytes] = (),
    keep: str = "",
    judged: Sequence[Stream] = ("stdout", "stderr"),
) -> CommandResult:
    """Run a command in a fresh container until it ends, or until `timeout` seconds are over.

    A string is run by /bin/sh and a list as it is, both in place of the image's entrypoint; None runs the image's own
    command. The container shares the network of `network_of`, the id of a running container. `env` is added to the
    image's environment, and the files of `archives` (tar) to its root folder. With `keep`, an image of that name is
    made of what the container left.

    On a busy machine the engine loses what a quick program printed, now and then, and no error tells of it. A command
    whose output may be cut is run again, in another container, until two runs agree. A quick one with nothing on a
    stream in `judged` is run again, until that stream was empty twice or has something. Raises EngineFailure if RUNS
    runs are not enough.

    Raises ContainerRefused if the container cannot be started.
    """
    own: dict[str, Any] = {}
    if isinstance(command, str):
        own = {"entrypoint": ["/bin/sh", "-c"], "command": [command]}
    elif command is not None:
        own = {"entrypoint": list(command[:1]), "command": list(command[1:])}
    if env:
        own["environment"] = dict(env)
    host = {"network_mode": f"container:{network_of}"} if network_of else {}
    earlier: list[CommandResult] = []
    while len(earlier) < RUNS:
        called = time.monotonic()
        with started(engine, image, host, archives, **own) as running:
            result, may_miss = _to_its_end(running, timeout, called)
            if _is_believed(result, may_miss, judged, earlier):
                if keep:
                    engine.commit(running.id, keep)
                return result
        earlier.append(result)
    raise EngineFailure(
        f"the engine's machine is too busy: what a container printed may be cut, {RUNS} times in a row. Grade again"
    )


def _to_its_end(running: Running, timeout: float, called: float) -> tuple[CommandResult, Missing]:
    """Return the result of a container that was asked for at the time `called`, and what of its output may be
    missing."""
    reader = running.reader
    began = time.monotonic()
    deadline = began + timeout
    code = None
    while code is None and not reader.flooded and (left := deadline - time.monotonic()) > 0:
        code = running.wait(min(left, 1.0))
    ended = time.monotonic()
    state = running.state
    may_miss = Missing.NOTHING
    if code is None:  # It has failed, whatever it printed.
        running.signal("SIGKILL")
    elif ended - called >= OUTPUT_GRACE and _noticed_late(running.engine, state):
        may_miss = Missing.A_PART
    elif _lived(state) < QUICK:
        may_miss = Missing.A_STREAM
    reader.finish()
    if code is not None:
        reader.complete(*running.engine.logs(running.id, OUTPUT))
    flooded = code is None and reader.flooded
    result = CommandResult(
        code,
        reader.text(0),
        reader.text(1),
        ended - began,
        code is None and not flooded,
        flooded,
        bool(state.get("OOMKilled")),
    )
    return result, may_miss


def _is_believed(
    result: CommandResult, may_miss: Missing, judged: Sequence[Stream], earlier: Sequence[CommandResult]
) -> bool:
    """Whether nothing is missing, as far as the earlier runs tell."""
    if may_miss is Missing.A_PART:
        return any(result.agrees(other) for other in earlier)
    if may_miss is Missing.A_STREAM:
        empty = [stream for stream in judged if not result.printed(stream)]
        return all(any(not other.printed(stream) for other in earlier) for stream in empty)
    return True


def _noticed_late(engine: Engine, state: Mapping[str, Any]) -> bool:
    """Whether the engine was so late in saying that a container has ended that it may have dropped output: no error
    tells of that.

    moby waits OUTPUT_GRACE seconds for the output (handleContainerExit in daemon/monitor.go), and so does containerd's
    shim.
    """
    return (engine.now() - _moment(state, "FinishedAt")).total_seconds() >= OUTPUT_GRACE


def _lived(state: Mapping[str, Any]) -> float:
    """Return for how many seconds a container's process lived.

    dockerd opens the named pipes of the two streams in threads of their own. If one of them does not get its turn until
    the process has ended, dockerd closes the pipe unread ("reading from a closed fifo" in its log), and attach and log
    are empty: with Docker 26.1 in some 3 of 1,000 runs beside eight busy processes on two cores.
    """
    return (_moment(state, "FinishedAt") - _moment(state, "StartedAt")).total_seconds()


def _moment(state: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(str(state[name]))
