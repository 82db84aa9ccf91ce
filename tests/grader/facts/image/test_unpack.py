"""Compressed files, whole and in any pieces, damaged ones, and ones that hold far more than they weigh."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable

import pytest

from grader.facts.image.unpack import CHUNK, recognise
from tests.grader.registries import zstd

CONTENT = b"begin " + os.urandom(70_000) + b" end"


def zipped(method: int, *, streamed: bool = False) -> bytes:
    file = io.BytesIO()

    class Unseekable(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            return file.write(data)  # type: ignore[arg-type]

    with zipfile.ZipFile(Unseekable() if streamed else file, "w", method) as archive:
        archive.writestr("first", b"one")
        archive.writestr("empty", b"")
        archive.writestr("second", CONTENT)
    return file.getvalue()


PACKED: dict[str, bytes] = {
    "gzip": gzip.compress(CONTENT),
    "two gzips": gzip.compress(CONTENT[:100]) + gzip.compress(CONTENT[100:]),
    "padded gzip": gzip.compress(CONTENT) + bytes(600),
    "zlib": zlib.compress(CONTENT, 1),
    "bzip2": bz2.compress(CONTENT),
    "xz": lzma.compress(CONTENT),
    "two xz": lzma.compress(CONTENT[:100]) + lzma.compress(CONTENT[100:]),
    "zstd": zstd(CONTENT),
    "two zstd": zstd(CONTENT[:100]) + zstd(CONTENT[100:]),
    "zstd behind a frame to skip": b"\x50\x2a\x4d\x18\x05\0\0\0table" + zstd(CONTENT),
    "zip": zipped(zipfile.ZIP_DEFLATED),
    "zip, stored": zipped(zipfile.ZIP_STORED),
    "zip, streamed": zipped(zipfile.ZIP_DEFLATED, streamed=True),
}


def unpacked(data: bytes, size: int) -> bytes:
    make = recognise(data[:16])
    assert make
    unpack = make()
    found = []
    try:
        for at in range(0, len(data), size):
            for part in unpack(data[at : at + size]):
                assert len(part) <= CHUNK
                found.append(part)
    except ValueError:
        pass
    return b"".join(found)


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize("kind", PACKED)
def test_what_it_holds(kind: str, size: int) -> None:
    found = unpacked(PACKED[kind], size)
    assert CONTENT in found
    if kind.startswith("zip"):
        assert b"first" in found
        assert b"one" in found


@pytest.mark.parametrize("kind", [kind for kind in PACKED if kind != "zip, stored"])
def test_damage_ends_it(kind: str) -> None:
    data = bytearray(PACKED[kind])
    data[2000:3000] = bytes(1000)
    assert CONTENT not in unpacked(bytes(data), 500)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress, zstd])
def test_a_bomb_comes_in_pieces(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(20_000_000))
    assert len(bomb) < 50_000
    make = recognise(bomb[:16])
    assert make
    total = 0
    for part in make()(bomb):
        assert len(part) <= CHUNK
        total += len(part)
        if total > 5_000_000:
            break
    assert 5_000_000 < total < 6_000_000


@pytest.mark.parametrize("head", [b"", b"\x1f", b"#!/bin/sh", b"\x7fELF", b"x", b"BZ", b"PK\x05\x06"])
def test_what_is_not_compressed(head: bytes) -> None:
    assert recognise(head) is None
