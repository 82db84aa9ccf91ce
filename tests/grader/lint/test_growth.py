"""A file twice as long takes lint about twice as much, whatever it repeats: the calls that Python makes are counted."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from grader.lint.linter import lint
from tests.grader.lint.growing import SHAPES, grown

SIZE = 25
MOST = 2.3
"""Calls for twice as much, as a multiple."""


def calls(path: Path) -> int:
    """How many functions are called, of Python and of C."""
    count = 0

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        linted = lint(path)
    finally:
        sys.setprofile(None)
    assert linted.error is None
    return count


@pytest.mark.parametrize("shape", SHAPES, ids=[shape["name"] for shape in SHAPES])
def test_twice_as_much_takes_twice_as_many_calls(shape: dict[str, Any], tmp_path: Path) -> None:
    small, large = grown(shape, SIZE, tmp_path / "small"), grown(shape, 2 * SIZE, tmp_path / "large")
    calls(small)  # what is loaded and compiled once
    assert calls(large) <= MOST * calls(small)
