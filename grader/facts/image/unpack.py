"""Look into compressed files as they stream by: gzip, zlib (git's objects), bzip2, xz, zstd, and the members of zip
archives.

They are recognised by how they begin, also in the middle of something else (an archive of archives, a script that
unpacks itself, a program followed by a zip archive) and in base64.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import lzma
import re
import struct
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple, Protocol

from grader.facts.image import zstd
from grader.facts.image.tar import BadArchive

CHUNK = 1 << 18
_ZIP = b"PK\x03\x04"
# signature, version, flags, method, time, date, crc, compressed, size, name length, extra length
_LOCAL = struct.Struct("<4sHHHHHIIIHH")


class Unpacker(Protocol):
    """Takes compressed bytes and yields their content, in pieces of at most CHUNK. Raises ValueError if damaged."""

    def __call__(self, data: bytes) -> Iterator[bytes]: ...


def recognise(head: bytes) -> Callable[[], Unpacker] | None:
    """Return what unpacks a file that begins like this, and None if it is not compressed in a way known here."""
    if head[:2] == b"\x1f\x8b":
        return lambda: _Streams(lambda: zlib.decompressobj(wbits=31))
    if head[:3] == b"BZh":
        return lambda: _Streams(bz2.BZ2Decompressor)
    if head[:6] == b"\xfd7zXZ\0":
        return lambda: _Streams(lambda: lzma.LZMADecompressor(memlimit=1 << 27))
    if zstd.recognise(head):
        return _Zstd
    if head[:4] == _ZIP:
        return _Zip
    if head[:1] == b"\x78" and head[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
        return lambda: _Streams(zlib.decompressobj)
    return None


# How gzip, bzip2, xz, zip and zstd begin, also in base64. Long enough to occur seldom by accident inside a file.
_BEGINNING = re.compile(
    rb"\x1f\x8b\x08[\0-\x1f]|BZh[1-9]1AY&SY|\xfd7zXZ\0|PK\x03\x04[\n-?]\0|\x28\xb5\x2f\xfd"
    rb"|H4sI[A-H]|Qlpo[MNO][A-Za-z]FBWSZT|/Td6WFoA|UEsDB[A-P]|KLUv/[Q-Za-f]"
)
LONGEST_BEGINNING = 14
"""Bytes."""


class Beginning(NamedTuple):
    """Where something compressed seems to begin, how it is compressed, and what unpacks it."""

    start: int
    end: int
    """End of the bytes that it was recognised by."""
    kind: bytes
    make: Callable[[], Unpacker]


def beginnings(data: bytes, *, first: bool) -> Iterator[Beginning]:
    """Yield what seems to begin in the data. With `first`, the data is the start of a file, where less is enough to
    recognise it."""
    make = recognise(data[:16]) if first else None
    if make:
        yield Beginning(0, 16, data[:2], make)
    for match in _BEGINNING.finditer(data):
        if match.start() or not make:
            yield Beginning(match.start(), match.end(), match[0][:2], recognise(match[0]) or _Base64)


class _Base64:
    """Decodes base64, in lines or not. Raises ValueError at its end."""

    def __init__(self) -> None:
        self._left = b""

    def __call__(self, data: bytes) -> Iterator[bytes]:
        end = _NOT_BASE64.search(data)
        text = self._left + (data[: end.start()] if end else data).translate(None, b"\r\n")
        whole = len(text) - len(text) % 4
        self._left = text[whole:]
        if whole:
            try:
                yield base64.b64decode(text[:whole])
            except binascii.Error as problem:
                raise ValueError("damaged") from problem
        if end:
            if len(self._left) > 1:  # written without its padding
                yield base64.b64decode(self._left + b"=" * (4 - len(self._left)))
            raise ValueError("the end")


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/\r\n]")


class _Streams:
    """Unpacks one compressed stream after the other, and ignores what follows the last."""

    def __init__(self, make: Callable[[], zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> None:
        self._make = make
        self._state = make()

    def __call__(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._state.eof:
                self._state = self._make()
            try:
                out = self._state.decompress(data, CHUNK)
            except (zlib.error, OSError, lzma.LZMAError, EOFError) as problem:
                raise ValueError("damaged") from problem
            if out:
                yield out
            if self._state.eof:
                data = self._state.unused_data.lstrip(b"\0")
            elif isinstance(self._state, (bz2.BZ2Decompressor, lzma.LZMADecompressor)):
                data = b""
                while not self._state.needs_input and not self._state.eof:
                    try:
                        yield self._state.decompress(b"", CHUNK)
                    except (OSError, lzma.LZMAError) as problem:
                        raise ValueError("damaged") from problem
                if self._state.eof:
                    data = self._state.unused_data.lstrip(b"\0")
            else:
                data = self._state.unconsumed_tail


class _Zstd:
    """Unpacks zstd. With the windows of all that may be open at a time it stays within the memory that xz has."""

    def __init__(self) -> None:
        self._unpack = zstd.Unpack(window=25)

    def __call__(self, data: bytes) -> Iterator[bytes]:
        try:
            yield from self._unpack(data)
        except BadArchive as problem:
            raise ValueError("damaged") from problem


class _Zip:
    """Unpacks the members of a zip archive, one after the other, as their local headers announce them.

    Raises ValueError at the central directory, and at a member that is encrypted or not compressed with deflate.
    """

    def __init__(self) -> None:
        self._part = b""
        self._left = 0
        """Bytes of a stored member still to come."""
        self._state: zlib._Decompress | None = None
        self._descriptor = False

    def __call__(self, data: bytes) -> Iterator[bytes]:
        data = self._part + data
        self._part = b""
        while data:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                yield piece
            elif self._state:
                data = yield from self._inflate(self._state, data)
            else:
                if self._descriptor:
                    at = data.find(_ZIP, 0, 28)  # after the sizes of a member that did not announce them
                    if at < 0 and len(data) < 28:
                        self._part = data
                        return
                    data, self._descriptor = data[max(0, at) :], False
                if len(data) < _LOCAL.size:
                    self._part = data
                    return
                header = _LOCAL.unpack_from(data)
                end = _LOCAL.size + header[9] + header[10]
                if header[0] != _ZIP or header[2] & 1 or header[3] not in (0, 8) or (header[3] == 0 and header[2] & 8):
                    raise ValueError("the end, or a member that cannot be looked into")
                if len(data) < end:
                    self._part = data
                    return
                yield data[_LOCAL.size : end]  # its name
                data = data[end:]
                self._descriptor = bool(header[2] & 8)
                if header[3] == 0:
                    self._left = header[7]
                elif header[7] or self._descriptor:
                    self._state = zlib.decompressobj(wbits=-15)

    def _inflate(self, state: zlib._Decompress, data: bytes) -> Generator[bytes, None, bytes]:
        try:
            out = state.decompress(data, CHUNK)
        except zlib.error as problem:
            raise ValueError("damaged") from problem
        if out:
            yield out
        if state.eof:
            self._state = None
            return state.unused_data
        return state.unconsumed_tail
