"""Write an image as an OCI layout (the OCI image specification, "Image Layout"), a folder that other programs read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.facts.image.tar import Member, Sink
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, digest_of

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


class Layout:
    """Writes the layers of an archive as they are read; `finish` makes an OCI layout of them. May raise OSError."""

    def __init__(self, folder: Path, digests: Mapping[str, str]) -> None:
        """`digests` are the digests of the uncompressed layers, by their names in the archive."""
        self._folder = folder
        self._blobs = folder / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)
        self._digests = digests

    def layer(self, blob: str) -> Sink | None:
        digest = self._digests.get(blob)
        return _File(self._blobs / digest.removeprefix("sha256:")) if digest else None

    def member(self, blob: str, number: int, member: Member) -> Sink | None:
        return None

    def finish(self, config: Mapping[str, Any], layers: Sequence[tuple[str, int]]) -> None:
        """Write the config, and a manifest and index for it. `layers` are digests and bytes, from the bottom."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self._document(config, _CONFIG),
            "layers": [{"mediaType": _LAYER, "digest": digest, "size": size} for digest, size in layers],
        }
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [self._document(manifest, OCI_MANIFEST)]}
        (self._folder / "index.json").write_text(json.dumps(index))
        (self._folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def _document(self, content: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
        data = json.dumps(content).encode()
        digest = digest_of(data)
        (self._blobs / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": kind, "digest": digest, "size": len(data)}


class _File:
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, data: memoryview) -> None:
        self._file.write(data)

    def close(self) -> None:
        self._file.close()
