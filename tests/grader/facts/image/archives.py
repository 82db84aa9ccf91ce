"""Image archives made by hand, to be read with no engine, and to be spoilt."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from grader.errors import SubmissionUnusable
from grader.facts.image.archive import open_file
from grader.facts.image.image import Image

Entry = tuple[str, bytes, bytes] | tuple[str, bytes, bytes, int]
"""Name, type and content (of a link, where it leads), and mode."""


def tar(*entries: Entry, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as file:
        for name, kind, content, *mode in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = mode[0] if mode else info.mode
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = content.decode()
                file.addfile(info)
            else:
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def plain(name: str, content: bytes = b"x") -> Entry:
    return (name, tarfile.REGTYPE, content)


def program(name: str, content: bytes = b"\x7fELF...") -> Entry:
    return (name, tarfile.REGTYPE, content, 0o755)


def folder(name: str) -> Entry:
    return (name, tarfile.DIRTYPE, b"", 0o755)


def link(name: str, target: str) -> Entry:
    return (name, tarfile.SYMTYPE, target.encode())


def hard_link(name: str, target: str) -> Entry:
    return (name, tarfile.LNKTYPE, target.encode())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def document(value: Any) -> bytes:
    return json.dumps(value).encode()


LAYER = tar(plain("etc/passwd", b"root:x:0:0::/:/bin/sh\n"), plain("hello", b"world"))


class Maker:
    """An archive that is right, to be spoilt."""

    def __init__(self, *layers: bytes, packed: bool = False) -> None:
        self.layers = list(layers or (LAYER,))
        self.blobs = [gzip.compress(layer, 1, mtime=0) if packed else layer for layer in self.layers]
        self.config: Any = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["A=1"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}" for layer in self.layers]},
        }
        self.manifest: Any = None
        self.index: Any = None
        self.extra: list[Entry] = []

    def files(self) -> dict[str, bytes]:
        config = document(self.config)
        files = {f"blobs/sha256/{digest(blob)}": blob for blob in self.blobs}
        files[f"blobs/sha256/{digest(config)}"] = config
        manifest = {
            "schemaVersion": 2,
            "config": {"digest": f"sha256:{digest(config)}"},
            "layers": [{"digest": f"sha256:{digest(blob)}", "size": len(blob)} for blob in self.blobs],
        }
        text = document(manifest if self.manifest is None else self.manifest(manifest))
        files[f"blobs/sha256/{digest(text)}"] = text
        index = {"manifests": [{"digest": f"sha256:{digest(text)}", "size": len(text)}]}
        files["index.json"] = document(index if self.index is None else self.index(index))
        files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
        return files

    def bytes(self, change: Callable[[dict[str, bytes]], Mapping[str, bytes]] | None = None) -> bytes:
        files: Mapping[str, bytes] = self.files()
        if change:
            files = change(dict(files))
        return tar(*(plain(name, content) for name, content in files.items()), *self.extra)

    def docker(self, **other: Any) -> bytes:
        """As older engines save it."""
        config = document(self.config)
        name = f"{digest(config)}.json"
        paths = [f"{number}/layer.tar" for number in range(len(self.layers))]
        listing = {"Config": name, "RepoTags": ["x:latest"], "Layers": paths} | other
        blobs = zip(paths, self.blobs, strict=True)
        return tar(
            *(plain(path, blob) for path, blob in blobs), plain(name, config), *self.extra,
            plain("manifest.json", document([listing])),
        )  # fmt: skip


def image(data: bytes, tmp_path: Path) -> Image:
    path = tmp_path / "image.tar"
    path.write_bytes(data)
    return Image(lambda: open_file(path), unusable=SubmissionUnusable)


def maker(**changes: Any) -> Maker:
    made = Maker()
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def without(part: str) -> Callable[[dict[str, bytes]], Mapping[str, bytes]]:
    return lambda files: {name: text for name, text in files.items() if part not in name}


def swapped(files: dict[str, bytes], of: Callable[[bytes], bool], to: Callable[[bytes], bytes]) -> dict[str, bytes]:
    return {name: to(text) if of(text) and "sha256" in name else text for name, text in files.items()}
