"""What a Dockerfile and its context take from outside, and what files hold in the midst of a build."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.pins.context_files import Found, Unknown
from grader.facts.pins.dependencies import Collector
from grader.facts.pins.files import ImageFiles
from grader.facts.pins.history import BuildPoint
from grader.facts.pins.model import Dependency


def context(folder: Path, files: Mapping[str, str | bytes] | None = None) -> BuildContext:
    for name, content in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return BuildContext(folder)


def dependencies(folder: Path, dockerfile: str, files: Mapping[str, str | bytes] | None = None) -> list[Dependency]:
    """Everything that the build takes."""
    return list(Collector(context(folder, files), "Dockerfile").dependencies(resolve(parse(dockerfile))))


def shown(things: list[Dependency]) -> list[str]:
    """NAME tier; with `?` in front of what cannot be shown."""
    return [f"{'' if thing.shown else '?'}{thing.name} {thing.tier.name.lower()}" for thing in things]


def packages(folder: Path, steps: str, files: Mapping[str, str | bytes] | None = None, base: str = "x:1") -> list[str]:
    """What the steps behind `FROM base`, `WORKDIR /app` take, but for the base image."""
    things = dependencies(folder, f"FROM {base}\nWORKDIR /app\n{steps}\n", files)
    return shown([thing for thing in things if thing.category != "image"])


def held(folder: Path, dockerfile: str, path: str, files: Mapping[str, str | bytes] | None = None) -> Found | Unknown:
    """What a file of the image holds at the end of the last stage."""
    build = resolve(parse(dockerfile))
    reader = ImageFiles(build, context(folder, files), "Dockerfile")
    return reader.read(BuildPoint(build.target, len(build.target.steps)), path)
