"""The floors of the house and what each module imports: for the test that holds them, and for the picture in docs/."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FLOORS = (
    ("grader.errors",),
    ("grader.lib",),
    ("grader.verdict", "grader.canary", "grader.settings"),
    ("grader.submission", "grader.reports"),
    ("grader.facts.dockerfile",),
    ("grader.facts.shell",),
    ("grader.facts.packages",),
    ("grader.facts.context",),
    ("grader.facts.pins",),
    ("grader.facts",),
    ("grader.checks", "grader.lint", "layerwise.errors"),
    ("grader.exercise", "layerwise.stack"),
    ("grader.grade", "layerwise.pipeline", "layerwise.questions"),
    ("grader.verify", "layerwise"),
    ("layerwise.interview",),
    ("layerwise.views", "layerwise.classroom"),
    ("layerwise.homepage",),
    ("layerwise.commands", "layerwise.cli"),
)
"""From the ground up. What is on one floor may import from it and from those below."""


def modules(package: str) -> dict[str, Path]:
    """The modules of a package by name."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Whatever a module imports of the known ones, anywhere in it: in a function and for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in whole)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def graph(*packages: str) -> dict[str, set[str]]:
    """For each module of the packages the others it imports."""
    known = {name: path for package in packages for name, path in modules(package).items()}
    # A face that only hands a name on is no module that builds on another.
    return {name: {used for used in imports(path, known) if used in known} - {name} for name, path in known.items()}


def room(module: str) -> str:
    """The room a module is in: the longest name in FLOORS that it is, or is in."""
    rooms = (room for floor in FLOORS for room in floor if f"{module}.".startswith(f"{room}."))
    return max(rooms, key=len)


def floor(module: str) -> int:
    """The number of a module's floor. The ground is 0."""
    return next(number for number, rooms in enumerate(FLOORS) if room(module) in rooms)
