"""Tell whether files have changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
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
