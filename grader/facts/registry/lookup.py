"""Look up what an image reference names in its registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.facts.dockerfile.reference import ImageReference
from grader.facts.registry.documents import BlobMissing, Platform
from grader.facts.registry.repository import Repository


def has_manifest(reference: ImageReference) -> bool:
    """Whether the registry has the manifest that a reference with a digest names, in that repository.

    Raises RegistryUnavailable if the registry cannot be asked (no answer, a senseless answer, or a login is needed),
    and NotAManifest or DigestMismatch if it serves something else.
    """
    return Repository.of(reference).manifest(reference.digest) is not None


def digest(reference: ImageReference) -> str | None:
    """Return the digest of the manifest that a reference names now, computed from its bytes, and None if there is none.

    Raises what `has_manifest` raises.
    """
    manifest = Repository.of(reference).manifest(_named(reference))
    return manifest.digest if manifest else None


def layers(reference: ImageReference, architecture: str) -> Sequence[str] | None:
    """Return the digests of an image's uncompressed layers, from the bottom, and None if there is no such image.

    Of an index, the image for that architecture ("amd64") is used. Raises what `has_manifest` raises, and BlobMissing.
    """
    repository = Repository.of(reference)
    manifest = repository.manifest(_named(reference))
    if manifest and manifest.is_index:
        entry = manifest.of_platform(Platform("linux", architecture))
        manifest = repository.manifest(entry.digest) if entry else None
    if manifest is None:
        return None
    return repository.image_config(manifest).diff_ids


def labels(reference: ImageReference) -> Mapping[str, str] | None:
    """Return the labels of an image, and None if the registry does not have the image, or not all of it.

    Of an index, its first image is used. Raises what `has_manifest` raises.
    """
    repository = Repository.of(reference)
    manifest = repository.manifest(_named(reference))
    if manifest and manifest.is_index:
        manifest = repository.manifest(manifest.manifests[0].digest) if manifest.manifests else None
    try:
        return repository.image_config(manifest).labels if manifest else None
    except BlobMissing:
        return None


def _named(reference: ImageReference) -> str:
    return reference.digest or reference.tag or "latest"
