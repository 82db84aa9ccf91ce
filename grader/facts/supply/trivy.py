"""The scanner, Trivy: find the program, and run it so that it asks nobody and remembers nothing.

It sees one database of advisories, and no configuration, ignore file or variable of whoever runs it. It is told to
download nothing, and has a new cache each time.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.facts.supply.trivy_releases import is_compromised
from grader.lib import process
from grader.lib.patience import stretched
from grader.lib.text import clean

TIMEOUT = 300.0
MARGIN = 20.0
"""Seconds earlier that Trivy ends by itself, with a message of its own."""
"""Seconds for one scan."""
MAX_OUTPUT = 64 << 20
"""Bytes of a report."""
MAX_MEMORY = 8 << 30
"""Bytes of address space: a package list that is made to be huge stops the scanner, and not the machine."""
_KEPT = ("PATH", "DOCKER_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_OFFLINE = (
    "--skip-db-update",
    "--skip-java-db-update",
    "--skip-check-update",
    "--skip-vex-repo-update",
    "--offline-scan",
)
_FLAGS = (
    "--quiet",
    "--scanners=vuln",
    "--format=json",
    "--list-all-pkgs",
    "--no-progress",
    "--config=",
    "--ignorefile=",
    "--skip-version-check",
    "--disable-telemetry",
)


def find(path: str | None = None) -> Path | None:
    """Return Trivy from `path` (default: PATH), or else the one that its wheel installed with this Python.

    Releases that an attacker published are passed over. Returns None if there is no other.
    """
    for found in (shutil.which("trivy", path=path), Path(sys.prefix) / "bin" / "trivy"):
        if found and os.access(found, os.X_OK) and not is_compromised(Path(found)):
            return Path(found)
    return None


def program() -> Path:
    """Return the Trivy to run. Raises GraderError if there is none, or only a release that an attacker published."""
    if usable := find():
        return usable
    if stolen := shutil.which("trivy"):
        raise GraderError(
            f"{stolen} is, or may be, a release that an attacker published (CVE-2026-33634), and is not run: "
            "remove it and install another Trivy (https://trivy.dev)"
        )
    raise GraderError(
        "the scanner is missing: install Trivy (https://trivy.dev), or on Linux with x86-64 the extra `scan` "
        "(pip install '.[scan]' in a checkout of Layerwise)"
    )


def run(
    words: Sequence[str], *, folder: Path, database: Path | None = None, own: Path | None = None
) -> Mapping[str, Any]:
    """Run Trivy with `words` (`image --input FOLDER`) and return its report, as JSON.

    `folder` is a private folder for its cache and temporary files, and `database` a folder with a trivy.db. With `own`
    instead, Trivy downloads its own database and keeps it in that folder.

    Raises GraderError if Trivy could not scan.
    """
    trivy, cache = program(), own or folder / "cache"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if database:
            shutil.copytree(database, cache / "db")
    except OSError as problem:
        raise GraderError(f"the scan cannot be prepared in {folder} ({problem.strerror})") from None
    limit = stretched(TIMEOUT)
    flags = (f"--cache-dir={cache}", f"--timeout={max(1.0, limit - MARGIN):.0f}s", *_FLAGS)
    command = [str(trivy), words[0], *flags, *(_OFFLINE if database else ()), *words[1:]]
    shell = shutil.which("sh")
    if shell:
        command = [shell, "-c", f'ulimit -v {MAX_MEMORY >> 10} 2>/dev/null; exec "$@"', "sh", *command]
    env = {name: value for name, value in os.environ.items() if name.upper() in _KEPT}
    env |= {"HOME": str(folder), "TMPDIR": str(folder), "GOMEMLIMIT": "2GiB"}
    try:
        ended = process.run(command, timeout=limit, limit=MAX_OUTPUT, env=env, cwd=folder)
    except OSError as problem:
        raise GraderError(f"the scanner {trivy} cannot be started ({problem.strerror})") from None
    if ended.timed_out or ended.flooded:
        why = f"did not end within {limit:.0f} s" if ended.timed_out else "printed without end"
        raise GraderError(f"the scanner {why}, and was stopped")
    if ended.status:
        raise GraderError(f"the scanner failed ({_reason(ended.stderr)})")
    try:
        report = json.loads(ended.stdout)
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict) or not isinstance(report.get("Results") or [], list):
        raise GraderError("the scanner's report cannot be read: is it an up-to-date Trivy?")
    return report


def _reason(stderr: bytes) -> str:
    """Return the last thing that it said, without times and colours."""
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "FATAL" in line or "error" in line.lower()), "")
    text = last.rpartition("\t")[2] or (lines[-1] if lines else "it said nothing")
    return clean(text.strip(), 300)
