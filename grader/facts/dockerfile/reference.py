"""Parse image references as Docker does (distribution/reference): `python` is docker.io/library/python:latest."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LONGEST = 1024  # characters of a reference; names alone have at most 255
_LONGEST_NAME = 255
_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(rf"({_DOMAIN})/({_PATH_PART}(?:/{_PATH_PART})*)(?::({_TAG}))?(?:@({_DIGEST}))?")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}

DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class ImageReference:
    """An image reference. `tag` and `digest` are "" if not given; only registry and `library/` are filled in."""

    registry: str  # "docker.io", "localhost:5000"
    repository: str  # "library/python", "base/debian"
    tag: str
    digest: str  # "sha256:..."

    @property
    def namespace(self) -> str:
        """The repository without its last part, such as "library" or "base"; it can be ""."""
        return self.repository.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The registry and repository, as a registry client needs them."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar_name(self) -> str:
        """The name as people write it: `python`, `grafana/grafana`, `localhost:5000/x`."""
        if self.registry != DOCKER_HUB:
            return self.name
        return self.repository.removeprefix("library/") if self.namespace == "library" else self.repository

    def __str__(self) -> str:
        """The full reference, with `:latest` if it has neither tag nor digest."""
        tag = self.tag or ("" if self.digest else "latest")
        return self.name + (f":{tag}" if tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> ImageReference | None:
    """The reference that `text` is; None if Docker calls it invalid."""
    if len(text) > _LONGEST or _IDENTIFIER.fullmatch(text):
        return None
    domain, slash, rest = text.partition("/")
    if not slash or not (any(mark in domain for mark in ".:") or domain == "localhost" or domain != domain.lower()):
        domain, rest = DOCKER_HUB, text
    if domain == "index.docker.io":
        domain = DOCKER_HUB
    if domain == DOCKER_HUB and "/" not in rest:
        rest = f"library/{rest}"
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if not match or len(match[1]) + len(match[2]) + 1 > _LONGEST_NAME:
        return None
    digest = match[4] or ""
    if digest:
        algorithm, _, value = digest.partition(":")
        if len(value) != _HEX_LENGTHS.get(algorithm) or value != value.lower():
            return None
    return ImageReference(registry=match[1], repository=match[2], tag=match[3] or "", digest=digest)
