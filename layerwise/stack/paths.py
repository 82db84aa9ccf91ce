"""Where things are: the checkout, and the lab's own folder (LAYERWISE_HOME)."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: holds course/, exercises/, images/, docker-compose.yml."""


def work_dir() -> Path:
    """The learner's own copies of exercises (LAYERWISE_WORK, default: work/ in the checkout)."""
    return Path(os.environ.get("LAYERWISE_WORK") or ROOT / "work").expanduser().absolute()


@dataclass(frozen=True)
class Home:
    """The lab's folder and what lies in it. Nothing is created by looking."""

    path: Path

    @property
    def state_file(self) -> Path:
        """What `lab up` made and started (JSON)."""
        return self.path / "state.json"

    @property
    def lock_file(self) -> Path:
        """Held while `lab up` or `lab down` changes anything."""
        return self.path / "lock"

    @property
    def engine(self) -> Path:
        """The embedded engine: rootfs/, data/, run/ (socket, pid file), dockerd.log."""
        return self.path / "engine"

    @property
    def bin(self) -> Path:
        """Tools of the lab, first on PATH in notebooks and lab commands."""
        return self.path / "bin"

    @property
    def docker_config(self) -> Path:
        """DOCKER_CONFIG of the lab (cli-plugins/, config.json), so that the learner's own is never touched."""
        return self.path / "docker"

    @property
    def cache(self) -> Path:
        """Downloads and half-made things that a second `lab up` can go on from."""
        return self.path / "cache"

    @property
    def jupyter(self) -> Path:
        """JupyterLab's runtime files and log."""
        return self.path / "jupyter"

    @property
    def progress_file(self) -> Path:
        """What this learner has done (SQLite)."""
        return self.path / "progress.sqlite"


def home() -> Home:
    """The lab's folder: LAYERWISE_HOME, else the user data directory of the platform."""
    chosen = os.environ.get("LAYERWISE_HOME")
    if chosen:
        return Home(Path(chosen).expanduser().absolute())
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Home(base / "layerwise")
