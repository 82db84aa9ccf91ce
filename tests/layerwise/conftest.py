"""The real `lab` on a miniature course of two exercises (tests/layerwise/minicourse), with folders of its own."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest

from layerwise.cli import main

ROOT = Path(__file__).resolve().parents[2]
MINICOURSE = Path(__file__).with_name("minicourse")

FORKS = get_context("forkserver")
"""Commands run in forks of one process that has imported what most of them need. With a new Python for each of them,
most of these tests' time would go to imports."""
FORKS.set_forkserver_preload(
    [__name__, "docker", "grader.exercise", "layerwise.interview.tasks", "rich.progress", "rich.table"]
)


def run(words: list[str], cwd: Path, env: Mapping[str, str], outputs: Sequence[Path]) -> None:
    """Be `lab` with these words, in that folder and environment. It has no input, and its outputs go to these files."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()  # of the variables that Python reads when it starts, tests set only TZ
    for number, file in enumerate([Path(os.devnull), *outputs]):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
    sys.exit(main(words))


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
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            process = FORKS.Process(
                target=run, args=([*map(str, words)], cwd or self.work.parent, {**self.env, **env}, [out, err])
            )
            process.start()
            try:
                process.join(300)
                assert process.exitcode is not None, "the command does not end"
            finally:
                process.kill()
            ended = Ended(process.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))
        assert "Traceback" not in ended.err, ended.err
        return ended

    def exercise(self, name: str) -> Path:
        return self.exercises / name


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    shutil.copytree(MINICOURSE, tmp_path / "exercises")
    return Lab(tmp_path / "exercises", tmp_path / "work", tmp_path / "home")
