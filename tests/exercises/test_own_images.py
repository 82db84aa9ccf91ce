"""The images that the course itself runs on get full marks from the course's grader.

Exercise 99-dogfood is about the registry. The other two images of docker-compose.yml are judged by the same checks, in
own_images/: the learner of an exercise could not be given what they are made of, which is the whole checkout.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from grader.exercise import EXERCISES, load
from grader.facts.engine.engine import Engine
from grader.grade import grade
from layerwise.stack import images
from tests.compose.test_compose import COPIED
from tests.floors import ROOT

SOLUTION = EXERCISES / "99-dogfood" / "solution"
OWN = Path(__file__).with_name("own_images")


def test_the_solution_is_the_registry_of_the_lab() -> None:
    theirs, ours = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (SOLUTION, ROOT / "images/registry")
    )
    assert theirs == ours


def pinned(text: str) -> str:
    """The text, with the lab's base images in place of their names between two @."""
    return re.sub(r'"@([^@"]+)@"', lambda found: f'"{images.reference(found[1])}@{images.digest(found[1])}"', text)


@pytest.mark.lab
@pytest.mark.alone
@pytest.mark.long
@pytest.mark.parametrize("name", ["engine", "jupyter"])
def test_it_gets_full_marks(name: str, engine: Engine, tmp_path: Path) -> None:
    text = (OWN / f"{name}.toml").read_text(encoding="utf-8")
    wanted = re.findall(r'@([^@"]+)@', text)
    images.seed(wanted, env=os.environ, report=lambda name, what: print(f"{name}: {what}"))
    exercise = tmp_path / name
    exercise.mkdir()
    (exercise / "exercise.toml").write_text(pinned(text), encoding="utf-8")
    folder = ROOT / "images" / name
    if name == "jupyter":  # which is built in the checkout
        folder = tmp_path / "checkout"
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "exported.tar"))
        for part in ("LICENSE", "README.md", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / part, folder)
    report = grade(load(str(exercise)), folder, engine=engine)
    assert [(check.id, check.status, check.message) for check in report.checks if check.status != "passed"] == []
