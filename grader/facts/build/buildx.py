"""Find buildx, the program that builds. Run directly, it needs no docker client: there is one process less to stop."""

from __future__ import annotations

import os
import re
import shutil
from functools import cache

from grader.errors import EngineFailure
from grader.lib import process

OLDEST = (0, 13)
"""The first version with --progress=rawjson, which the grader reads."""
PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/opt/homebrew/lib/docker/cli-plugins",
    "/Applications/Docker.app/Contents/Resources/cli-plugins",
)
"""Where plugins of the docker client are installed for all users."""


@cache
def buildx() -> tuple[str, ...]:
    """Return the command that runs buildx. Raises EngineFailure if there is none, or if it is older than 0.13."""
    for path in _candidates():
        if os.access(path, os.X_OK) and os.path.isfile(path):
            ended = process.run([path, "version"], timeout=30)
            found = re.search(rb"v?(\d+)\.(\d+)\.\d+", ended.stdout)
            if found and (int(found[1]), int(found[2])) < OLDEST:
                raise EngineFailure(f"{path} is buildx {found[0].decode()}, and 0.13 or later is needed: update it")
            return (path,)
    raise EngineFailure(
        "docker buildx is missing, and builds need it: install the docker-buildx plugin, or run 'lab up'"
    )


def _candidates() -> list[str]:
    """Return where buildx may be, the best first."""
    config = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    folders = [os.path.join(config, "cli-plugins"), *PLUGIN_FOLDERS]
    found = [os.path.join(folder, "docker-buildx") for folder in folders]
    return found + [path for name in ("docker-buildx", "buildx") if (path := shutil.which(name))]
