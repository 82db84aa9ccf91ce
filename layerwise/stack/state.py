"""What `lab up` made and started, in a small JSON file: every lab command reads it, only up and down write it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from layerwise.errors import LabError
from layerwise.stack import files
from layerwise.stack.paths import Home

SCHEMA = 1


@dataclass(frozen=True)
class EngineRecord:
    """The engine that the lab uses: its `kind` (host or embedded), address and TLS folder (or empty)."""

    kind: str
    docker_host: str
    cert_path: str = ""


@dataclass(frozen=True)
class ScannerRecord:
    """The image that scans where there is no other Trivy: its Trivy `version`, what to run it by (`reference`: a name
    with a digest, or the engine's id), and whether the lab pulled it."""

    version: str
    reference: str
    pulled: bool


@dataclass
class State:
    """What is remembered between commands.

    engine   the engine in use, None if the lab is down
    last     the engine that was used last: it still has what the lab made
    apt      packages that `lab up` installed on this machine (a purge keeps them, and says so)
    network  what the embedded engine chose and found (see layerwise.stack.network)
    scanner  Trivy's image, None if the machine has another Trivy or there is none
    seconds  how long each step took the last time, to estimate the next
    """

    engine: EngineRecord | None = None
    last: EngineRecord | None = None
    apt: list[str] = field(default_factory=list)
    network: dict[str, str] = field(default_factory=dict)
    scanner: ScannerRecord | None = None
    seconds: dict[str, float] = field(default_factory=dict)


def read(home: Home) -> State:
    """The state; empty if the file is missing or damaged (all of it can be found out again). Raises LabError if the
    file may not be read."""
    try:
        raw = json.loads(home.state_file.read_text(encoding="utf-8"))
        engines = {key: EngineRecord(**raw[key]) if raw.get(key) else None for key in ("engine", "last")}
        return State(
            **engines,
            apt=[str(name) for name in raw.get("apt", [])],
            network={str(key): str(value) for key, value in raw.get("network", {}).items()},
            scanner=ScannerRecord(**raw["scanner"]) if raw.get("scanner") else None,
            seconds={str(key): float(value) for key, value in raw.get("seconds", {}).items()},
        )
    except FileNotFoundError:
        return State()
    except PermissionError as problem:
        raise LabError(f"cannot read {home.state_file}: {problem.strerror}; run as the user who ran ./lab up") from None
    except (OSError, ValueError, TypeError, AttributeError):
        return State()


def write(home: Home, state: State) -> None:
    """Replace the state, in one step: a kill leaves the old one or the new one. Raises LabError."""
    try:
        files.replace(home.state_file, json.dumps({"schema": SCHEMA, **asdict(state)}, indent=2))
    except OSError as problem:
        raise LabError(
            f"cannot write {home.state_file}: {problem.strerror}; free some space there or set LAYERWISE_HOME"
        ) from None
