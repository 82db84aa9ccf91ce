"""The image that was built: its config, its layers and every file in them, and the file system they add up to.

Measured from the image's archive, which says the same whatever the engine and its image store, and which may as well
be a file on disk. Sizes are bytes of uncompressed layer archives unless said otherwise.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from grader.errors import EngineFailure, GraderError, SubmissionFault
from grader.facts import archive
from grader.facts.archive import Contents
from grader.facts.filesystem import Content, FileSystem
from grader.facts.kept import Source
from grader.facts.tar import BadArchive, Member, Sink

MAX_ENTRIES = 250_000
"""Files of all layers together; the memory of a measurement grows with them, and is to stay under 200 MB."""
MAX_NAMES = 30_000_000
"""Characters of all their names."""
KEPT = frozenset(("etc/passwd", "etc/group", "etc/os-release", "usr/lib/os-release"))
"""Files kept on the first pass, since they are small and often asked for."""
KEPT_SIZE = 256 * 1024

_MOUNT_POINTS = frozenset(("dev", "proc", "sys", "etc", "etc/hosts", "etc/resolv.conf"))
_SHELL = re.compile(r"^(?:RUN )?(?:\|\d+ .*? )?/bin/sh -c (?P<rest>.*)$", re.DOTALL)


class Healthcheck(NamedTuple):
    """HEALTHCHECK as the config has it; times in seconds, 0 for the engine's default."""

    test: tuple[str, ...]
    interval: float
    timeout: float
    start_period: float
    retries: int


class HistoryEntry(NamedTuple):
    """One instruction as the image remembers it."""

    created_by: str
    empty: bool
    """Whether it made no layer."""


@dataclass(frozen=True)
class ImageConfig:
    """How the image says it wants to be run. Texts are as found: untrusted."""

    user: str
    env: Mapping[str, str]
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    workdir: str
    labels: Mapping[str, str]
    ports: tuple[str, ...]
    """Such as "8080/tcp"."""
    volumes: tuple[str, ...]
    healthcheck: Healthcheck | None
    stop_signal: str
    shell: tuple[str, ...]
    onbuild: tuple[str, ...]
    architecture: str
    os: str
    history: tuple[HistoryEntry, ...]
    raw: Mapping[str, Any] = field(repr=False)
    """The whole document."""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> ImageConfig:
        """From an OCI or Docker image config. BadArchive where it is not shaped like one."""
        inner = raw.get("config") or {}
        try:
            return cls(
                user=str(inner.get("User") or ""),
                env=dict(str(item).partition("=")[::2] for item in inner.get("Env") or ()),
                entrypoint=_words(inner.get("Entrypoint")),
                cmd=_words(inner.get("Cmd")),
                workdir=str(inner.get("WorkingDir") or ""),
                labels={str(k): str(v) for k, v in (inner.get("Labels") or {}).items()},
                ports=tuple(sorted(str(port) for port in inner.get("ExposedPorts") or ())),
                volumes=tuple(sorted(str(path) for path in inner.get("Volumes") or ())),
                healthcheck=_healthcheck(inner.get("Healthcheck")),
                stop_signal=str(inner.get("StopSignal") or ""),
                shell=_words(inner.get("Shell")),
                onbuild=_words(inner.get("OnBuild")),
                architecture=str(raw.get("architecture") or ""),
                os=str(raw.get("os") or ""),
                history=tuple(
                    HistoryEntry(str(item.get("created_by") or ""), bool(item.get("empty_layer")))
                    for item in raw.get("history") or ()
                ),
                raw=raw,
            )
        except (AttributeError, TypeError, ValueError) as problem:
            raise BadArchive(f"its config is malformed ({problem})") from None


@dataclass(frozen=True)
class Layer:
    """One layer. `index` counts from 0 at the bottom."""

    index: int
    diff_id: str
    size: int
    """Bytes of its uncompressed archive."""
    created_by: str
    """The instruction that made it, as the history has it; empty where the history does not say."""
    members: Sequence[Member] = field(repr=False)
    """What it holds, in archive order, whiteouts (`.wh.NAME`, `.wh..wh..opq`) included."""

    @property
    def instruction(self) -> str:
        """`created_by` as its Dockerfile had it."""
        return instruction(self.created_by)

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing but what a build leaves without being asked, which differs between engines: nothing
        at all, as for a WORKDIR that is there already, or the places where a RUN has its own /proc or /etc/hosts."""
        return all(
            member.path in _MOUNT_POINTS and not member.size and member.kind in ("folder", "file")
            for member in self.members
        )


def instruction(created_by: str) -> str:
    """A line of an image's history as its Dockerfile had it, in one line, as far as that can be told."""
    text = created_by.strip().removesuffix("# buildkit").strip()
    if "#(nop)" in text:
        return " ".join(text.partition("#(nop)")[2].split())
    match = _SHELL.match(text)
    if match:
        text = f"RUN {match['rest']}"
    return " ".join(text.split())


class Visitor(Protocol):
    """Looks at the content of files in all layers, also of those that later layers hide."""

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        """File `number` of layer `layer`; return a sink to get its content in pieces, None to skip it."""
        ...


class Image:
    """An image, measured by reading its archive once, and again only where the content of files is asked for."""

    def __init__(
        self,
        source: Source,
        *,
        name: str = "",
        digest: str | None = None,
        unusable: type[GraderError] | type[SubmissionFault] = EngineFailure,
    ) -> None:
        """`source` opens its archive once more; `unusable` is raised where that is none, damaged, or other than it
        says: whose fault that is."""
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

    @property
    def id(self) -> str:
        """Its id on the engine; for an archive on disk the digest of its config, which many engines would use."""
        return self._name or self._contents.config_digest

    @property
    def digest(self) -> str | None:
        """The digest of its manifest, where the engine or the archive on disk knows one."""
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
        return tuple(
            Layer(index, blob.diff_id, blob.size, made[index], self._measured.members.get(name, ()))
            for index, name in enumerate(contents.layers)
            for blob in (contents.blobs[name],)
        )

    @property
    def size(self) -> int:
        """Bytes of all uncompressed layers."""
        return sum(layer.size for layer in self.layers)

    @cached_property
    def files(self) -> FileSystem:
        """The file system that a container of this image sees."""
        return FileSystem([layer.members for layer in self.layers])

    def read(self, path: str, limit: int = KEPT_SIZE) -> bytes | None:
        """The first `limit` bytes of a file a container sees, links followed; None where there is no such file."""
        return self.read_all([path], limit)[path]

    def read_all(self, paths: Iterable[str], limit: int = KEPT_SIZE) -> dict[str, bytes | None]:
        """`read` for several files with one pass over the archive, and none where all were kept on the first."""
        names = self._contents.layers
        found: dict[str, bytes | None] = {}
        wanted: dict[Content, list[str]] = {}
        for path in paths:
            content = self.files.content(path)
            if content is None:
                found[path] = None
                continue
            blob = names[content.layer]
            kept = self._measured.kept.get((blob, content.number))
            if kept is not None:
                found[path] = bytes(kept[:limit])
            else:
                # A layer that occurs twice is shown at its first place.
                wanted.setdefault(Content(names.index(blob), content.number), []).append(path)
        if wanted:
            reading = _Reading(wanted, limit)
            self.visit(reading, {content.layer for content in wanted})
            for content, aliases in wanted.items():
                found |= {path: bytes(reading.data.get(content, b"")) for path in aliases}
        return found

    def write_layout(self, folder: Path) -> None:
        """Write the image as an OCI layout, its layers uncompressed and each under its digest: the same whatever the
        archive it came from. OSError where there is no room."""
        from grader.facts.layout import Layout

        contents = self._contents
        layout = Layout(folder, {name: contents.blobs[name].diff_id for name in contents.layers})
        self._read(layout, skip=contents.blobs.keys() - set(contents.layers))
        layout.finish(contents.config, [(layer.diff_id, layer.size) for layer in self.layers])

    def visit(self, visitor: Visitor, layers: Collection[int] | None = None) -> None:
        """Show `visitor` the files of these layers, or of every one, hidden ones too, with their content as it asks.

        One pass. A layer that occurs twice is shown at its first place.
        """
        names = self._contents.layers
        places = {name: names.index(name) for name in names}
        shown = {name: place for name, place in places.items() if layers is None or place in layers}
        if shown:
            self._read(_Adapter(visitor, shown), skip=places.keys() - shown.keys())

    @cached_property
    def compressed_sizes(self) -> Sequence[int]:
        """Bytes of each layer compressed by us (gzip, level 6): what a registry would serve, the same on every engine.

        Some 35 MB a second, so only who asks pays, and a layer met before in this process (a base image's) is not
        compressed again.
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
    """Notes every member of every layer, and keeps a few small files."""

    def __init__(self) -> None:
        self.members: dict[str, list[Member]] = {}
        self.kept: dict[tuple[str, int], bytearray] = {}
        self.contents: Contents | None = None
        self._count = 0
        self._names = 0

    def layer(self, blob: str) -> Sink | None:
        return None

    def member(self, blob: str, number: int, member: Member) -> Sink | None:
        self._count += 1
        self._names += len(member.path) + len(member.link)
        if self._count > MAX_ENTRIES or self._names > MAX_NAMES:
            raise SubmissionFault(f"the image's layers hold more than {MAX_ENTRIES} files, or their names are too long")
        self.members.setdefault(blob, []).append(member)
        if member.path in KEPT and member.kind == "file" and member.size <= KEPT_SIZE:
            kept = self.kept[blob, number] = bytearray()
            return _Keep(kept, KEPT_SIZE)
        return None


class _Keep:
    """Keeps the beginning of a content."""

    def __init__(self, data: bytearray, limit: int) -> None:
        self._data = data
        self._limit = limit

    def write(self, data: memoryview) -> None:
        self._data += data[: max(0, self._limit - len(self._data))]

    def close(self) -> None:
        pass


class _Adapter:
    """Tells a Visitor of layers by number."""

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
        return _Keep(data, self._limit)


def _words(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value or ())  # type: ignore[attr-defined]


def _healthcheck(raw: Mapping[str, Any] | None) -> Healthcheck | None:
    if not raw:
        return None
    interval, timeout, start = (float(raw.get(key) or 0) / 1e9 for key in ("Interval", "Timeout", "StartPeriod"))
    return Healthcheck(_words(raw.get("Test")), interval, timeout, start, int(raw.get("Retries") or 0))
