"""What a registry serves, asked over its own HTTP interface (the OCI distribution specification)."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from grader.errors import RegistryUnavailable
from grader.facts.dockerfile import ImageReference

TIMEOUT = 15.0
"""Seconds for one request."""
MAX_DOCUMENT = 4 << 20
"""Bytes read of a manifest or config."""
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
    return _get(reference, f"manifests/{reference.digest}", "HEAD") is not None


def digest(reference: ImageReference) -> str | None:
    """The digest of the manifest a reference names now, counted from its bytes; None where the registry has none.
    RegistryUnavailable as above."""
    manifest = _get(reference, f"manifests/{reference.digest or reference.tag or 'latest'}")
    return None if manifest is None else f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def layers(reference: ImageReference, architecture: str) -> Sequence[str] | None:
    """The digests of an image's uncompressed layers, from the bottom, of an index those of its image for that
    architecture ("amd64"). None where the registry has no such image; RegistryUnavailable as above."""
    try:
        manifest = _document(reference, f"manifests/{reference.digest or reference.tag or 'latest'}")
        if manifest and "manifests" in manifest:
            digest = _of_platform(manifest["manifests"], architecture)
            manifest = _document(reference, f"manifests/{digest}") if digest else None
        config = _document(reference, f"blobs/{manifest['config']['digest']}") if manifest else None
        return [str(layer) for layer in config["rootfs"]["diff_ids"]] if config else None
    except (AttributeError, KeyError, TypeError) as problem:
        raise _unreachable(reference, problem) from None


def _of_platform(entries: Iterable[Mapping[str, Any]], architecture: str) -> str | None:
    for entry in entries:
        platform = entry.get("platform") or {}
        if platform.get("os", "linux") == "linux" and platform.get("architecture") == architecture:
            return str(entry.get("digest"))
    return None


def _document(reference: ImageReference, path: str) -> Mapping[str, Any] | None:
    """A manifest or config. None where the registry has none there."""
    text = _get(reference, path)
    try:
        found = None if text is None else json.loads(text)
    except ValueError as problem:
        raise _unreachable(reference, problem) from None
    return found if isinstance(found, dict) else None


def _get(reference: ImageReference, path: str, method: str = "GET") -> bytes | None:
    """What the reference's repository has at that path, empty for HEAD; None where it has nothing."""
    address = f"{_base(reference.registry)}/v2/{reference.repository}/{path}"
    status, answer = _ask(reference, address, method, None)
    if status == 401 and answer.lower().startswith(b"bearer"):
        status, answer = _ask(reference, address, method, _token(reference, answer.decode("latin-1")))
    if status in (200, 404):
        return answer if status == 200 else None
    why = "it wants a login" if status in (401, 403) else f"it answered with status {status}"
    raise RegistryUnavailable(f"cannot look up {reference} on {reference.registry}: {why}")


def _base(registry: str) -> str:
    host = _HUB.get(registry, registry)
    # As Docker does: plain HTTP for this machine only.
    return f"{'http' if is_loopback(host) else 'https'}://{host}"


def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in an address (with a port or not), is this machine itself."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _ask(reference: ImageReference, address: str, method: str, token: str | None) -> tuple[int, bytes]:
    """The status of a request and what came; where it is refused, how the registry wants to be asked."""
    headers = {"Accept": ", ".join(MANIFESTS), "User-Agent": "layerwise"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(address, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.read(MAX_DOCUMENT)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers.get("WWW-Authenticate", "").encode("latin-1", "replace")
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
