"""The tools that the grader asks, and their versions: a verdict may depend on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from grader.lib import process
from grader.lib.patience import stretched

_COMMANDS = (
    ("docker", "version", "--format={{.Client.Version}}"),
    ("docker", "buildx", "version"),
    ("trivy", "version"),
    ("cosign", "version"),
)
_SECONDS = 30.0
"""The time limit for a tool to print its version."""


def tool_versions() -> Iterator[str]:
    """What each tool prints as its version; "" if it is missing or fails. Then no check that needs it passes."""
    for command in _COMMANDS:
        if shutil.which(command[0]) is None:
            yield ""
            continue
        ended = process.run(command, timeout=stretched(_SECONDS))
        yield ended.stdout.decode("utf-8", "replace") if ended.status == 0 else ""
