"""Read an image archive in one pass, as it streams by: `docker save` of every engine, docker archives and OCI layouts.

    contents = read(chunks, Visitor())

A docker archive of an older engine holds `ID/layer.tar` files and names them in manifest.json, which comes last. Newer
ones and OCI layouts hold blobs, compressed or not, named by digest. So every member that is itself an archive is read
as a layer when it comes, and only at the end is it known which layers make up the image.
"""

from __future__ import annotations

import hashlib
import json
import platform
import posixpath
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from grader.facts.image import zstd
from grader.facts.image.tar import BLOCK, BadArchive, Member, Sink, TarReader, has_checksum
from grader.lib.cancel import check_cancelled

MAX_DOCUMENT = 4 << 20
"""Bytes of a manifest or config. A larger JSON file cannot be one of them."""
MAX_DOCUMENTS = 32 << 20
"""Bytes kept of all such files together. Those of an image come to a few kilobytes."""
MAX_MEMBERS = 10_000
"""Files in the archive itself: a few for each layer and platform."""
MAX_BYTES = 50 << 30
"""Uncompressed bytes of all layers. More is a decompression bomb."""
_CHUNK = 1 << 18
_NAMED = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json)?")
_GZIP = b"\x1f\x8b"


class LayerVisitor(Protocol):
    """Is shown the layers. `blob` is the layer's name inside the archive."""

    def layer(self, blob: str) -> Sink | None:
        """Begin a layer; return a sink to get its uncompressed archive."""
        ...

    def member(self, blob: str, number: int, member: Member) -> Sink | None:
        """See member `number` (from 0) of a layer; return a sink to get its content."""
        ...


@dataclass(frozen=True)
class Blob:
    """A layer in the archive: `diff_id` and `size` of it uncompressed, `digest` and `stored` (bytes) as stored."""

    diff_id: str
    digest: str
    size: int
    stored: int
    members: int


@dataclass
class Contents:
    """The image in an archive. `layers` are the names of blobs, from the bottom; `config` is the image's, as JSON."""

    config: Mapping[str, Any]
    config_digest: str
    manifest_digest: str | None
    layers: list[str]
    blobs: Mapping[str, Blob] = field(default_factory=dict)

    def layer(self, index: int) -> Blob:
        return self.blobs[self.layers[index]]


def read(chunks: Iterable[bytes], visitor: LayerVisitor, skip: Collection[str] = ()) -> Contents:
    """Read an archive to its end.

    Blobs named in `skip` are not unpacked or shown, and may be missing. Of an index of several platforms, the image
    for this machine's platform is read.

    Raises BadArchive if this is no image archive, or if its content does not have the digests that it names.
    """
    outer = _Outer(visitor, skip)
    reader = TarReader(outer.member)
    for chunk in chunks:
        check_cancelled()
        reader.feed(chunk)
    reader.close()
    if not reader.members:
        raise BadArchive("it is empty")
    try:
        return _assemble(outer)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadArchive("its manifest is malformed") from None


@contextmanager
def open_file(path: Path) -> Iterator[Iterator[bytes]]:
    """Open an archive on disk, in chunks. If the file as a whole was compressed with gzip, it is decompressed."""
    with path.open("rb") as file:
        chunks = iter(lambda: file.read(_CHUNK), b"")
        yield _unpacked(chunks) if file.peek(2)[:2] == _GZIP else chunks


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decompress = _gunzip()
    size = 0
    for chunk in chunks:
        for part in decompress(chunk):
            size += len(part)
            if size > MAX_BYTES:
                raise BadArchive(f"it holds more than {MAX_BYTES >> 30} GiB")
            yield part


class _Outer:
    """Takes the members of the archive itself."""

    def __init__(self, visitor: LayerVisitor, skip: Collection[str]) -> None:
        self.visitor = visitor
        self.skip = skip
        self.blobs: dict[str, Blob] = {}
        self.documents: dict[str, bytes] = {}
        self.links: dict[str, str] = {}
        self.bytes = 0
        self._kept = 0
        self._members = 0

    def member(self, member: Member) -> Sink | None:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise BadArchive(f"it holds more than {MAX_MEMBERS} files: an image has a few for each layer")
        if member.kind == "symlink":
            # Older engines store a layer that occurs twice as a link.
            self.links[member.path] = posixpath.normpath(posixpath.join(posixpath.dirname(member.path), member.link))
        elif member.kind == "hardlink":
            self.links[member.path] = member.link
        elif member.kind == "file" and not member.path.endswith("/VERSION") and member.path not in self.skip:
            return _Blob(self, member)
        return None

    def document(self, size: int) -> bytearray | None:
        """Return a buffer for a JSON file of that size, and None if it is too large to belong to the image."""
        if size > MAX_DOCUMENT or self._kept + size > MAX_DOCUMENTS:
            return None
        self._kept += size
        return bytearray()

    def count(self, size: int) -> None:
        self.bytes += size
        if self.bytes > MAX_BYTES:
            raise BadArchive(f"its layers hold more than {MAX_BYTES >> 30} GiB")


class _Blob:
    """Takes one member of the archive: a document to keep, or a layer to read."""

    def __init__(self, outer: _Outer, member: Member) -> None:
        self._outer = outer
        self._member = member
        self._head = bytearray()
        self._document: bytearray | None = None
        self._layer: _Layer | None = None
        self._known = False

    def write(self, data: memoryview) -> None:
        if not self._known:
            self._head += data
            if len(self._head) < BLOCK and len(self._head) < self._member.size:
                return
            self._recognise()
            data = memoryview(bytes(self._head))
            self._head.clear()
        if self._layer:
            self._layer.write(data)
        elif self._document is not None:
            self._document += data

    def _recognise(self) -> None:
        self._known = True
        head = bytes(self._head)
        if head[:2] == _GZIP:
            self._layer = _Layer(self._outer, self._member, _gunzip)
        elif zstd.recognise(head):
            self._layer = _Layer(self._outer, self._member, zstd.Unpack)
        elif _is_tar(head):
            self._layer = _Layer(self._outer, self._member, None)
        elif head.lstrip()[:1] in (b"{", b"["):  # last: the first file name of a layer may begin like this
            self._document = self._outer.document(self._member.size)

    def close(self) -> None:
        if not self._known:
            self._recognise()
        if self._document is not None:
            self._outer.documents[self._member.path] = bytes(self._document)
        elif self._layer:
            self._outer.blobs[self._member.path] = self._layer.close()


def _is_tar(head: bytes) -> bool:
    """Whether a tar archive may begin like this. One without members may be nothing at all."""
    return not head or (len(head) >= BLOCK and (not any(head[:BLOCK]) or has_checksum(head[:BLOCK])))


class _Decompressor(Protocol):
    def __call__(self, data: bytes | memoryview) -> Iterator[bytes]: ...


class _Layer:
    """Decompresses a layer, computes its digests, and shows its members to the visitor."""

    def __init__(self, outer: _Outer, member: Member, decompressor: Callable[[], _Decompressor] | None) -> None:
        self._outer = outer
        self._blob = member.path
        self._stored = member.size
        self._decompress = decompressor() if decompressor else None
        self._digest = hashlib.sha256()
        self._stored_digest = hashlib.sha256() if decompressor else self._digest
        self._size = 0
        self._count = 0
        self._reader = TarReader(self._member)
        self._sink = outer.visitor.layer(member.path)

    def _member(self, member: Member) -> Sink | None:
        self._count += 1
        return self._outer.visitor.member(self._blob, self._count - 1, member)

    def write(self, data: memoryview) -> None:
        if self._decompress:
            self._stored_digest.update(data)
        for part in self._decompress(data) if self._decompress else (data,):
            self._size += len(part)
            self._outer.count(len(part))
            self._digest.update(part)
            self._reader.feed(part)
            if self._sink:
                self._sink.write(memoryview(part))

    def close(self) -> Blob:
        self._reader.close()
        if self._sink:
            self._sink.close()
        diff_id, digest = (f"sha256:{one.hexdigest()}" for one in (self._digest, self._stored_digest))
        return Blob(diff_id, digest, self._size, self._stored, self._count)


def _gunzip() -> _Decompressor:
    """Decompress gzip, also several streams in a row. At most a few chunks are in memory, whatever the ratio."""
    state = zlib.decompressobj(wbits=31)

    def decompress(data: bytes | memoryview) -> Iterator[bytes]:
        nonlocal state
        rest: bytes | memoryview = data
        try:
            while rest:
                if state.eof:
                    state = zlib.decompressobj(wbits=31)
                out = state.decompress(rest, 4 * _CHUNK)
                if out:
                    yield out
                rest = state.unused_data if state.eof else state.unconsumed_tail
                if state.eof and not any(rest):
                    return
        except zlib.error as problem:
            raise BadArchive(f"a layer's compression is damaged ({problem})") from None

    return decompress


def _assemble(outer: _Outer) -> Contents:
    documents = _Documents(outer.documents)
    listing = documents["manifest.json"]
    digest = _chosen(documents) if "index.json" in outer.documents else None
    manifest = _mapping(documents[_blob_path(digest)]) if digest else {}
    if isinstance(listing, list) and listing and isinstance(listing[0], dict):
        if len(listing) > 1:
            raise BadArchive("it holds several images: save only one")
        config_name, layers = str(listing[0].get("Config")), [str(path) for path in listing[0].get("Layers") or ()]
    elif digest:
        config_name = _blob_path(str(_mapping(manifest.get("config")).get("digest")))
        layers = [_blob_path(str(_mapping(layer).get("digest"))) for layer in manifest.get("layers") or ()]
    else:
        raise BadArchive("it is not an image archive: expected 'docker save' output or an OCI layout")
    config = _mapping(documents[config_name])
    if not config:
        raise BadArchive("its config is missing")
    for name in (config_name, *([_blob_path(digest)] if digest else ())):
        _require(name, documents.digest(name))
    named = _mapping(manifest.get("config")).get("digest")
    if "index.json" in outer.documents and documents.digest(config_name) != named:
        # Engines with the containerd image store read the one, others the other.
        raise BadArchive("its index.json and manifest.json name different images: save one image, for one platform")
    layers = [outer.links.get(path, path) for path in layers]
    contents = Contents(config, documents.digest(config_name), digest, layers, outer.blobs)
    expected = [str(item) for item in _mapping(config.get("rootfs")).get("diff_ids") or ()]
    wanted = [path for path in layers if path not in outer.skip]
    if len(expected) != len(layers) or any(path not in outer.blobs for path in wanted):
        raise BadArchive("some of its layers are missing")
    for index, diff_id in enumerate(expected):
        if layers[index] in outer.skip:
            continue
        if contents.layer(index).diff_id != diff_id:
            raise BadArchive(f"layer {index + 1} is damaged: it does not have the digest that the config names")
        _require(layers[index], contents.layer(index).digest)
    return contents


def _require(name: str, digest: str) -> None:
    """Raise BadArchive if a file is named by a digest that it does not have."""
    named = _NAMED.fullmatch(name)
    if named and named[1] != digest.removeprefix("sha256:"):
        raise BadArchive(f"{name} is damaged: its content does not have the digest in its name")


class _Documents:
    """The JSON files of an archive, each parsed when first asked for."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts
        self._read: dict[str, Any] = {}

    def __getitem__(self, path: str) -> Any:
        """Return the parsed document, and None if there is none or it is not JSON."""
        if path not in self._read:
            try:
                self._read[path] = json.loads(self._texts.get(path, b"null"))
            except (ValueError, RecursionError):
                self._read[path] = None
        return self._read[path]

    def digest(self, path: str) -> str:
        return f"sha256:{hashlib.sha256(self._texts[path]).hexdigest()}"


def _chosen(documents: _Documents) -> str | None:
    """Return the digest of the manifest for this machine: the index may list other platforms, and attestations."""
    todo = list(_mapping(documents["index.json"]).get("manifests") or ())
    images: dict[str, str] = {}
    for _ in range(100):
        if not todo:
            break
        entry = _mapping(todo.pop(0))
        digest = str(entry.get("digest"))
        document = _mapping(documents[_blob_path(digest)])
        described = _mapping(entry.get("platform"))
        if "manifests" in document:
            todo += list(document["manifests"] or ())
        elif "layers" in document and described.get("architecture") != "unknown":
            config = _mapping(documents[_blob_path(str(_mapping(document.get("config")).get("digest")))])
            architecture = str(described.get("architecture") or config.get("architecture"))
            if images.setdefault(architecture, digest) != digest:
                raise BadArchive("it holds several images: save only one")
    own = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    if own not in images and len(images) > 1:
        raise BadArchive(f"it holds images for {', '.join(sorted(images))}, and none for this machine ({own})")
    return images.get(own) or next(iter(images.values()), None)


def _blob_path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/", 1)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
