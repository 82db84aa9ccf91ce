"""A course of one exercise that needs no engine, and a folder for everything a view may write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

EXERCISE = """
title   = "Leave the *noise* out"
lesson  = "02-caching"
level   = "core"
minutes = 5
hints   = ["Look at `.dockerignore`", "Ignore <logs>"]

[[check]]
kind     = "context"
title    = "The log stays at home"
points   = 4
excluded = ["big.log"]
hint     = "What does the builder not need?"
why      = "A log slows down *each* build."
lesson   = "02-caching#ignore"
"""
README = """# Leave the noise out

A log of **1 MB** is sent
with every build.

It need not be.

## What is judged

Nothing to see here.
"""


@dataclass(frozen=True)
class Bench:
    """Where a learner's things are."""

    exercises: Path
    work: Path
    home: Path

    @property
    def mine(self) -> Path:
        return self.work / "01-noise"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path / "exercises", tmp_path / "work", tmp_path / "home")
    starter = made.exercises / "01-noise" / "starter"
    starter.mkdir(parents=True)
    (starter.parent / "exercise.toml").write_text(EXERCISE, encoding="utf-8")
    (starter.parent / "README.md").write_text(README, encoding="utf-8")
    (starter / "Dockerfile").write_text("FROM localhost:5000/base/busybox:musl\nCOPY . /app\n", encoding="utf-8")
    (starter / "app.py").write_text("print(1)\n", encoding="utf-8")
    (starter / "big.log").write_bytes(b"x" * 1_000_000)
    for name, folder in (("EXERCISES", made.exercises), ("WORK", made.work), ("HOME", made.home)):
        monkeypatch.setenv(f"LAYERWISE_{name}", str(folder))
    return made
