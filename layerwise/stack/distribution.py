"""Ask the lab's registry what it holds, through its HTTP interface (the OCI distribution API)."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from layerwise.errors import LabError

PORT = 5000
AUTH_PORT = 5001
REGISTRY = f"localhost:{PORT}"

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""All four forms a tag may have. Where one is left out, a 2.8 registry may convert to schema 1: another digest."""

MAX_BYTES = 4 * 1024 * 1024
SECONDS = 10.0

# The registry is on this machine: never through a proxy.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True)
class Answer:
    """What the registry said: HTTP status, headers in lower case, and the body (at most 4 MiB of it)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(path: str, *, port: int = PORT, method: str = "GET", seconds: float = SECONDS) -> Answer:
    """One request to the registry on `port`; any HTTP status is an answer. Raises LabError when none comes in time."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, headers={"Accept": ACCEPT})
    try:
        try:
            response = _open(request, timeout=seconds)
        except urllib.error.HTTPError as refusal:
            response = refusal
        with response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, response.read(MAX_BYTES))
    except (OSError, HTTPException) as problem:
        reason = getattr(problem, "reason", problem)
        raise LabError(f"the registry at localhost:{port} does not answer ({reason}); run: ./lab up") from None


def digest(repository: str, tag: str) -> str | None:
    """The digest that a tag stands for, None where there is no such tag. Raises LabError when it cannot be told."""
    answer = ask(f"/v2/{repository}/manifests/{tag}", method="HEAD")
    if answer.status == 404:
        return None
    value = answer.headers.get("docker-content-digest")
    if answer.status != 200 or not value:
        raise _unexpected(repository, tag, answer.status)
    return value


def labels(repository: str, tag: str) -> dict[str, str] | None:
    """The labels of an image (of the first platform, where the tag has several), or None where there is no such tag.

    Raises LabError when the registry cannot say.
    """
    reference = tag
    for _ in range(2):  # an index leads to a manifest
        answer = ask(f"/v2/{repository}/manifests/{reference}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _unexpected(repository, tag, answer.status)
        manifest = _json(answer, repository, tag)
        if "config" in manifest:
            break
        reference = manifest["manifests"][0]["digest"]
    config = ask(f"/v2/{repository}/blobs/{manifest['config']['digest']}")
    if config.status == 404:
        return None  # a manifest without its parts is as good as none: it is pushed again
    if config.status != 200:
        raise _unexpected(repository, tag, config.status)
    found = _json(config, repository, tag).get("config", {}).get("Labels") or {}
    return {str(name): str(value) for name, value in found.items()}


def _json(answer: Answer, repository: str, tag: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(answer.body)
        return value
    except ValueError:
        raise _unexpected(repository, tag, answer.status) from None


def _unexpected(repository: str, tag: str, status: int) -> LabError:
    return LabError(f"the registry gave an unusable answer for {repository}:{tag} (HTTP {status}); run: ./lab doctor")
