"""A snapshot of the advisories as an artifact in a registry, from which Trivy pulls it like its own database:

trivy image --db-repository localhost:5000/layerwise/advisories:now IMAGE
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from grader.facts.advisories import trivydb
from grader.facts.advisories.frozen import SnapshotName, advisories

if TYPE_CHECKING:
    from grader.facts.registry.repository import Repository

REPOSITORY = "localhost:5000/layerwise/advisories"
"""Where the lab keeps them. The tags are the names of the snapshots, and for the later one also Trivy's schema, `2`."""
_CONFIG = "application/vnd.aquasec.trivy.config.v1+json"
_LAYER = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
_TITLE = "org.opencontainers.image.title"


def tags() -> dict[str, SnapshotName]:
    """Return the snapshot that each tag names."""
    names: tuple[SnapshotName, ...] = get_args(SnapshotName)
    return {**{str(name): name for name in names}, str(trivydb.SCHEMA): "now"}


def publish(repository: Repository) -> list[str]:
    """Push both snapshots, unless the repository has them. Returns the tags that were pushed.

    Raises RegistryUnavailable if the registry cannot be asked, or refuses what is pushed.
    """
    from grader.facts.registry.documents import OCI_MANIFEST, NotAManifest

    pushed = []
    for tag, name in tags().items():
        config, layer = b"{}", _layer(name)
        manifest = _manifest(config, layer)
        try:
            found = repository.manifest(tag)
        except NotAManifest:
            found = None
        if found is not None and found.raw == manifest:
            continue
        repository.put_blob(config)
        repository.put_blob(layer)
        repository.put_manifest(tag, manifest, OCI_MANIFEST)
        pushed.append(tag)
    return pushed


def _manifest(config: bytes, layer: bytes) -> bytes:
    from grader.facts.registry.documents import OCI_MANIFEST, Descriptor, digest_of

    def described(data: bytes, media_type: str, **annotations: str) -> Mapping[str, Any]:
        return Descriptor(media_type, digest_of(data), len(data), annotations=annotations).to_dict()

    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(config, _CONFIG),
        "layers": [described(layer, _LAYER, **{_TITLE: "db.tar.gz"})],
        "annotations": {"org.opencontainers.image.description": advisories().notice},
    }
    return json.dumps(document).encode()


@cache
def _layer(name: SnapshotName) -> bytes:
    """Return the database in a compressed archive, always the same bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in (("trivy.db", trivydb.database(name)), ("metadata.json", trivydb.metadata(name))):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(archive.getvalue(), mtime=0)
