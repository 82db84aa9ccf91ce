"""What a registry serves, asked over its own HTTP interface (the OCI distribution specification).

    repository = Repository.parse("localhost:5000/me/tides")
    manifest = repository.manifest("1.0")          # None where nothing is pushed under that tag
    config = repository.blob(manifest.config.digest, MAX_MANIFEST)

`client` speaks to one registry and logs in, `login` knows where a login comes from, `documents` reads what was pushed,
`repository` puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.facts.dockerfile import ImageReference
from grader.facts.registry.client import is_loopback
from grader.facts.registry.documents import (
    MANIFESTS,
    MAX_MANIFEST,
    BlobMissing,
    Descriptor,
    DigestMismatch,
    Manifest,
    NotAManifest,
    Platform,
)
from grader.facts.registry.repository import NoCatalogue, Repository, catalogue

__all__ = [
    "MANIFESTS",
    "MAX_MANIFEST",
    "BlobMissing",
    "Descriptor",
    "DigestMismatch",
    "Manifest",
    "NoCatalogue",
    "NotAManifest",
    "Platform",
    "Repository",
    "catalogue",
    "digest",
    "has_manifest",
    "is_loopback",
    "layers",
]


def has_manifest(reference: ImageReference) -> bool:
    """Whether the registry holds the manifest that a reference with a digest names, in that very repository.

    RegistryUnavailable where it cannot be asked: no answer, an answer that makes no sense, or a login is needed.
    NotAManifest or DigestMismatch where it serves something else there.
    """
    return Repository.of(reference).manifest(reference.digest) is not None


def digest(reference: ImageReference) -> str | None:
    """The digest of the manifest a reference names now, counted from its bytes; None where the registry has none.
    Errors as above."""
    manifest = Repository.of(reference).manifest(_named(reference))
    return manifest.digest if manifest else None


def layers(reference: ImageReference, architecture: str) -> Sequence[str] | None:
    """The digests of an image's uncompressed layers, from the bottom, of an index those of its image for that
    architecture ("amd64"). None where the registry has no such image; errors as above."""
    repository = Repository.of(reference)
    manifest = repository.manifest(_named(reference))
    if manifest and manifest.is_index:
        entry = manifest.of_platform(Platform("linux", architecture))
        manifest = repository.manifest(entry.digest) if entry else None
    if manifest is None:
        return None
    return repository.image_config(manifest).diff_ids


def _named(reference: ImageReference) -> str:
    return reference.digest or reference.tag or "latest"
