"""Tell whether files have changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path


def fingerprint_of(root: Path, files: Iterable[Path], also: Iterable[str] = ()) -> str:
    """SHA-256, in hex, of the files' names under `root`, their contents, whether each is executable, and the texts
    `also`. The order of the files does not matter, and what is not a file is left out."""
    digest = hashlib.sha256()
    for file in sorted(path for path in files if path.is_file()):
        digest.update(
            f"{file.relative_to(root).as_posix()}\0{os.access(file, os.X_OK)}\0".encode(errors="surrogateescape")
        )
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    digest.update("\0".join(also).encode(errors="surrogateescape"))
    return digest.hexdigest()


def fingerprint_of_folder(folder: Path, left_out: Collection[str] = ()) -> str:
    """The fingerprint of everything in a folder, including modes, empty folders and the targets of links, but without
    `left_out`, which are names at its top. Raises OSError if something cannot be read."""
    inside = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    paths = sorted(path for path in inside if path.relative_to(folder).parts[0] not in left_out)
    links = {path: os.readlink(path) for path in paths if path.is_symlink()}
    nature = [f"{path.relative_to(folder)} {path.lstat().st_mode:o} {links.get(path, '')}" for path in paths]
    return fingerprint_of(folder, (path for path in paths if path not in links), nature)
