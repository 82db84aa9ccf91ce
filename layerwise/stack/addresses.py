"""Where the lab's registries listen on this machine, and whether something listens at a port."""

from __future__ import annotations

import socket

REGISTRY_PORT = 5000
AUTH_PORT = 5001
REGISTRY = f"localhost:{REGISTRY_PORT}"
REGISTRY_WITH_LOGIN = f"localhost:{AUTH_PORT}"


def is_taken(port: int) -> bool:
    """Whether something listens at that port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
