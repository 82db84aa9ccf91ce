"""A clock that the test moves, tasks that need no engine, and a grader that says what the test wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from grader.exercise import Exercise, load
from grader.verdict import Report, Verdict
from layerwise.interview.clock import Clock
from layerwise.interview.plan import Item, Plan, Sources
from layerwise.interview.tasks import About, Answers, Task, Why
from layerwise.questions import bank
from layerwise.questions.bank import BankQuestion, Point

RUBRIC = (
    Point(dimension="diagnosed", evidence="Names the install as the slow step."),
    Point(dimension="diagnosed", evidence="Runs the build twice."),
    Point(dimension="explained", evidence="Says how it was verified."),
)


class Hands:
    """A clock on the wall and one in the process, both moved by hand."""

    def __init__(self) -> None:
        self.process = 1000.0
        self.wall = 1_800_000_000.0
        self.clock = Clock(lambda: self.process, lambda: self.wall)

    def pass_by(self, seconds: float) -> None:
        self.process += seconds
        self.wall += seconds


def about(*skills: str) -> About:
    return About(
        skills=skills,
        cause="The install comes after the copy of everything.",
        command="docker build --progress=plain .",
        evidence="RUN pip install",
        rubric=RUBRIC,
        why=(Why(ask="Why is the manifest copied first?", answer="An edit of the code does not change it."),),
        follow_up=("And in CI?",),
        answers=Answers(
            weak="The machine is slow.",
            good="The install runs at each edit.",
            strong="The key of the install holds that of `COPY . .`.",
        ),
    )


@dataclass
class Tasks:
    """Tasks in a folder of the test's own: for each name its minutes and skills."""

    folder: Path
    known: Mapping[str, tuple[int, tuple[str, ...]]]
    loaded: list[tuple[str, int]] = field(default_factory=list)

    def names(self) -> list[str]:
        return sorted(self.known)

    def skills(self, name: str) -> tuple[str, ...]:
        return self.known[name][1]

    def load(self, name: str, seed: int) -> Task:
        self.loaded.append((name, seed))
        minutes, skills = self.known[name]
        place = self.folder / str(seed) / name
        if not place.exists():
            (place / "starter").mkdir(parents=True)
            (place / "solution").mkdir()
            (place / "exercise.toml").write_text(
                dedent(
                    f"""
                    title = "Slow for app {seed}"
                    lesson = "02-caching"
                    level = "core"
                    minutes = {minutes}
                    [[check]]
                    kind = "build"
                    title = "It builds"
                    points = 2
                    [[check]]
                    kind = "rebuild"
                    title = "An edit does not install again"
                    points = 4
                    edit = ["app.py"]
                    cached = ["pip install"]
                    [[check]]
                    kind = "pinning"
                    title = "The base is pinned"
                    points = 2
                    bases = "tag"
                    """
                )
            )
            (place / "README.md").write_text("# Slow\n\nThe team waits for each build.\n")
            (place / "starter" / "Dockerfile").write_text("FROM busybox\nCOPY . .\nRUN pip install\n")
            (place / "solution" / "Dockerfile").write_text("FROM busybox:musl\nRUN pip install\nCOPY . .\n")
        return Task(load(place), about(*skills))


TASKS = {
    "find-the-slow-step": (10, ("build-cache", "debugging")),
    "make-it-small": (12, ("image-size", "layers")),
    "stop-it": (8, ("processes", "debugging")),
    "who-are-you": (15, ("least-privilege",)),
}


def sources(folder: Path, known: Mapping[str, tuple[int, tuple[str, ...]]] = TASKS) -> Sources:
    return Sources(bank.load(), Tasks(folder / "instances", known))


def graded(exercise: Exercise, *shares: float) -> Report:
    """A report in which each check earned this share of its points; less than nothing for a fault of the grader."""
    pairs = zip(exercise.checks, shares, strict=True)
    results = [
        exercise.result(check, Verdict.error("the engine does not answer") if share < 0 else Verdict.share(share, "…"))
        for check, share in pairs
    ]
    return Report(exercise.name, exercise.title, results, seconds=1.0)


def grader(hands: Hands, seconds: float, *shares: float) -> Callable[[Exercise, Path], Report]:
    """A grader that takes so long, and then says this."""

    def grade(exercise: Exercise, folder: Path) -> Report:
        hands.pass_by(seconds)
        return graded(exercise, *shares)

    return grade


def short_plan(sources: Sources, *, minutes: int = 20) -> Plan:
    """An open question, one with options, and a task."""
    chosen: list[BankQuestion] = [sources.bank["layer-cache"], sources.bank["unhealthy"]]
    name, seed = "find-the-slow-step", 7
    items = [*map(Item.of_question, chosen), Item.of_task(sources.tasks.load(name, seed), name, seed)]
    return Plan(1, minutes, tuple(items))
