"""Write files into a folder, and never outside it: links are not followed, whoever made them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from layerwise.errors import InputError, LabError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def check(option: str, folder: Path, *, empty: bool) -> None:
    """Raise InputError if files cannot be written into the folder. It may be missing; `empty`: else it must be empty.

    `option` is what the user gave it with.
    """
    try:
        if folder.is_symlink():
            raise InputError(f"{option} {folder}: expected a folder, but that is a link; name the folder itself")
        if folder.is_dir():
            if empty and any(folder.iterdir()):
                raise InputError(
                    f"{option} {folder}: the folder is not empty; choose a new one, so nothing is mixed up"
                )
        elif os.path.lexists(folder):
            raise InputError(f"{option} {folder}: expected a folder, but that is not one; choose another name")
        elif not folder.absolute().parent.is_dir():
            raise InputError(f"{option} {folder}: there is no folder {folder.absolute().parent} to make it in")
    except OSError as problem:
        raise InputError(f"{option} {folder}: the folder cannot be used: {problem.strerror}") from None


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write each text to its path in the folder, which is made if it is missing. Each file is replaced in one step.

    Paths are relative, with slashes. Raises LabError if something cannot be written.
    """
    path = ""
    try:
        with suppress(FileExistsError):
            folder.mkdir()
        top = os.open(folder, _DIRECTORY)
        try:
            for path, text in files.items():
                *parents, name = PurePosixPath(path).parts
                _write(top, parents, name, text)
        finally:
            os.close(top)
    except OSError as problem:
        raise LabError(f"cannot write {folder / path}: {problem.strerror}") from None


def _write(top: int, parents: list[str], name: str, text: str) -> None:
    inside = os.dup(top)
    try:
        for parent in parents:
            with suppress(FileExistsError):
                os.mkdir(parent, dir_fd=inside)
            inner = os.open(parent, _DIRECTORY, dir_fd=inside)
            os.close(inside)
            inside = inner
        half = f".lab-{secrets.token_hex(4)}.tmp"
        try:
            with open(os.open(half, _NEW, 0o666, dir_fd=inside), "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.replace(half, name, src_dir_fd=inside, dst_dir_fd=inside)
        except BaseException:
            with suppress(OSError):
                os.unlink(half, dir_fd=inside)
            raise
    finally:
        os.close(inside)
