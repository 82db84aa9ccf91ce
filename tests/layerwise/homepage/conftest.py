"""A course with hostile titles, on the exercise and in the folders that the tests of the views use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerwise import course_progress
from tests.layerwise.views.conftest import EXERCISE, Bench, bench

__all__ = ["bench", "course"]

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def course(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lesson 02 with a question, exercise 01-noise in it, and 03-silence in a lesson that is not written."""
    folder = tmp_path / "course"
    folder.mkdir()
    cells = [
        {"id": "title", "cell_type": "markdown", "source": f"# The *noise* {HOSTILE}\n\nAbout 20 minutes."},
        {"id": "ask", "cell_type": "code", "source": 'lw.ask("02-caching/one")'},
        {"id": "do", "cell_type": "code", "source": 'lw.check("01-noise")'},
    ]
    (folder / "02-caching.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    other = bench.exercises / "03-silence"
    (other / "starter").mkdir(parents=True)
    text = EXERCISE.replace("02-caching", "03-silence").replace("*noise*", HOSTILE).replace("core", "stretch")
    (other / "exercise.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(course_progress, "COURSE", folder)
    return folder
