"""An image that a registry serves, as an `Image`: every blob read, held against its digest, and looked into.

What was pushed is laid out as an archive while it streams by, so that it is measured by the same code as an image that
was built, and says the same.
"""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from grader.errors import RegistryUnavailable, SubmissionFault
from grader.facts.image import Image
from grader.facts.kept import Kept
from grader.facts.registry import MAX_MANIFEST, DigestMismatch, Manifest, NotAManifest, Platform, Repository
from grader.facts.registry.documents import Descriptor, digest_of
from grader.facts.tar import BLOCK, BadArchive
from grader.units import format_size

MAX_BYTES = 5_000_000_000
"""Bytes of an image's blobs, compressed; more are not fetched."""
MAX_SECONDS = 900.0
"""For all of them."""
MAX_ENTRIES = 100
"""Entries of an index that are looked at."""


class BrokenImage(SubmissionFault):
    """What was pushed is damaged, or other than its own config says."""


def image_of(repository: Repository, manifest: Manifest, folder: Path | None) -> Image:
    """The image of a manifest that is no index. A copy is kept in `folder`, where there is one.

    Looking at it raises BlobMissing, DigestMismatch or BrokenImage where it is not whole, NotAManifest where it is no
    image, RegistryUnavailable.
    """
    size = sum(layer.size for layer in manifest.layers)
    if size > MAX_BYTES:
        raise BrokenImage(f"what is pushed has {format_size(size)}, and at most {format_size(MAX_BYTES)} are looked at")

    @contextmanager
    def source() -> Iterator[Iterator[bytes]]:
        with closing(_archive(repository, manifest)) as chunks:
            try:
                yield chunks
            except BadArchive:
                for _ in chunks:  # if it was damaged on the way, that is what is to be said
                    pass
                raise

    return Image(Kept(source, folder) if folder else source, unusable=BrokenImage)


def of_platform(repository: Repository, manifest: Manifest, platform: Platform) -> Manifest:
    """The manifest of the image for a platform: the entry of an index, or the manifest itself where it is none.

    An entry that does not say its platform is asked for its config. NotAManifest where none fits.
    """
    if not manifest.is_index:
        return manifest
    entry = manifest.of_platform(platform)
    if entry is None:
        silent = [entry for entry in manifest.manifests[:MAX_ENTRIES] if entry.platform is None]
        found = (fetched(repository, entry) for entry in silent)
        image = next((one for one in found if repository.image_config(one).platform[:2] == platform[:2]), None)
    else:
        image = fetched(repository, entry)
    if image is None:
        has = sorted({str(entry.platform) for entry in manifest.manifests[:MAX_ENTRIES] if entry.platform})
        raise NotAManifest(f"the index has no image for {platform}; it has {', '.join(has) or 'none'}")
    return image


def fetched(repository: Repository, entry: Descriptor) -> Manifest:
    """The manifest that an entry of an index names. NotAManifest where there is none, or it is an index in its turn;
    DigestMismatch where it is another than the index says."""
    found = repository.manifest(entry.digest)
    if found is None:
        raise NotAManifest(f"the index names the manifest {entry.digest}, and the registry does not have it")
    if len(found.raw) != entry.size:
        raise DigestMismatch(f"the manifest {entry.digest} has {len(found.raw)} bytes, and the index says {entry.size}")
    if found.is_index:
        raise NotAManifest(f"the index names {entry.digest}, an index in its turn, where an image's manifest should be")
    return found


def _archive(repository: Repository, manifest: Manifest) -> Generator[bytes, None, None]:
    """The image as an OCI layout in a tar."""
    deadline = time.monotonic() + MAX_SECONDS
    if manifest.config is None:
        raise NotAManifest("what is served is an index, where an image's manifest should be")
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
            raise DigestMismatch(f"the blob {layer.digest} has {size} bytes, and its manifest says {layer.size}")
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
