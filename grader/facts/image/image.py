"""The image that was built: its config, its layers and every file in them, and the file system that they make.

Everything is read from the image's archive, which is the same for every engine and image store, and may be a file on
disk. Sizes are bytes of uncompressed layer archives, unless a docstring says otherwise.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from grader.errors import EngineFailure, GraderError, SubmissionFault
from grader.facts.image import archive
from grader.facts.image.archive import Contents
from grader.facts.image.cached_archive import Source
from grader.facts.image.config import ImageConfig, instruction
from grader.facts.image.filesystem import Content, FileSystem
from grader.facts.image.mount_points import is_leftover, states_below
from grader.facts.image.sparse import Beginning
from grader.facts.image.tar import BadArchive, Member, Sink

MAX_ENTRIES = 250_000
"""Files of all layers together. Memory grows with them, and should stay under 200 MB."""
MAX_NAMES = 30_000_000
"""Characters of all their names."""
KEPT = frozenset(("etc/passwd", "etc/group", "etc/os-release", "usr/lib/os-release"))
"""Files that are kept on the first pass, since they are small and often asked for."""
KEPT_SIZE = 256 * 1024


@dataclass(frozen=True)
class Layer:
    """One layer. `index` counts from 0 at the bottom."""

    index: int
    diff_id: str
    size: int
    """Bytes of its uncompressed archive."""
    created_by: str
    """The instruction that made it, from the history; empty if the history does not say."""
    members: Sequence[Member] = field(repr=False)
    """Its files in archive order, including whiteouts (`.wh.NAME`, `.wh..wh..opq`)."""
    below: Mapping[str, Member] = field(default_factory=dict, repr=False)
    """What the layers below have at the paths where an engine mounts something."""

    @property
    def instruction(self) -> str:
        """`created_by` as its Dockerfile had it."""
        return instruction(self.created_by)

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing that the instruction made.

        Some engines leave entries of their own there: see `mount_points`.
        """
        return all(is_leftover(member, self.below) for member in self.members)


class Visitor(Protocol):
    """Is shown the files of all layers, also those that later layers hide."""

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        """See file `number` of layer `layer`; return a sink to get its content in pieces, or None to skip it."""
        ...


class Image:
    """An image. Its archive is read once, and once more each time the content of files is asked for."""

    def __init__(
        self,
        source: Source,
        *,
        name: str = "",
        digest: str | None = None,
        unusable: type[GraderError] | type[SubmissionFault] = EngineFailure,
    ) -> None:
        """`source` opens its archive. `unusable` is the error to raise if the archive is damaged or no image: it says
        whose fault that is."""
        self._source = source
        self._unusable = unusable
        self._name = name
        self._digest = digest
        self._reading = threading.RLock()
        self._first: _FirstPass | None = None
        self._fault: SubmissionFault | GraderError | None = None
        """Kept like a measurement, and raised again."""

    @property
    def _measured(self) -> _FirstPass:
        with self._reading:
            if self._fault:
                raise self._fault.with_traceback(None)
            if self._first is None:
                first = _FirstPass()
                try:
                    first.contents = self._read(first)
                    first.files = self._overlaid([first.members.get(name, []) for name in first.contents.layers])
                except (SubmissionFault, GraderError) as fault:
                    self._fault = fault
                    raise
                self._first = first
            return self._first

    @property
    def _contents(self) -> Contents:
        contents = self._measured.contents
        assert contents is not None
        return contents

    def _read(self, visitor: archive.LayerVisitor, skip: Collection[str] = ()) -> Contents:
        try:
            with self._source() as chunks:
                return archive.read(chunks, visitor, skip)
        except BadArchive as problem:
            raise self._unusable(f"the image's archive cannot be used: {problem}") from None
        except OSError as problem:
            raise self._unusable(f"the image's archive cannot be read: {problem.strerror}") from None

    def _overlaid(self, layers: Sequence[Sequence[Member]]) -> FileSystem:
        try:
            return FileSystem(layers)
        except BadArchive as problem:
            # A RUN that makes a file called `.wh.NAME` can write such a layer.
            fault = SubmissionFault if self._unusable is EngineFailure else self._unusable
            raise fault(f"no engine can unpack the image: {problem}") from None

    @property
    def id(self) -> str:
        """Its id on the engine. For an archive on disk, the digest of its config, which is the id on many engines."""
        return self._name or self._contents.config_digest

    @property
    def digest(self) -> str | None:
        """The digest of its manifest; None if the engine or the archive on disk does not know it."""
        return self._digest if self._name else self._contents.manifest_digest

    @cached_property
    def config(self) -> ImageConfig:
        """How the image wants to be run."""
        try:
            return ImageConfig.of(self._contents.config)
        except BadArchive as problem:
            raise self._unusable(f"the image cannot be used: {problem}") from None

    @cached_property
    def layers(self) -> Sequence[Layer]:
        """All layers, from the bottom."""
        contents = self._contents
        made = [entry.created_by for entry in self.config.history if not entry.empty]
        if len(made) != len(contents.layers):
            made = [""] * len(contents.layers)
        members = [self._measured.members.get(name, ()) for name in contents.layers]
        below = states_below(members)
        return tuple(
            Layer(index, blob.diff_id, blob.size, made[index], members[index], below[index])
            for index, name in enumerate(contents.layers)
            for blob in (contents.blobs[name],)
        )

    @property
    def size(self) -> int:
        """Bytes of all uncompressed layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def files(self) -> FileSystem:
        """The file system that a container of this image sees."""
        files = self._measured.files
        assert files is not None
        return files

    def read(self, path: str, limit: int = KEPT_SIZE) -> bytes | None:
        """Return the first `limit` bytes of a file that a container sees, and None if there is no such file.

        Links are followed.
        """
        return self.read_all([path], limit)[path]

    def shown(self, path: str) -> Content | None:
        """Return as what `visit` shows the content of a file, links followed; None if there is no such file.

        A layer that occurs twice is shown at its first place.
        """
        content = self.files.content(path)
        names = self._contents.layers
        return content and Content(names.index(names[content.layer]), content.number)

    def read_all(self, paths: Iterable[str], limit: int = KEPT_SIZE) -> dict[str, bytes | None]:
        """Read several files in one pass over the archive, or in none if all were kept on the first. See `read`."""
        found: dict[str, bytes | None] = {}
        wanted: dict[Content, list[str]] = {}
        for path in paths:
            content = self.shown(path)
            if content is None:
                found[path] = None
                continue
            kept = self._measured.kept.get((self._contents.layers[content.layer], content.number))
            if kept is not None:
                found[path] = bytes(kept[:limit])
            else:
                wanted.setdefault(content, []).append(path)
        if wanted:
            reading = _Reading(wanted, limit)
            self.visit(reading, {content.layer for content in wanted})
            for content, aliases in wanted.items():
                found |= {path: bytes(reading.data.get(content, b"")) for path in aliases}
        return found

    def write_layout(self, folder: Path) -> None:
        """Write the image as an OCI layout with uncompressed layers: the same for every kind of archive.

        Raises OSError if there is no room.
        """
        from grader.facts.image.oci_layout import Layout

        contents = self._contents
        layout = Layout(folder, {name: contents.blobs[name].diff_id for name in contents.layers})
        self._read(layout, skip=contents.blobs.keys() - set(contents.layers))
        layout.finish(contents.config, [(layer.diff_id, layer.size) for layer in self.layers])

    def visit(self, visitor: Visitor, layers: Collection[int] | None = None) -> None:
        """Show `visitor` the files of these layers, or of all, in one pass; also files that later layers hide.

        A layer that occurs twice is shown at its first place.
        """
        names = self._contents.layers
        places = {name: names.index(name) for name in names}
        shown = {name: place for name, place in places.items() if layers is None or place in layers}
        if shown:
            self._read(_Adapter(visitor, shown), skip=places.keys() - shown.keys())

    @cached_property
    def compressed_sizes(self) -> Sequence[int]:
        """Bytes of each layer after we compress it (gzip, level 6): what a registry serves, the same on every engine.

        This runs at some 35 MB a second, so it happens only when asked for, and once for each layer in this process.
        """
        known = _COMPRESSED
        names = self._contents.layers
        new = {name for name, layer in zip(names, self.layers, strict=True) if layer.diff_id not in known}
        if new:
            measure = _Compression(new)
            self._read(measure, skip=set(names) - new)
            for name, layer in zip(names, self.layers, strict=True):
                if name in measure.sizes:
                    known[layer.diff_id] = measure.sizes[name]
        return tuple(known[layer.diff_id] for layer in self.layers)


_COMPRESSED: dict[str, int] = {}


class _FirstPass:
    """Records every member of every layer, and keeps the content of a few small files."""

    def __init__(self) -> None:
        self.members: dict[str, list[Member]] = {}
        self.kept: dict[tuple[str, int], bytearray] = {}
        self.contents: Contents | None = None
        self.files: FileSystem | None = None
        self._count = 0
        self._names = 0

    def layer(self, blob: str) -> Sink | None:
        return None

    def member(self, blob: str, number: int, member: Member) -> Sink | None:
        self._count += 1
        self._names += len(member.path) + len(member.link)
        if self._count > MAX_ENTRIES or self._names > MAX_NAMES:
            raise SubmissionFault(
                f"the image's layers hold more than {MAX_ENTRIES:,} files, or their names are too long"
            )
        self.members.setdefault(blob, []).append(member)
        if member.path in KEPT and member.kind == "file" and member.size <= KEPT_SIZE:
            kept = self.kept[blob, number] = bytearray()
            return Beginning(kept, KEPT_SIZE)
        return None


class _Adapter:
    """Passes members on to a Visitor, with layers by number."""

    def __init__(self, visitor: Visitor, where: Mapping[str, int]) -> None:
        self._visitor = visitor
        self._where = where

    def layer(self, blob: str) -> Sink | None:
        return None

    def member(self, blob: str, number: int, member: Member) -> Sink | None:
        if blob not in self._where or member.kind != "file":
            return None
        return self._visitor.visit(self._where[blob], number, member)


class _Compression:
    """Compresses whole layers and counts what comes out."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self.sizes: dict[str, int] = {}

    def member(self, blob: str, number: int, member: Member) -> Sink | None:
        return None

    def layer(self, blob: str) -> Sink | None:
        return _Compressor(self.sizes, blob) if blob in self._names else None


class _Compressor:
    def __init__(self, sizes: dict[str, int], name: str) -> None:
        self._sizes = sizes
        self._name = name
        self._state = zlib.compressobj(6, wbits=31)
        self._size = 0

    def write(self, data: memoryview) -> None:
        self._size += len(self._state.compress(data))

    def close(self) -> None:
        self._sizes[self._name] = self._size + len(self._state.flush())


class _Reading:
    def __init__(self, wanted: Iterable[Content], limit: int) -> None:
        self._wanted = frozenset(wanted)
        self._limit = limit
        self.data: dict[Content, bytearray] = {}

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        content = Content(layer, number)
        if content not in self._wanted:
            return None
        data = self.data[content] = bytearray()
        return Beginning(data, self._limit)
