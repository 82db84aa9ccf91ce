"""What registries that are played serve: documents, and a repository whose content is at hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, digest_of
from grader.facts.registry.repository import Repository
from tests.grader.registries import Player, Said

NAME = "me/tides"
HERE = f"/v2/{NAME}"
A, B = ("sha256:" + letter * 64 for letter in "ab")
BLOB = b"a blob"
BLOB_DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
ENTRY = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": B, "size": 5}


def document(**more: Any) -> bytes:
    entry = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": A, "size": 1}
    return json.dumps({"schemaVersion": 2, "config": entry, "layers": []} | more).encode()


def index(**more: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": []} | more).encode()


class Shelf:
    """A repository on a registry that is played: what is put on it is served, and nothing else is there."""

    def __init__(self) -> None:
        self.player = Player({"GET /v2/": Said(200)}, lab=False)
        self.repository = Repository(self.player.address, NAME)

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Shelf]:
        shelf = cls()
        with shelf.player.running():
            yield shelf

    def blob(self, data: bytes, media_type: str = "application/octet-stream", **more: Any) -> dict[str, Any]:
        """Put a blob on it; the descriptor that names it."""
        digest = digest_of(data)
        self.player.answers[f"GET {HERE}/blobs/{digest}"] = Said(200, data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)} | more

    def manifest(self, document: Mapping[str, Any] | bytes, *tags: str) -> str:
        """Put a manifest on it, under these tags too; its digest."""
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        kind = OCI_INDEX if b'"manifests"' in raw else OCI_MANIFEST
        digest = digest_of(raw)
        for name in (digest, *tags):
            self.player.answers[f"GET {HERE}/manifests/{name}"] = Said(200, raw, {"Content-Type": kind})
        return digest

    def image(self, config: Mapping[str, Any], layers: Sequence[bytes] = (), *tags: str, **more: Any) -> dict[str, Any]:
        """Put an image with this config and these uncompressed layers on it; the descriptor that names it."""
        rootfs = {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(json.dumps({"rootfs": rootfs, **config}).encode()),
            "layers": [self.blob(layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers],
        }
        digest = self.manifest(document, *tags)
        return {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(json.dumps(document))} | more

    def index(self, entries: Sequence[Mapping[str, Any]], *tags: str) -> str:
        """Put an index of these entries on it; its digest."""
        return self.manifest({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}, *tags)
