"""Decompress zstd, which some builders use for layers."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from grader.facts.image.tar import BadArchive

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
"""How a frame begins that holds something else, such as the table of contents of zstd:chunked (RFC 8878, 3.1.2)."""
CHUNK = 1 << 18
"""Bytes that come out at a time, whatever the ratio."""


def recognise(head: bytes) -> bool:
    """Whether bytes that begin like this are compressed with zstd. A skippable frame may come first."""
    return head[:4] == MAGIC or int.from_bytes(head[:4], "little") in _SKIPPABLE


class Unpack:
    """Takes the bytes of a stream of frames as they come, and yields their content. Raises BadArchive if damaged."""

    def __init__(self, window: int = 27) -> None:
        """It looks back at most 2 to the power of `window` bytes, and needs as much memory. 27 is what zstd itself
        takes without being told."""
        self._options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: window}
        self._state = zstd.ZstdDecompressor(options=self._options)

    def __call__(self, data: bytes | memoryview) -> Iterator[bytes]:
        rest = bytes(data)
        try:
            while True:
                if self._state.eof:
                    if not rest:
                        return
                    self._state = zstd.ZstdDecompressor(options=self._options)
                out = self._state.decompress(rest, CHUNK)
                if out:
                    yield out
                rest = self._state.unused_data if self._state.eof else b""
                if not self._state.eof and self._state.needs_input:
                    return
        except zstd.ZstdError as problem:
            raise BadArchive(f"a layer's compression is damaged ({problem})") from None
