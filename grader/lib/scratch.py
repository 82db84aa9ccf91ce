"""Private temporary folders, named after their process, and removed by a later grading if that process died."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grader.errors import GraderError
from grader.lib import owner

PREFIX = "layerwise-grade-"
"""The names of all temporary folders of gradings begin with this."""


def sweep() -> None:
    """Remove the temporary folders of gradings whose process has ended."""
    root = Path(tempfile.gettempdir())
    for path in root.glob(f"{PREFIX}*"):
        if owner.is_stale(path.name.removeprefix(PREFIX)):
            with suppress(OSError):
                if path.lstat().st_uid == os.getuid() and stat.S_ISDIR(path.lstat().st_mode):
                    remove_tree(path)


def remove_tree(folder: Path) -> None:
    """Remove a private folder, even if the learner's file modes forbid it or it is gone already."""

    def unlock(_function: object, path: str, _info: object) -> None:
        # The copy keeps the learner's modes, and nothing can be removed from a folder without write permission.
        for part in (os.path.dirname(path), path):
            with suppress(OSError):
                if stat.S_ISDIR(os.lstat(part).st_mode):
                    os.chmod(part, 0o700)
        with suppress(OSError):
            os.unlink(path)

    for _ in range(3):
        shutil.rmtree(folder, onerror=unlock)
        if not folder.exists():
            return


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder for as long as the block lasts. Raises GraderError if none can be made."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{owner.mark()}-"))
    except OSError as problem:
        raise GraderError(f"cannot make a temporary folder in {tempfile.gettempdir()}: {problem.strerror}") from None
    try:
        yield folder
    finally:
        remove_tree(folder)
