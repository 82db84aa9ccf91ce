"""Read the notebook that a learner handed in, whatever is in it: only the text of its cells, and nothing is trusted."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST = 20_000_000
"""Bytes. A larger notebook is not read."""
MOST_CELLS = 2_000
"""Cells after these are not read."""


@dataclass(frozen=True)
class Cell:
    """A cell of a learner's notebook. `grade_id` and `id` are "" if it has none."""

    kind: str
    source: str
    grade_id: str = ""
    id: str = ""
    attachments: Mapping[str, Mapping[str, str]] | None = None
    """Pictures that were pasted into it: by name and MIME type, in base64."""


@dataclass(frozen=True)
class Submitted:
    """The cells of a learner's notebook. `problem` is why there are none, in words; "" if it could be read."""

    cells: tuple[Cell, ...] = ()
    problem: str = ""


def read(path: Path) -> Submitted:
    """Read the notebook at `path`; if there is none, the only other one in that folder. Nothing in it raises."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Submitted(problem="the notebook is not a file")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(LARGEST + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        other = _only_other(path)
        return Submitted(problem="no notebook was handed in") if other is None else read(other)
    except OSError as problem:
        return Submitted(problem=f"the notebook cannot be read: {problem.strerror}")
    if len(data) > LARGEST:
        return Submitted(problem=f"the notebook is larger than {LARGEST // 1_000_000} MB")
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError, MemoryError):
        return Submitted(problem="the notebook is not JSON")
    cells: list[Cell] = []
    for cell in _cells(raw):
        if len(cells) == MOST_CELLS:
            break
        cells.append(cell)
    return Submitted(tuple(cells), "" if cells else "the notebook has no cells")


def _only_other(path: Path) -> Path | None:
    """The notebook with another name in that folder: browsers rename a second download to `NAME (1).ipynb`."""
    try:
        found = [one for one in path.parent.iterdir() if one.suffix == ".ipynb" and not one.is_symlink()]
    except OSError:
        return None
    return found[0] if len(found) == 1 and found[0].name != path.name and found[0].is_file() else None


def _cells(raw: Any) -> Iterator[Cell]:
    """The cells of a notebook of format 4, or of format 3, in which they are in worksheets."""
    if not isinstance(raw, dict):
        return
    sheets = raw.get("worksheets") if "cells" not in raw else [raw]
    for sheet in sheets if isinstance(sheets, list) else ():
        found = sheet.get("cells") if isinstance(sheet, dict) else None
        for cell in found if isinstance(found, list) else ():
            if isinstance(cell, dict):
                yield _cell(cell)


def _cell(raw: dict[str, Any]) -> Cell:
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = raw.get("metadata")
    about = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = about.get("grade_id") if isinstance(about, dict) else None
    return Cell(
        kind="code" if raw.get("cell_type") == "code" else "markdown",
        source=_writable(source) if isinstance(source, str) else "",
        grade_id=name if isinstance(name, str) else "",
        id=raw["id"] if isinstance(raw.get("id"), str) else "",
        attachments=_attachments(raw.get("attachments")),
    )


def _attachments(raw: Any) -> dict[str, dict[str, str]] | None:
    """The pictures, without what nbformat would refuse."""
    found: dict[str, dict[str, str]] = {}
    for name, bundle in raw.items() if isinstance(raw, dict) else ():
        pictures = bundle.items() if isinstance(bundle, dict) else ()
        kept = {kind: data for kind, data in pictures if kind.startswith("image/") and isinstance(data, str)}
        if kept:
            found[_writable(name)] = {_writable(kind): _writable(data) for kind, data in kept.items()}
    return found or None


def _writable(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot write."""
    return text.encode("utf-8", "replace").decode("utf-8")
