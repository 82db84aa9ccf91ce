"""A class that hands in, and verdicts that were not measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.exercise import Exercise, load
from grader.verdict import CheckResult, Report, Verdict
from layerwise.classroom import keys
from layerwise.classroom.store import Store

ROOT = Path(__file__).resolve().parents[3]
EXERCISE = "05-drop-root"


def report(exercise: Exercise, *fractions: float) -> Report:
    """A report with these shares of the points of each check; the checks that are left get all of theirs."""
    shares = [*fractions, *[1.0] * (len(exercise.checks) - len(fractions))]
    return Report(
        exercise=exercise.name,
        title=exercise.title,
        checks=[
            CheckResult.of(
                Verdict.share(share, "It is so."),
                id=check.id,
                kind=check.kind,
                title=check.title,
                max_points=check.points,
                lesson=exercise.lesson,
            )
            for check, share in zip(exercise.checks, shares, strict=True)
        ],
        seconds=2.0,
    )


def failed(exercise: Exercise, why: str = "The engine went away.") -> Report:
    """A report without a score, since the grader failed."""
    checks = [
        CheckResult.of(Verdict.error(why), id=check.id, kind=check.kind, title=check.title, max_points=check.points)
        for check in exercise.checks
    ]
    return Report(exercise=exercise.name, title=exercise.title, checks=checks)


@pytest.fixture
def exercise() -> Exercise:
    return load(EXERCISE, ROOT / "exercises")


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[..., Path]:
    """Hand in a Dockerfile with this text, and return the folder."""

    def make(learner: str, text: str = "FROM scratch\n", exercise: str = EXERCISE) -> Path:
        folder = tmp_path / "class" / learner / exercise
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Dockerfile").write_text(text)
        return folder

    return make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "class").mkdir(exist_ok=True)
    with Store.open(tmp_path / "class") as opened:
        yield opened


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing asks an engine or a tool: a verdict's key has made-up parts."""
    monkeypatch.setattr(keys, "engine_line", lambda: "26.1.5 containerd amd64")
    monkeypatch.setattr(keys, "ask_engine", lambda: "26.1.5 containerd amd64")
    monkeypatch.setattr(keys, "grader_fingerprint", lambda: "this grader")
