"""Delete what may take minutes: first move it aside in one step, then delete it.

If that is interrupted, nothing is left under the old name: no engine that knows of images whose layers are gone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from layerwise.errors import LabError
from layerwise.stack.paths import Home
from layerwise.stack.run import last_line, running

PREFIX = "removing-"


def left(home: Home) -> list[Path]:
    """What interrupted deletions have left in the lab's folder."""
    return sorted(home.path.glob(f"{PREFIX}*"))


def set_aside(home: Home, folder: Path) -> None:
    """Move a folder inside the lab's aside, in one rename: from then on it is among what is `left` to delete."""
    folder.rename(Path(tempfile.mkdtemp(prefix=PREFIX, dir=home.path)) / folder.name)


def delete(folder: Path, say: Callable[[str], None]) -> None:
    """Delete a folder with everything in it, and say meanwhile how much space was freed.

    Raises LabError if a part of it cannot be deleted.
    """
    before = shutil.disk_usage(folder).free
    with tempfile.TemporaryFile() as errors:
        with running(["rm", "-rf", "--", str(folder)], env=os.environ, errors=errors) as deleting:
            while deleting.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    deleting.wait(timeout=1)
                say(f"{max(0, shutil.disk_usage(folder.parent).free - before) / 1e9:.1f} GB freed")
        if folder.exists():
            errors.seek(0)
            reason = last_line(errors.read(64 * 1024).decode("utf-8", "replace")) or "it is in use"
            raise LabError(f"cannot remove all of {folder}: {reason}; remove the rest by hand")
