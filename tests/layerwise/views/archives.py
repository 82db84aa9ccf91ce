"""Image archives made by hand, so that what is in them is known to the byte; no engine is needed to read them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from grader.facts.image.image import Image
from layerwise.views.anatomy import Anatomy

FOLDER = None
Layer = Mapping[str, bytes | tarfile.TarInfo | None]
"""Path to content; None for a folder, a TarInfo for what else there is. `.wh.NAME` hides NAME of the layers below."""


def image(*layers: Layer, history: Sequence[tuple[str, bool]] = (), config: Mapping[str, Any] | None = None) -> Image:
    """An image of these layers, the lowest first. `history`: pairs of an instruction and whether it made a layer."""
    blobs = [_tar(layer) for layer in layers]
    steps = history or [(f"RUN {number}", True) for number in range(1, len(layers) + 1)]
    document = {
        "architecture": "amd64",
        "os": "linux",
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(blob).hexdigest()}" for blob in blobs]},
        "history": [{"created_by": text, **({} if made else {"empty_layer": True})} for text, made in steps],
    }
    manifest = [{"Config": "config.json", "Layers": [f"{number}/layer.tar" for number in range(len(blobs))]}]
    files = {f"{number}/layer.tar": blob for number, blob in enumerate(blobs)}
    files |= {"config.json": json.dumps(document).encode(), "manifest.json": json.dumps(manifest).encode()}
    whole = _tar(files)

    @contextmanager
    def source() -> Iterator[Iterator[bytes]]:
        yield iter([whole])

    return Image(source)


def anatomy(*layers: Layer, base: int = 0, **more: Any) -> Anatomy:
    """The same, taken apart; the lowest `base` layers come from a base image."""
    return Anatomy("test:1", image(*layers, **more), "base:1" if base else "", base)


def entry(kind: bytes = tarfile.REGTYPE, *, mode: int = 0o644, uid: int = 0, link: str = "") -> tarfile.TarInfo:
    """What is no plain file: a link, or something with another mode or owner."""
    info = tarfile.TarInfo()
    info.type, info.mode, info.uid, info.linkname = kind, mode, uid, link
    return info


def _tar(members: Layer) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = path
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(path)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            info.size = len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()
