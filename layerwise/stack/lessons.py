"""A learner's own copy of the lessons: what a run or an edit saves there never reaches the checkout.

A lesson that the learner left as it was follows the course; one they changed stays theirs, and where the course has a
newer one, theirs is kept beside it as NAME.mine.ipynb.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

RECORD = ".lessons.json"
"""In the copy: path -> SHA-256 of the course's file that was last copied there."""
_LEFT_OUT = {".ipynb_checkpoints", "__pycache__", ".pytest_cache"}


def refresh(course: Path, copy: Path) -> None:
    """Bring `copy` to what `course` holds, overwriting nothing that was changed. OSError where it cannot be written."""
    copy.mkdir(parents=True, exist_ok=True)
    record = _read(copy / RECORD)
    for source in _files(course):
        name = source.relative_to(course).as_posix()
        target = copy / name
        new = _digest(source)
        if target.is_file() and record.get(name) == new:
            continue
        if target.is_file() and _digest(target) not in (record.get(name), new):
            target.rename(_free(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        shutil.copy(source, half)
        half.replace(target)
        record[name] = new
    half = copy / f"{RECORD}.{os.getpid()}.tmp"
    half.write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
    half.replace(copy / RECORD)


def trust(copy: Path, data: Path) -> None:
    """Sign the notebooks in `copy` that are as the course has them, with the key in Jupyter's data folder `data`.

    In one that is not signed, JupyterLab asks at each press of a button that saves or opens a file whether it may.
    OSError where the key cannot be written.
    """
    import nbformat  # takes a moment: not for those who only look at the lab
    from nbformat.sign import NotebookNotary

    data.mkdir(parents=True, exist_ok=True)
    notary = NotebookNotary(data_dir=str(data))  # type: ignore[no-untyped-call]
    try:
        for name, digest in _read(copy / RECORD).items():
            file = copy / name
            if file.suffix == ".ipynb" and file.is_file() and _digest(file) == digest:
                notary.sign(nbformat.read(file, as_version=4))  # type: ignore[no-untyped-call]
    finally:
        notary.store.close()


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if not _LEFT_OUT & set(path.relative_to(folder).parts))


def _free(target: Path) -> Path:
    """A name beside `target` that nothing has."""
    number = 1
    while True:
        beside = target.with_name(f"{target.stem}.mine{number if number > 1 else ''}{target.suffix}")
        if not beside.exists():
            return beside
        number += 1


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
