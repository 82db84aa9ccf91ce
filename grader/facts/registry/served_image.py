"""An image that a registry serves, as an `Image`: every blob is read and verified against its digest.

What was pushed is turned into an archive while it streams by, so that it is measured by the same code as an image that
was built.
"""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from grader.errors import RegistryUnavailable, SubmissionFault
from grader.facts.image.cached_archive import CachedArchive
from grader.facts.image.image import Image
from grader.facts.image.tar import BLOCK, BadArchive
from grader.facts.registry.documents import (
    MAX_MANIFEST,
    Descriptor,
    DigestMismatch,
    Manifest,
    NotAManifest,
    Platform,
    digest_of,
)
from grader.facts.registry.repository import Repository
from grader.lib.units import format_size

MAX_BYTES = 5_000_000_000
"""Bytes of an image's blobs, compressed. A larger image is not fetched."""
MAX_SECONDS = 900.0
"""Seconds to fetch them all."""
MAX_ENTRIES = 100
"""Entries of an index that are read."""


class BrokenImage(SubmissionFault):
    """What was pushed is damaged, or does not fit its own config."""


def image_of(repository: Repository, manifest: Manifest, folder: Path | None) -> Image:
    """Return the image of a manifest that is not an index. With a `folder`, a copy of it is kept there.

    Reading the image raises BlobMissing, DigestMismatch or BrokenImage if it is not whole, NotAManifest if it is not an
    image, and RegistryUnavailable.
    """
    size = sum(layer.size for layer in manifest.layers)
    if size > MAX_BYTES:
        raise BrokenImage(f"the image has {format_size(size)}, and at most {format_size(MAX_BYTES)} are fetched")

    @contextmanager
    def source() -> Iterator[Iterator[bytes]]:
        with closing(_archive(repository, manifest)) as chunks:
            try:
                yield chunks
            except BadArchive:
                for _ in chunks:  # if it was damaged on the way, say that instead
                    pass
                raise

    return Image(CachedArchive(source, folder) if folder else source, unusable=BrokenImage)


def of_platform(repository: Repository, manifest: Manifest, platform: Platform) -> Manifest:
    """Return the manifest of the image for a platform: from an index, or the manifest itself if it is not an index.

    If an entry of the index does not say its platform, its config does. Raises NotAManifest if none fits.
    """
    if not manifest.is_index:
        return manifest
    entry = manifest.of_platform(platform)
    if entry is None:
        unlabelled = [entry for entry in manifest.manifests[:MAX_ENTRIES] if entry.platform is None]
        found = (fetched(repository, entry) for entry in unlabelled)
        image = next((one for one in found if repository.image_config(one).platform[:2] == platform[:2]), None)
    else:
        image = fetched(repository, entry)
    if image is None:
        has = sorted({str(entry.platform) for entry in manifest.manifests[:MAX_ENTRIES] if entry.platform})
        raise NotAManifest(f"the index has no image for {platform}; it has {', '.join(has) or 'none'}")
    return image


def fetched(repository: Repository, entry: Descriptor) -> Manifest:
    """Return the manifest that an entry of an index names.

    Raises NotAManifest if there is none or it is an index too, and DigestMismatch if it is not the one that the index
    names.
    """
    found = repository.manifest(entry.digest)
    if found is None:
        raise NotAManifest(f"the index names the manifest {entry.digest}, but the registry does not have it")
    if len(found.raw) != entry.size:
        raise DigestMismatch(f"the manifest {entry.digest} has {len(found.raw)} bytes, but the index says {entry.size}")
    if found.is_index:
        raise NotAManifest(f"the index names {entry.digest}, which is another index and not an image's manifest")
    return found


def _archive(repository: Repository, manifest: Manifest) -> Generator[bytes, None, None]:
    """Yield the image as an OCI layout in a tar archive."""
    deadline = time.monotonic() + MAX_SECONDS
    if manifest.config is None:
        raise NotAManifest("the registry serves an index where an image's manifest should be")
    digest = digest_of(manifest.raw)
    entry = {"mediaType": manifest.media_type, "digest": digest, "size": len(manifest.raw)}
    yield from _file("index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
    yield from _file(_path(digest), manifest.raw)
    config = repository.blob(manifest.config.digest, MAX_MANIFEST)
    yield from _file(_path(manifest.config.digest), config)
    for layer in {layer.digest: layer for layer in manifest.layers}.values():
        yield _header(_path(layer.digest), layer.size)
        size = 0
        with repository.open_blob(layer.digest, layer.size) as chunks:
            for chunk in chunks:
                if time.monotonic() > deadline:
                    raise RegistryUnavailable(f"the registry {repository.registry} is too slow: grade again")
                size += len(chunk)
                yield chunk
        if size != layer.size:
            raise DigestMismatch(f"the blob {layer.digest} has {size} bytes, but its manifest says {layer.size}")
        yield bytes(-size % BLOCK)
    yield bytes(2 * BLOCK)


def _file(path: str, data: bytes) -> Iterator[bytes]:
    yield _header(path, len(data)) + data + bytes(-len(data) % BLOCK)


def _header(path: str, size: int) -> bytes:
    member = tarfile.TarInfo(path)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def _path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")
