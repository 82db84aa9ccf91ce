"""Unpack zstd, in which some builders pack layers."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from grader.facts.tar import BadArchive

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"\x28\xb5\x2f\xfd"
CHUNK = 1 << 18
"""Bytes that come out at a time, however well they were packed."""


class Unpack:
    """Takes the packed bytes of one stream of frames, as they come, and gives what they hold. BadArchive where they are
    damaged."""

    def __init__(self) -> None:
        self._state = zstd.ZstdDecompressor()

    def __call__(self, data: bytes | memoryview) -> Iterator[bytes]:
        rest = bytes(data)
        try:
            while True:
                if self._state.eof:
                    if not rest:
                        return
                    self._state = zstd.ZstdDecompressor()
                out = self._state.decompress(rest, CHUNK)
                if out:
                    yield out
                rest = self._state.unused_data if self._state.eof else b""
                if not self._state.eof and self._state.needs_input:
                    return
        except zstd.ZstdError as problem:
            raise BadArchive(f"a layer's compression is damaged ({problem})") from None
