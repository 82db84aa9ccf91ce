"""What `lab up` made and started, as a small JSON file: read by every lab command, written only by up and down."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

from layerwise.errors import LabError
from layerwise.stack.paths import Home

SCHEMA = 1


@dataclass(frozen=True)
class EngineRecord:
    """The engine the lab uses: `kind` is host or embedded, `docker_host` its address, `cert_path` its TLS folder."""

    kind: str
    docker_host: str
    cert_path: str = ""


@dataclass
class State:
    """What is remembered between commands.

    engine   the engine in use, or None when the lab is down
    last     the engine that was in use last: what the lab made is still there
    apt      packages that `lab up` added to this machine (kept by purge, and said so)
    network  what the embedded engine chose and found (see layerwise.stack.network)
    seconds  how long each step took the last time, for the estimates of the next
    """

    engine: EngineRecord | None = None
    last: EngineRecord | None = None
    apt: list[str] = field(default_factory=list)
    network: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def read(home: Home) -> State:
    """The state; an empty one where there is none, or where the file is damaged (all of it can be found out again)."""
    try:
        raw = json.loads(home.state_file.read_text(encoding="utf-8"))
        engines = {key: EngineRecord(**raw[key]) if raw.get(key) else None for key in ("engine", "last")}
        return State(
            **engines,
            apt=[str(name) for name in raw.get("apt", [])],
            network={str(key): str(value) for key, value in raw.get("network", {}).items()},
            seconds={str(key): float(value) for key, value in raw.get("seconds", {}).items()},
        )
    except FileNotFoundError:
        return State()
    except PermissionError as problem:
        raise LabError(f"cannot read {home.state_file}: {problem.strerror}; run as the user who ran ./lab up") from None
    except (OSError, ValueError, TypeError, AttributeError):
        return State()


def write(home: Home, state: State) -> None:
    """Replace the state in one step, so that a kill leaves the old one or the new one."""
    half = home.state_file.with_suffix(f".{os.getpid()}.tmp")
    try:
        with half.open("w", encoding="utf-8") as file:
            json.dump({"schema": SCHEMA, **asdict(state)}, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        half.replace(home.state_file)
    except OSError as problem:
        half.unlink(missing_ok=True)
        raise LabError(
            f"cannot write {home.state_file}: {problem.strerror}; free some space there or set LAYERWISE_HOME"
        ) from None
