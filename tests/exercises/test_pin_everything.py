"""The package index of 06b-pin-everything is what its script makes, wherever it stands."""

from __future__ import annotations

import runpy

import pytest

from grader.exercise import EXERCISES

HERE = EXERCISES / "06b-pin-everything"


@pytest.mark.parametrize("folder", ["starter", "solution"])
def test_the_script_makes_the_index(folder: str) -> None:
    index = HERE / folder / "index"
    found = {path.relative_to(index).as_posix(): path.read_bytes() for path in index.rglob("*") if path.is_file()}
    assert runpy.run_path(str(HERE / "make_index.py"))["index"]() == found
