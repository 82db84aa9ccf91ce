"""The parts of a verdict's key: the version of an exercise, the fingerprint of the grader, and the engine."""

from __future__ import annotations

import hashlib
from contextlib import closing
from functools import cache
from pathlib import Path

import grader
from grader.errors import SubmissionUnusable
from grader.exercise import Exercise
from grader.facts.engine.engine import Engine
from grader.facts.registry.names import PLACEHOLDER
from grader.lib.fingerprint import fingerprint_of_folder
from grader.lib.tools import tool_versions
from layerwise.classroom.hand_in import HandIn

_NOT_JUDGED_BY = frozenset(("README.md", "solution", "solution.sh", "variants"))
"""In an exercise's folder: no verdict depends on these, so a corrected typo makes no score stale."""


def is_of_learner(exercise: Exercise) -> bool:
    """Whether the exercise looks at a repository of the learner's, so that equal hand-ins may earn different scores."""
    return any(PLACEHOLDER in path.read_text(encoding="utf-8") for path in exercise.folder.glob("*.toml"))


def fingerprint_of(hand_in: HandIn, *, of_learner: bool) -> str:
    """Return the fingerprint of a hand-in, as `HandIn.fingerprint` does; "" if it cannot be read."""
    try:
        return hand_in.fingerprint(of_learner=of_learner)
    except SubmissionUnusable:
        return ""


def version_of(exercise: Exercise) -> str:
    """Return the version of an exercise: a fingerprint of everything in its folder that a verdict may depend on."""
    return fingerprint_of_folder(exercise.folder, _NOT_JUDGED_BY)


@cache
def grader_fingerprint() -> str:
    """Return the fingerprint of this grader: of its code and its data. It needs neither an engine nor the lab."""
    return fingerprint_of_folder(Path(grader.__file__).parent)


@cache
def engine_line() -> str:
    """Return the engine's version, image store and architecture, and a short fingerprint of the tools that the grader
    asks, such as "26.1.5 containerd amd64 tools-1f2e3d4c". Raises EngineUnavailable.
    """
    tools = hashlib.sha256("\n".join(tool_versions()).encode()).hexdigest()
    return f"{ask_engine()} tools-{tools[:8]}"


def ask_engine() -> str:
    """Return what the engine says of itself now. Raises EngineUnavailable if it is gone."""
    with closing(Engine.connect()) as engine:
        info = engine.info
    return f"{info.version} {info.image_store} {info.architecture}"
