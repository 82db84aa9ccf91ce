"""Unpacking zstd: whole or in pieces, several frames, bombs, and damage."""

from __future__ import annotations

import os

import pytest

from grader.facts.image.tar import BadArchive
from grader.facts.image.zstd import CHUNK, MAGIC, Unpack, recognise
from tests.grader.registries import zstd

DATA = {"nothing": b"", "a few": b"abc" * 1000, "noise": os.urandom(700_000), "a bomb": b"\0" * 50_000_000}


@pytest.mark.parametrize("step", [CHUNK, 7_777])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_what_comes_out(data: bytes, times: int, step: int) -> None:
    packed = zstd(data) * times
    assert packed.startswith(MAGIC)
    unpack = Unpack()
    parts = [part for at in range(0, len(packed), step) for part in unpack(memoryview(packed)[at : at + step])]
    assert all(len(part) <= CHUNK for part in parts)
    assert b"".join(parts) == data * times


@pytest.mark.parametrize("packed", [MAGIC + b"garbage" * 100, zstd(b"x" * 1000)[:-4] + b"\xff" * 40, b"no such thing"])
def test_damage(packed: bytes) -> None:
    with pytest.raises(BadArchive, match="compression is damaged"):
        list(Unpack()(packed))


SKIPPED = b"\x50\x2a\x4d\x18\x05\0\0\0table"


@pytest.mark.parametrize("step", [CHUNK, 3])
@pytest.mark.parametrize("packed", [SKIPPED + zstd(b"x"), zstd(b"x") + SKIPPED, SKIPPED * 2 + zstd(b"x") + SKIPPED])
def test_frames_to_skip(packed: bytes, step: int) -> None:
    """As zstd:chunked has them for its table of contents."""
    unpack = Unpack()
    assert b"".join(part for at in range(0, len(packed), step) for part in unpack(packed[at : at + step])) == b"x"


@pytest.mark.parametrize(
    ("head", "zstd"),
    [(MAGIC, True), (SKIPPED, True), (b"\x5f\x2a\x4d\x18", True), (b"\x60\x2a\x4d\x18", False), (b"", False)],
)
def test_how_it_begins(head: bytes, zstd: bool) -> None:
    assert recognise(head) is zstd
