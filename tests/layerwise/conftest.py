"""The real `lab` on a miniature course of two exercises (tests/layerwise/minicourse), with folders of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MINICOURSE = Path(__file__).with_name("minicourse")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Lab:
    """`lab` in a world of its own: `exercises` (a copy, to be spoilt at will), `work`, and LAYERWISE_HOME at `home`."""

    exercises: Path
    work: Path
    home: Path

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "LAYERWISE_EXERCISES": str(self.exercises),
            "LAYERWISE_WORK": str(self.work),
            "LAYERWISE_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
        }

    def __call__(self, *words: str | Path, cwd: Path | None = None, **env: str) -> Ended:
        """Run a lab command to its end. No command may show a traceback."""
        ended = subprocess.run(
            [sys.executable, "-m", "layerwise.cli", *map(str, words)],
            cwd=cwd or self.work.parent,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def exercise(self, name: str) -> Path:
        return self.exercises / name


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    shutil.copytree(MINICOURSE, tmp_path / "exercises")
    return Lab(tmp_path / "exercises", tmp_path / "work", tmp_path / "home")
