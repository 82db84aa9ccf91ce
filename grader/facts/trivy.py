"""The scanner, Trivy: which program it is, and how it is run so that it asks nobody and remembers nothing.

It sees one database of advisories, and no configuration, ignore file or variable of whoever runs it. It is told to look
up nothing, and has a cache of its own each time.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader import process
from grader.errors import GraderError
from grader.stolen import is_stolen
from grader.verdict import clean

TIMEOUT = 300.0
"""Seconds for one scan."""
MAX_OUTPUT = 64 << 20
"""Bytes of a report."""
MAX_MEMORY = 8 << 30
"""Bytes of address space: a package list made to be huge ends the scanner, and not the machine."""
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
    "--timeout=280s",
)


def program() -> Path:
    """Trivy from PATH, else the one that its wheel put beside this Python. GraderError where there is none, or only a
    stolen release."""
    carried = Path(sys.prefix) / "bin" / "trivy"
    found = shutil.which("trivy")
    if found and not is_stolen(Path(found)):
        return Path(found)
    if os.access(carried, os.X_OK) and not is_stolen(carried):
        return carried
    if found:
        raise GraderError(
            f"{found} is, or may be, a release that an attacker published (CVE-2026-33634), and is not run: "
            "remove it and install another Trivy (https://trivy.dev)"
        )
    raise GraderError("the scanner is missing: install Trivy (https://trivy.dev), or run ./lab doctor")


def run(
    words: Sequence[str], *, folder: Path, database: Path | None = None, own: Path | None = None
) -> Mapping[str, Any]:
    """Trivy's report, as JSON, on what `words` name (`image --input FOLDER`).

    `folder` is a private one, for its cache and temporary files; `database` is a folder with a trivy.db. With `own` in
    its place Trivy brings its own, from the network, and keeps it in that cache. GraderError where it could not look.
    """
    trivy, cache = program(), own or folder / "cache"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if database:
            shutil.copytree(database, cache / "db")
    except OSError as problem:
        raise GraderError(f"the scan cannot be prepared in {folder} ({problem.strerror})") from None
    command = [str(trivy), words[0], f"--cache-dir={cache}", *_FLAGS, *(_OFFLINE if database else ()), *words[1:]]
    shell = shutil.which("sh")
    if shell:
        command = [shell, "-c", f'ulimit -v {MAX_MEMORY >> 10} 2>/dev/null; exec "$@"', "sh", *command]
    env = {name: value for name, value in os.environ.items() if name.upper() in _KEPT}
    env |= {"HOME": str(folder), "TMPDIR": str(folder), "GOMEMLIMIT": "2GiB"}
    try:
        ended = process.run(command, timeout=TIMEOUT, limit=MAX_OUTPUT, env=env, cwd=folder)
    except OSError as problem:
        raise GraderError(f"the scanner {trivy} cannot be started ({problem.strerror})") from None
    if ended.timed_out or ended.flooded:
        why = f"did not end within {TIMEOUT:.0f} s" if ended.timed_out else "printed without end"
        raise GraderError(f"the scanner {why}, and was stopped")
    if ended.status:
        raise GraderError(f"the scanner could not look ({_reason(ended.stderr)})")
    try:
        report = json.loads(ended.stdout)
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict) or not isinstance(report.get("Results") or [], list):
        raise GraderError("the scanner's report cannot be read: is it an up-to-date Trivy?")
    return report


def _reason(said: bytes) -> str:
    """The last thing it said, without times and colours, its innermost cause first."""
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "FATAL" in line or "error" in line.lower()), "")
    text = last.rpartition("\t")[2] or (lines[-1] if lines else "it said nothing")
    return clean(text.strip(), 300)
