"""A folder with a Dockerfile, linted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.lint.linter import lint
from grader.lint.model import Linted


def linted(folder: Path, dockerfile: str | bytes, files: Mapping[str, str] | None = None) -> Linted:
    data = dockerfile if isinstance(dockerfile, bytes) else dockerfile.encode()
    (folder / "Dockerfile").write_bytes(data)
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return lint(folder / "Dockerfile")
