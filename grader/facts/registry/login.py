"""Find the login for a registry, as `docker login` left it: in DOCKER_CONFIG's config.json, or the helper it names."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from grader.facts.dockerfile.reference import DOCKER_HUB
from grader.lib import process
from grader.lib.patience import stretched

MAX_CONFIG = 1 << 20
"""Bytes read of config.json, and of what a helper prints."""
HELPER_TIMEOUT = 10.0
"""Seconds that a helper program has."""
_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


class Login(NamedTuple):
    """A name and a password."""

    user: str
    password: str

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find_login(registry: str) -> Login | None:
    """Return the login for a registry ("localhost:5001"), and None if there is none that can be read.

    Identity tokens, which some registries give out in place of a password, are not used.
    """
    config = _config()
    keys = _HUB_KEYS if registry == DOCKER_HUB else (registry, f"https://{registry}", f"http://{registry}")
    helpers = _mapping(config.get("credHelpers"))
    helper = next((helpers[key] for key in keys if key in helpers), config.get("credsStore"))
    if isinstance(helper, str) and _HELPER.fullmatch(helper):
        for key in keys:
            found = _ask_helper(helper, key)
            if found:
                return found
    auths = _mapping(config.get("auths"))
    return next((login for key, entry in auths.items() if _is(key, keys) and (login := _decoded(entry))), None)


def _is(key: str, keys: tuple[str, ...]) -> bool:
    return key in keys or key.partition("://")[2].partition("/")[0] in keys


def _config() -> Mapping[str, Any]:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    try:
        with (Path(folder) / "config.json").open("rb") as file:
            return _mapping(json.loads(file.read(MAX_CONFIG)))
    except (OSError, ValueError, RecursionError):
        return {}


def _decoded(entry: object) -> Login | None:
    """Return the login of an entry of `auths`: base64 of NAME:PASSWORD, or both as they are."""
    raw = _mapping(entry)
    user, password = raw.get("username"), raw.get("password")
    try:
        text = base64.b64decode(str(raw.get("auth") or ""), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    if text:
        user, _, password = text.partition(":")
    return _login(user, password)


def _ask_helper(name: str, key: str) -> Login | None:
    """Return what the helper program has for a registry; None if there is no such program, or it has none or hangs."""
    program = shutil.which(f"docker-credential-{name}")
    if not program:
        return None
    try:
        ended = process.run([program, "get"], timeout=stretched(HELPER_TIMEOUT), limit=MAX_CONFIG, stdin=key.encode())
        found = _mapping(json.loads(ended.stdout)) if ended.status == 0 else {}
    except (OSError, ValueError, RecursionError):
        return None
    return _login(found.get("Username"), found.get("Secret"))


def _login(user: object, password: object) -> Login | None:
    if isinstance(user, str) and isinstance(password, str) and user and password and user != "<token>":
        return Login(user, password.rstrip("\0"))
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
