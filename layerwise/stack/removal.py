"""`lab down --purge`: leave the machine as it was, and say what stays."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from layerwise.errors import LabError
from layerwise.stack import bringup, environment, lock, state
from layerwise.stack.paths import ROOT, Home, work_dir
from layerwise.stack.run import CommandFailed, run

SECONDS = 300.0


def purge(home: Home) -> list[str]:
    """Stop the lab, remove what it made, and return lines that say what was removed and what is kept.

    Raises LabError when something is mounted inside the lab's folder (nothing behind a mount is ever deleted).
    """
    told = []
    apt = _added_for_python()
    if home.path.is_dir():
        with lock.held(home, "down --purge"):
            current = state.read(home)
            apt += current.apt
            if current.engine and current.engine.kind == "host":
                remove_from(home, current.engine)
                told.append(
                    f"Removed from the engine at {current.engine.docker_host}: what carries the label layerwise."
                )
            bringup.stop(home, current)
            require_unmounted(home.path)
            _remove(home.path)
        told.append(f"Removed: {home.path}")
    else:
        told.append("Nothing to remove.")
    if apt:
        told.append(f"Kept: the apt packages {', '.join(apt)} (to remove them: apt-get purge {' '.join(apt)})")
    if work_dir().exists():
        told.append(f"Kept: {work_dir()} (your work)")
    told.append(f"Kept: {ROOT / '.venv'} (the Python packages that ran this command; remove the folder if you like)")
    return told


def _added_for_python() -> list[str]:
    """The apt packages that ./lab added to have a Python."""
    try:
        return sorted(set((ROOT / ".venv" / ".apt").read_text(encoding="utf-8").split()))
    except OSError:
        return []


def remove_from(home: Home, record: state.EngineRecord) -> list[str]:
    """Remove what the lab made on an engine that is not its own: what carries its label, and its base images' tags.

    Returns what could not be removed, with the engine's reason: a container of somebody's own uses it.
    """
    from layerwise.stack import images, registry

    env = environment.for_engine(home, record)
    kept = []

    def attempt(action: Callable[[], object]) -> None:
        try:
            action()
        except CommandFailed as problem:
            kept.append(str(problem).rpartition("Error response from daemon: ")[2])

    attempt(partial(registry.down, env=env, home=home, purge=True))
    attempt(partial(images.forget, env))
    for listing, shown, removing in (
        (["ps", "--all"], "{{.ID}}", ["rm", "--force", "--volumes"]),
        (["network", "ls"], "{{.ID}}", ["network", "rm"]),
        (["volume", "ls"], "{{.Name}}", ["volume", "rm"]),
        (["images"], "{{.Repository}}:{{.Tag}}", ["rmi"]),
        (["images", "--filter", "dangling=true"], "{{.ID}}", ["rmi"]),
    ):
        listed = ["docker", *listing, "--filter", "label=layerwise", "--format", shown]
        for each in dict.fromkeys(run(listed, env=env, timeout=SECONDS).split()):
            if "<none>" not in each:
                attempt(partial(run, ["docker", *removing, each], env=env, timeout=SECONDS))
    return kept


def require_unmounted(folder: Path) -> None:
    """Raise LabError when something is mounted in `folder`."""
    inside = str(folder.resolve()) + os.sep
    for line in Path("/proc/self/mountinfo").read_text().splitlines() if Path("/proc").is_dir() else ():
        point = re.sub(r"\\\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), line.split()[4])
        if point.startswith(inside):
            raise LabError(
                f"{point} is a mount inside the lab's folder; unmount it (umount {point}) and run this again"
            )


def _remove(folder: Path) -> None:
    """Delete a folder with all it holds."""
    problems: list[OSError] = []
    shutil.rmtree(folder, onerror=lambda _function, _path, info: problems.append(info[1]))  # type: ignore[arg-type]
    if folder.exists():
        reason = problems[0] if problems else "it is in use"
        raise LabError(f"cannot remove all of {folder}: {reason}; remove the rest by hand")
