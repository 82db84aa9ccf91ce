"""Write a file in one step."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def replace(file: Path, text: str, mode: int = 0o666) -> None:
    """Give a file this text; a kill leaves the old one or the new one. `mode` is without what the umask takes away.

    Raises OSError; then the old file is as it was.
    """
    half = file.with_name(f".lab-{secrets.token_hex(4)}.tmp")
    try:
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        half.replace(file)
    except BaseException:
        with suppress(OSError):
            half.unlink()
        raise
