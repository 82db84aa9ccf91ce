"""How firmly Python packages are named by tools other than pip, and their lock files."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.pins.install_context import StageState
from grader.facts.pins.model import Tier
from grader.facts.pins.python import forget
from grader.facts.pins.requirements import Requirement, Source
from grader.facts.shell.run import commands
from tests.grader.facts.packages.reading import build
from tests.grader.facts.pins.reading import packages

ALL = "COPY . .\nRUN "
UV = {
    "pyproject.toml": '[project]\ndependencies = ["a"]',
    "uv.lock": 'version = 1\n[[package]]\nname = "a"\nversion = "1"\n',
}
POETRY = {"pyproject.toml": '[tool.poetry.dependencies]\na = "^1"', "poetry.lock": "[metadata]\n"}


@pytest.mark.parametrize(
    ("step", "files", "expected"),
    [
        (ALL + "uv sync --frozen", UV, ["uv sync digest"]),
        (ALL + "uv sync", UV, ["uv sync none"]),
        ("ENV UV_LOCKED=1\n" + ALL + "uv sync", UV, ["uv sync digest"]),
        (ALL + "uv sync --locked && uv sync", UV, ["uv sync digest", "uv sync digest"]),
        (ALL + "uv sync --locked && uv pip install a", UV, ["uv sync digest"]),
        (ALL + "uv sync --frozen", UV | {"uv.lock": "broken"}, ["uv sync none"]),
        (ALL + "uv sync", {"pyproject.toml": '[project]\ndependencies = ["a==1"]'}, ["a==1 version"]),
        ("RUN uv sync", {}, ["?uv sync none"]),
        (ALL + "poetry install", POETRY, ["poetry install digest"]),
        (ALL + "poetry install", {"pyproject.toml": POETRY["pyproject.toml"]}, ["poetry install none"]),
        (ALL + "poetry update", POETRY, ["poetry update none"]),
        (ALL + "poetry lock", POETRY, []),
        (ALL + "pdm lock", {}, []),
        ("RUN poetry add a@1.2 b", {}, ["a@1.2 version", "b none"]),
        ("RUN pipx install black==24.1.0 ruff", {}, ["black==24.1.0 version", "ruff none"]),
        ("RUN uvx ruff@0.6.1 check", {}, ["ruff@0.6.1 version"]),
        ("RUN uvx ruff@latest check", {}, ["ruff@latest none"]),
        ("RUN uv python install 3.13", {}, ["3.13 none"]),
        ("RUN uv python install 3.13.1", {}, ["3.13.1 version"]),
        (ALL + "pipenv install --deploy", {"Pipfile": "[packages]\na = '*'", "Pipfile.lock": '{"_meta": {}}'},
         ["pipenv install digest"]),
        (ALL + "pipenv install", {"Pipfile": "[packages]\na = '*'", "Pipfile.lock": '{"_meta": {}}'},
         ["pipenv install none"]),
        (ALL + "pipenv install", {"Pipfile": "[packages]\na = '==1'\n[dev-packages]\nb = '*'"},
         ["pipenv install none"]),
    ],
)  # fmt: skip
def test_installs(tmp_path: Path, step: str, files: dict[str, str], expected: list[str]) -> None:
    assert packages(tmp_path, step, files) == expected


def test_what_is_uninstalled_is_there_no_longer() -> None:
    state = StageState()
    for name in ("a", "b-c", "d"):
        state.pin("", name, (Requirement(name, name, Source.INDEX, Tier.VERSION),))
    for script in ("pip uninstall -y a B_c", "pip list d", "echo uninstall"):
        forget(commands(build(f"RUN {script}").target.steps[-1])[0], state)
    assert [bool(state.pinned("", name)) for name in ("a", "b-c", "d")] == [False, False, True]
