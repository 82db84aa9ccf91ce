"""The files that README.md and docs/ name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.floors import ROOT

DOCS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
EXAMPLE = re.compile(r"<details>.*?</details>", re.DOTALL)
"""A worked example: it writes the files that it names. test_contributing.py follows it."""
FILE = re.compile(r"(?<![\w/.:-])(?:benchmarks|docs|grader|layerwise|tests)/[\w./-]*\.[a-z]+\b")
PLACEHOLDER = re.compile(r"[A-Z]{2,}")


def named(text: str) -> list[str]:
    """The files of the project that a document names outside of its worked examples; KIND or NN is any word, as *."""
    return [PLACEHOLDER.sub("*", name) for name in FILE.findall(EXAMPLE.sub("", text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`grader/grade.py` reads it.", ["grader/grade.py"]),
        ("Run tests/docs/test_paths.py.", ["tests/docs/test_paths.py"]),
        ("`tests/grader/checks/test_KIND.py`, `NN-NAME.toml`", ["tests/grader/checks/test_*.py"]),
        ("a room of `grader/facts/`", []),
        ("`localhost:5000/layerwise/advisories:now`, https://github.com/layerwise/layerwise.git", []),
        ("`/grader/grade.py`, `my-grader/grade.py`", []),
        (
            "a.md\n<details>\n`grader/setuid.py`:\n</details>\n`grader/grade.py`\n<details>x</details>",
            ["grader/grade.py"],
        ),
    ],
)
def test_what_counts_as_a_file_that_is_named(text: str, found: list[str]) -> None:
    assert named(text) == found


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_file_that_is_named_exists(doc: Path) -> None:
    names = named(doc.read_text(encoding="utf-8"))
    assert [name for name in names if not any(ROOT.glob(name))] == []
