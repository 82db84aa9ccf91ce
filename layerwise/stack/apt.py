"""Debian packages of this machine: which are missing to make a root filesystem, and how they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from layerwise.errors import LabError

SECONDS = 600
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def missing_for_rootfs() -> list[str]:
    """The packages that making a root filesystem of Debian needs and that are not installed."""
    wanted = {"mmdebstrap": shutil.which("mmdebstrap"), "debian-archive-keyring": KEYRING.exists()}
    return [name for name, there in wanted.items() if not there]


def install(names: Sequence[str], say: Callable[[str], None]) -> None:
    """Install packages; if that fails, once more with the archive's lists of today. Raises LabError with apt's own
    reason."""
    command = ["install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", *names]
    say(f"apt-get install {' '.join(names)}")
    problem = _apt_get(command)
    if problem:
        say("apt-get update")
        _apt_get(["update"])
        say(f"apt-get install {' '.join(names)}")
        problem = _apt_get(command)
    if problem:
        raise LabError(f"cannot install {' '.join(names)}: {problem}; see whether this works: apt-get update")


def _apt_get(words: Sequence[str]) -> str:
    """Run apt-get. Returns its complaint, empty if it succeeded."""
    command = ["apt-get", *words]
    try:
        # Not our runner, which would end the whole group: Ctrl-C must not stop dpkg half way.
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"apt-get took more than {SECONDS} s; try it by hand: {' '.join(command)}") from None
    except OSError as problem:
        raise LabError(f"cannot run apt-get: {problem.strerror}") from None
    if done.returncode == 0:
        return ""
    return next((line for line in done.stderr.splitlines() if line.startswith("E:")), "it failed")
