"""The examples of docs/contributing.md: put into a copy of the project, as they are written there, they work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from layerwise.stack import environment
from tests.floors import ROOT

DOC = ROOT / "docs" / "contributing.md"
COPIED = ("benchmarks", "course", "docs", "exercises", "grader", "images", "layerwise", "tests")
OTHERS = (
    *(
        f"tests/grader/{name}"
        for name in ("checks/test_params.py", "lint", "reports/test_hostile.py", "test_exercise.py")
    ),
    *("tests/grader/test_imports.py", "tests/grader/test_mirrored.py", "tests/course/test_lessons.py"),
    "tests/layerwise/questions/test_bank.py",
    "tests/layerwise/interview/test_memory.py",
)
TOUCHED = (
    "setuid or tap or test_rule or test_imports or test_mirrored or test_every_entry or test_no_skill "
    "or test_every_lesson"
)
"""Tests of what is there already that look at what the examples add, and words in their names."""
FENCE = re.compile(r"(?:^(?P<says>[^\n]+)\n\n)?^```(?P<language>[a-z]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of an example: which file it is of, and whether it is all of it or a change."""

    path: str
    is_whole: bool
    language: str
    text: str


def blocks() -> Iterator[Block]:
    """The blocks of the examples. `PATH`: before one says that it is a file; In `PATH`, … that it goes into one."""
    path, is_whole = "", True
    for found in FENCE.finditer(DOC.read_text(encoding="utf-8")):
        if named := re.match(r"(In )?`([^`]+)`.*:$", found["says"] or ""):
            path, is_whole = named[2], not named[1]
        if path:
            yield Block(path, is_whole, found["language"], found["text"])


def apply(block: Block, root: Path) -> None:
    """Write the file, change what a diff changes, or add a section."""
    path = root / block.path
    if block.is_whole:
        assert not path.exists(), block.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    if block.language == "diff":
        lines = block.text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(before) == 1, f"{block.path} has no longer, or not only once:\n{before}"
        text = text.replace(before, after)
    else:
        text += f"\n{block.text}"
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with all the examples in it."""
    copy = tmp_path_factory.mktemp("project")
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for path in (*ROOT.glob("*.toml"), *ROOT.glob("*.lock"), *ROOT.glob("*.md")):
        shutil.copy(path, copy)
    for block in blocks():
        apply(block, copy)
    return copy


def run(project: Path, *command: str, **env: str) -> None:
    """Run a module of Python in the copy."""
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env={**os.environ, **env, "PYTHONPATH": str(project), "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, f"{' '.join(command)}:\n{ended.stdout}{ended.stderr}"


def written() -> list[str]:
    return [block.path for block in blocks() if block.is_whole and block.path.endswith(".py")]


def test_they_are_well_written(project: Path) -> None:
    changed = sorted({block.path for block in blocks() if block.path.endswith(".py")})
    run(project, "ruff", "check", "--no-cache", *changed)
    run(project, "ruff", "format", "--check", "--no-cache", *changed)


def test_they_pass_what_needs_no_engine(project: Path) -> None:
    tests = [path for path in written() if path.startswith("tests/")]
    run(project, "pytest", "-q", "-m", "not engine and not lab", "-k", TOUCHED, *tests, *OTHERS)


@pytest.mark.long
def test_their_types_are_right(project: Path) -> None:
    run(project, "mypy", "--cache-dir", os.devnull, *(path for path in written() if not path.startswith("tests/")))


@pytest.mark.engine
@pytest.mark.long
def test_the_check_kind_judges_as_it_says(project: Path) -> None:
    run(project, "pytest", "-q", "tests/grader/checks/test_setuid.py")


@pytest.mark.lab
@pytest.mark.long
def test_the_exercise_is_proved(project: Path) -> None:
    run(project, "layerwise.cli", "exercises", "verify", "12-no-setuid", **environment.lab_env())


@pytest.mark.lab
@pytest.mark.long
def test_the_lesson_runs(project: Path) -> None:
    run(project, "pytest", "-q", "tests/course/test_lessons.py", "-k", "12-setuid", **environment.lab_env())


@pytest.mark.lab
@pytest.mark.long
def test_the_question_is_proved(project: Path) -> None:
    proofs = "tests/layerwise/interview/test_proof.py"
    run(project, "pytest", "-q", proofs, "-k", "set-user-id", **environment.lab_env())
