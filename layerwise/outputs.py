"""Files a command is asked to write: looked at before the long work begins, written whole or not at all after it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from layerwise.errors import InputError, LabError


def check(paths: Mapping[str, Path]) -> dict[str, Path]:
    """The files, by the option that names each, with symlinks followed. InputError for one that cannot be written."""
    found: dict[str, Path] = {}
    for option, path in paths.items():
        target = Path(os.path.realpath(path))
        if target in found.values():
            raise InputError(f"{option} {path}: another option names the same file; give each a file of its own")
        try:
            if target.exists() and not target.is_file():
                raise InputError(f"{option} {path}: expected the name of a file to write, found something else there")
            if target.exists() and not os.access(target, os.W_OK):
                raise InputError(f"{option} {path}: the file may not be written; choose another")
            half = _half(target)
            half.touch()
            half.unlink()
        except OSError as problem:
            raise InputError(f"{option} {path}: no file can be written there: {problem.strerror}") from None
        found[option] = target
    return found


def write(path: Path, text: str) -> None:
    """Replace the file in one step. LabError where that fails; the old file is then as it was."""
    half = _half(path)
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            half.unlink()
        raise LabError(f"cannot write {path}: {problem.strerror}") from None


def _half(path: Path) -> Path:
    return path.with_name(f".lab-{os.getpid()}.tmp")
