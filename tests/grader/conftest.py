"""Submissions and exercises made on the spot, and a watch over what is left behind."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from grader import checks
from grader.canary import Plant
from grader.exercise import Check, Exercise
from grader.facts import Facts
from grader.facts.engine.engine import OWNER_LABEL, REPOSITORY, Engine
from grader.lib import owner
from grader.lib.scratch import PREFIX
from grader.settings import BuildSettings
from grader.submission import Submission


@pytest.fixture
def submit(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with these files: `submit(Dockerfile="FROM …", **{"app.py": "…"})`."""

    def make(files: Mapping[str, str | bytes] | None = None, /, **more: str | bytes) -> Path:
        folder = tmp_path / "submission"
        folder.mkdir(exist_ok=True)
        for name, content in {**(files or {}), **more}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return make


def exercise(*wanted: tuple[str, Mapping[str, Any]] | Check, **build: Any) -> Exercise:
    """An exercise with these checks, (kind, parameters), one point each, with ids `KIND-1`, `KIND-2` in order."""
    made = []
    for number, item in enumerate(wanted, 1):
        if isinstance(item, Check):
            made.append(item)
            continue
        kind, params = item
        model = checks.kind(kind).params.model_validate(dict(params))
        made.append(Check(id=f"{kind}-{number}", kind=kind, title=f"Check {number}", points=1.0, params=model))
    return Exercise(
        name="made-up",
        folder=Path(__file__).parent,
        title="Made up",
        lesson="00-none",
        level="core",
        minutes=1,
        skills=(),
        images=(),
        hints=(),
        build=BuildSettings.model_validate(build),
        checks=tuple(made),
    )


@contextmanager
def facts_of(
    folder: Path,
    engine: Engine | None = None,
    *,
    exercise: Path | None = None,
    images: Sequence[str] = (),
    plants: Sequence[Plant] = (),
    no_shared_cache: bool = False,
    learner: str = "me",
    **build: Any,
) -> Iterator[Facts]:
    """The facts of a folder, with these build settings, the exercise's folder and base images, what is planted, and the
    learner's name."""
    with (
        Submission.open(
            folder, BuildSettings.model_validate(build), plants=plants, no_shared_cache=no_shared_cache
        ) as submission,
        Facts(submission, engine=engine, exercise=exercise, images=images, learner=learner) as facts,
    ):
        yield facts


def nest(folder: Path, depth: int) -> None:
    """Folders in each other, deeper than any path can say."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)


@pytest.fixture
def nothing_left(engine: Engine) -> Iterator[None]:
    """Fails where a test leaves a container, an image, a network, a volume or a grading's folder of its own behind."""
    before = things(engine, owner.mark())
    yield
    deadline = time.monotonic() + 5
    while (left := things(engine, owner.mark()) - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


def things(engine: Engine, mark: str) -> set[str]:
    """What bears a process's mark: others may be grading on the same engine. A volume bears none; an anonymous one
    that no container has was left by somebody."""
    api = engine._api
    containers = api.containers(all=True, filters={"label": OWNER_LABEL})
    networks = api.networks(filters={"label": OWNER_LABEL})
    tags = engine.image_names()
    volumes = [found["Name"] for found in api.volumes(filters={"dangling": True})["Volumes"] or ()]
    return {
        *(f"container {found['Id']}" for found in containers if found["Labels"][OWNER_LABEL].startswith(mark)),
        *(f"network {found['Name']}" for found in networks if found["Labels"][OWNER_LABEL].startswith(mark)),
        *(f"image {tag}" for tag in tags if tag.startswith(f"{REPOSITORY}:{mark}")),
        *(f"volume {name}" for name in volumes if re.fullmatch(r"[0-9a-f]{64}", name)),
        *(f"folder {path}" for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}{mark}*")),
    }
