"""Where things are: the checkout, and the lab's own folder (LAYERWISE_HOME)."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: holds course/, exercises/, images/, docker-compose.yml."""


def is_checkout() -> bool:
    """Whether ROOT is a checkout. If only the packages were installed it is not, and the course is missing."""
    return (ROOT / "images" / "catalogue.toml").is_file()


def work_dir() -> Path:
    """The learner's own copies of exercises: LAYERWISE_WORK, else work/ in the checkout, else work/ in the current
    folder."""
    chosen = os.environ.get("LAYERWISE_WORK")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return (ROOT if is_checkout() else Path.cwd()) / "work"


@dataclass(frozen=True)
class Home:
    """The lab's folder and the places inside it. Reading them creates nothing."""

    path: Path

    @property
    def state_file(self) -> Path:
        """A record of what `lab up` made and started (JSON)."""
        return self.path / "state.json"

    @property
    def coming_up(self) -> Path:
        """What the latest `lab up` is doing, or has done (JSON)."""
        return self.path / "coming-up.json"

    @property
    def lock_file(self) -> Path:
        """Held while `lab up` or `lab down` changes anything."""
        return self.path / "lock"

    @property
    def turns(self) -> Path:
        """A lock for each job that one process at a time does, such as bringing a base image."""
        return self.path / "turns"

    @property
    def engine(self) -> Path:
        """The embedded engine: rootfs/, data/, run/ (socket, pid file), dockerd.log."""
        return self.path / "engine"

    @property
    def bin(self) -> Path:
        """Tools of the lab, first on PATH in notebooks and lab commands: links to `tools`, or what waits for it."""
        return self.path / "bin"

    @property
    def tools(self) -> Path:
        """Links to the programs themselves."""
        return self.path / "tools"

    @property
    def docker_config(self) -> Path:
        """DOCKER_CONFIG of the lab (cli-plugins/, config.json), so that the learner's own is never touched."""
        return self.path / "docker"

    @property
    def cache(self) -> Path:
        """Downloads and unfinished work that a second `lab up` can continue."""
        return self.path / "cache"

    @property
    def jupyter(self) -> Path:
        """JupyterLab's runtime files and log."""
        return self.path / "jupyter"

    @property
    def proofs(self) -> Path:
        """Which known submissions of which exercises were proved (see grader.verify.proofs)."""
        return self.path / "proofs"

    @property
    def instances(self) -> Path:
        """Instances of exercises, made from seeds (see layerwise.instances)."""
        return self.path / "instances"

    @property
    def progress_file(self) -> Path:
        """What this learner has done (SQLite)."""
        return self.path / "progress.sqlite"

    @property
    def sessions_file(self) -> Path:
        """Interview sessions (SQLite)."""
        return self.path / "sessions.sqlite"

    @property
    def sessions(self) -> Path:
        """A folder for each interview session: what was handed in, and the commands that were recorded."""
        return self.path / "sessions"


def nearest(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


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
