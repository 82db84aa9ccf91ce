"""Files that a command is asked to write: checked before the long work begins, and then written in one step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from layerwise.errors import InputError, LabError
from layerwise.stack import files


def check(paths: Mapping[str, Path]) -> dict[str, Path]:
    """The files by the option that names each, with symlinks followed. Raises InputError if one cannot be written."""
    found: dict[str, Path] = {}
    for option, path in paths.items():
        target = Path(os.path.realpath(path))
        if target in found.values():
            raise InputError(f"{option} {path}: another option names the same file; give each a file of its own")
        try:
            if target.exists() and not target.is_file():
                raise InputError(f"{option} {path}: expected the name of a file to write, but that is not a file")
            if target.exists() and not os.access(target, os.W_OK):
                raise InputError(f"{option} {path}: the file may not be written; choose another")
            half = target.with_name(f".lab-{os.getpid()}.tmp")
            half.touch()
            half.unlink()
        except OSError as problem:
            raise InputError(f"{option} {path}: no file can be written there: {problem.strerror}") from None
        found[option] = target
    return found


def write(path: Path, text: str) -> None:
    """Replace the file, in one step. Raises LabError if that fails; the old file is then unchanged."""
    try:
        files.replace(path, text)
    except OSError as problem:
        raise LabError(f"cannot write {path}: {problem.strerror}") from None
