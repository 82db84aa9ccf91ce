"""Look into compressed files as they stream by: gzip, zlib (git's objects), bzip2, xz, the members of zip archives.

They are known by how they begin, also in the midst of something else (an archive of archives, a script that unpacks
itself, a program with a zip behind it) and in base64.
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

CHUNK = 1 << 18
_ZIP = b"PK\x03\x04"
# signature, version, flags, method, time, date, crc, compressed, size, name length, extra length
_LOCAL = struct.Struct("<4sHHHHHIIIHH")


class Unpacker(Protocol):
    """Takes compressed bytes and gives what they hold, in pieces of at most CHUNK. ValueError where damaged."""

    def __call__(self, data: bytes) -> Iterator[bytes]: ...


def recognise(head: bytes) -> Callable[[], Unpacker] | None:
    """What unpacks a file that begins so; None where it is not compressed in a way that is known here."""
    if head[:2] == b"\x1f\x8b":
        return lambda: _Streams(lambda: zlib.decompressobj(wbits=31))
    if head[:3] == b"BZh":
        return lambda: _Streams(bz2.BZ2Decompressor)
    if head[:6] == b"\xfd7zXZ\0":
        return lambda: _Streams(lambda: lzma.LZMADecompressor(memlimit=1 << 27))
    if head[:4] == _ZIP:
        return _Zip
    if head[:1] == b"\x78" and head[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
        return lambda: _Streams(zlib.decompressobj)
    return None


# How they begin in the midst of something, and in base64: gzip, bzip2, xz, zip. Long enough to be seldom an accident.
_BEGINNING = re.compile(
    rb"\x1f\x8b\x08[\0-\x1f]|BZh[1-9]1AY&SY|\xfd7zXZ\0|PK\x03\x04[\n-?]\0|H4sI[A-H]|Qlpo[MNO][A-Za-z]FBWSZT|/Td6WFoA|UEsDB[A-P]"
)
LONGEST_BEGINNING = 14
"""Bytes."""


class Beginning(NamedTuple):
    """Where something compressed seems to begin, in which way it is, and what unpacks it."""

    start: int
    end: int
    """Of what it is known by."""
    kind: bytes
    make: Callable[[], Unpacker]


def beginnings(data: bytes, *, first: bool) -> Iterator[Beginning]:
    """What seems to begin in the data; `first`: a file begins with them, and then less is enough to know it by."""
    make = recognise(data[:16]) if first else None
    if make:
        yield Beginning(0, 16, data[:2], make)
    for match in _BEGINNING.finditer(data):
        if match.start() or not make:
            yield Beginning(match.start(), match.end(), match[0][:2], recognise(match[0]) or _Base64)


class _Base64:
    """What stands in base64, in lines or not. ValueError where that ends."""

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
    """One compressed stream after the other; what stands behind the last is left alone."""

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


class _Zip:
    """The members of a zip archive, one after the other, as their local headers announce them. ValueError at the
    central directory and at what is encrypted or compressed in another way than by deflate."""

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
                    at = data.find(_ZIP, 0, 28)  # behind the sizes of a member that did not announce them
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
