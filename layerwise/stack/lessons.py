"""A learner's own copy of the lessons: what a run or an edit saves there never reaches the checkout.

A lesson that the learner did not edit follows the course, and goes if the course has it no more; to run it and to save
its outputs is no edit. An edited one stays as it is, and the course's newer version is put beside it as NAME.new.ipynb.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from layerwise.stack import files

RECORD = ".lessons.json"
"""In the copy: path -> what was last copied there (see Version)."""
_LEFT_OUT = {".ipynb_checkpoints", "__pycache__", ".pytest_cache", "questions"}
"""Folders that are not copied. Questions hold their answers."""
_BESIDE = re.compile(r"\.new\d*(?=(\.\w+)?$)")
"""In the name of what was put beside an edited file."""


@dataclass(frozen=True)
class Version:
    """A version of a file, by SHA-256: of the whole `file`, and of what an author writes in it (`source`: for a
    notebook its cells without their outputs)."""

    file: str
    source: str

    @classmethod
    def of(cls, path: Path) -> Version:
        content = path.read_bytes()
        whole = hashlib.sha256(content).hexdigest()
        cells = _cells(content) if path.suffix == ".ipynb" else None
        return cls(whole, whole if cells is None else hashlib.sha256(json.dumps(cells).encode()).hexdigest())

    def is_in(self, known: list[Version | None]) -> bool:
        """Whether one of the known versions says the same."""
        return any(one and (one.file == self.file or one.source == self.source) for one in known)


def refresh(course: Path, copy: Path) -> list[str]:
    """Bring `copy` up to date with `course`, overwriting nothing that was edited.

    Returns the files that were put beside an edited one. Raises OSError if it cannot be written.
    """
    copy.mkdir(parents=True, exist_ok=True)
    record = _read(copy / RECORD)
    beside = []
    for source in _files(course):
        name = source.relative_to(course).as_posix()
        new, target = Version.of(source), copy / name
        if target.is_file() and record.get(name) == new:
            continue
        if target.is_file() and not Version.of(target).is_in([record.get(name), new]):
            target = _free(target, record, copy)
            beside.append(target.relative_to(copy).as_posix())
            record[beside[-1]] = new
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        shutil.copy(source, half)
        half.replace(target)
        record[name] = new
    for name in _gone(course, record):
        if (copy / name).is_file() and Version.of(copy / name).is_in([record[name]]):
            (copy / name).unlink()
        del record[name]
    known = {name: asdict(version) for name, version in record.items()}
    files.replace(copy / RECORD, json.dumps(known, indent=1, sort_keys=True))
    return beside


def trust(copy: Path, data: Path) -> None:
    """Sign the unchanged notebooks in `copy`, with the key in Jupyter's data folder `data`.

    In an unsigned notebook JupyterLab asks for permission each time a button saves or opens a file. Raises OSError if
    the key cannot be written.
    """
    import nbformat  # takes a moment: not for those who only look at the lab
    from nbformat.sign import NotebookNotary

    data.mkdir(parents=True, exist_ok=True)
    notary = NotebookNotary(data_dir=str(data))  # type: ignore[no-untyped-call]
    try:
        for name, version in _read(copy / RECORD).items():
            file = copy / name
            if file.suffix == ".ipynb" and file.is_file() and Version.of(file).file == version.file:
                notary.sign(nbformat.read(file, as_version=4))  # type: ignore[no-untyped-call]
    finally:
        notary.store.close()


def _cells(content: bytes) -> list[tuple[str, str, str]] | None:
    """The cells of a notebook as (id, type, source); None if it is no notebook."""
    try:
        return [
            (str(cell.get("id", "")), str(cell["cell_type"]), "".join(cell["source"]))
            for cell in json.loads(content)["cells"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if not _LEFT_OUT & set(path.relative_to(folder).parts))


def _gone(course: Path, record: Mapping[str, Version]) -> list[str]:
    """The files of the record that the course has no more; those that were put beside an edited one go with it."""
    return [name for name in record if not any((course / one).is_file() for one in (name, _BESIDE.sub("", name)))]


def _free(target: Path, record: dict[str, Version], copy: Path) -> Path:
    """A place for the new version of `target`: NAME.new, or the next free one if the learner has edited that too."""
    number = 1
    while True:
        free = target.with_name(f"{target.stem}.new{number if number > 1 else ''}{target.suffix}")
        if not free.exists() or Version.of(free).is_in([record.get(free.relative_to(copy).as_posix())]):
            return free
        number += 1


def _read(file: Path) -> dict[str, Version]:
    """The record. One of an earlier Layerwise has one digest for each file."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): _version(known) for name, known in found.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _version(known: Any) -> Version:
    return Version(known, known) if isinstance(known, str) else Version(str(known["file"]), str(known["source"]))
