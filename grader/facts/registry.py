"""What a registry serves, asked over its own HTTP interface (the OCI distribution specification)."""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import urllib.error
import urllib.request
from urllib.parse import urlencode, urlsplit

from grader.errors import RegistryUnavailable
from grader.facts.dockerfile import ImageReference

TIMEOUT = 15.0
"""Seconds for one request."""
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""All kinds of manifest. Where a request leaves one out, an old registry may answer with a converted manifest, the
digest of which exists nowhere."""
_HUB = {"docker.io": "registry-1.docker.io"}
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def has_manifest(reference: ImageReference) -> bool:
    """Whether the registry holds the manifest that a reference with a digest names, in that very repository.

    RegistryUnavailable where it cannot be asked: no answer, an answer that makes no sense, or a login is needed.
    """
    address = f"{_base(reference.registry)}/v2/{reference.repository}/manifests/{reference.digest}"
    status, challenge = _ask(reference, address, None)
    if status == 401 and challenge.lower().startswith("bearer"):
        status, _ = _ask(reference, address, _token(reference, challenge))
    if status in (200, 404):
        return status == 200
    why = "it wants a login" if status in (401, 403) else f"it answered with status {status}"
    raise RegistryUnavailable(f"cannot look up {reference} on {reference.registry}: {why}")


def _base(registry: str) -> str:
    host = _HUB.get(registry, registry)
    # As Docker does: plain HTTP for this machine only.
    return f"{'http' if _is_loopback(host) else 'https'}://{host}"


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _ask(reference: ImageReference, address: str, token: str | None) -> tuple[int, str]:
    """The status of a HEAD request, and how the registry wants to be asked where it refuses."""
    headers = {"Accept": ", ".join(MANIFESTS), "User-Agent": "layerwise"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(address, headers=headers, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers.get("WWW-Authenticate", "")
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _unreachable(reference, problem) from None


def _token(reference: ImageReference, challenge: str) -> str:
    """An anonymous token, fetched from where the registry sends us."""
    told = dict(_PARAMETER.findall(challenge))
    realm = told.pop("realm", "")
    told.setdefault("scope", f"repository:{reference.repository}:pull")
    if urlsplit(realm).scheme not in ("http", "https"):
        raise _unreachable(reference, ValueError("it names no place to log in"))
    try:
        with urllib.request.urlopen(f"{realm}?{urlencode(told)}", timeout=TIMEOUT) as answer:
            table = json.loads(answer.read(1_000_000))
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _unreachable(reference, problem) from None
    token = table.get("token") or table.get("access_token") if isinstance(table, dict) else None
    return token if isinstance(token, str) else ""


def _unreachable(reference: ImageReference, problem: Exception) -> RegistryUnavailable:
    why = getattr(problem, "reason", None) or problem
    return RegistryUnavailable(f"cannot look up {reference}: the registry {reference.registry} does not answer ({why})")
