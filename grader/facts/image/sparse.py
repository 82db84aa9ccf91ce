"""Sparse files in tar archives: the archive leaves the holes out, and a map says where each piece belongs.

GNU tar writes the map into PAX records (0.0 and 0.1), or before the content (1.0). See "Storing Sparse Files" in its
manual. An engine fills the holes with zeros. It refuses a layer in GNU tar's older format, with the map in the header.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

BLOCK = 512
MAX_MAP = 1 << 20
"""Bytes of one map. A larger one is refused."""
_ZEROS = memoryview(bytes(1 << 18))

NAME, SIZE, REAL_SIZE = "GNU.sparse.name", "GNU.sparse.size", "GNU.sparse.realsize"
MAJOR, MINOR, MAP, COUNT = "GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.map", "GNU.sparse.numblocks"
PIECE = ("GNU.sparse.offset", "GNU.sparse.numbytes")
"""Records of 0.0, one pair for each piece. `Pieces` makes a map of them."""
RECORDS = frozenset((NAME, SIZE, REAL_SIZE, MAJOR, MINOR, MAP, COUNT, *PIECE))

Span = tuple[int, int]
"""Where a piece of the content belongs, and its bytes."""


class BadMap(Exception):
    """The map is malformed, or does not fit the content."""


class Sink(Protocol):
    """Takes the content of a file."""

    def write(self, data: memoryview) -> None: ...
    def close(self) -> None: ...


class Beginning:
    """Keeps the beginning of a file: at most `limit` bytes, in `data`."""

    def __init__(self, data: bytearray, limit: int) -> None:
        self._data = data
        self._limit = limit

    def write(self, data: memoryview) -> None:
        self._data += data[: max(0, self._limit - len(self._data))]

    def close(self) -> None:
        pass


def is_sparse(records: Mapping[str, str]) -> bool:
    """Whether PAX records are those of a sparse file of a known version."""
    version = records.get(MAJOR, ""), records.get(MINOR, "")
    return version in (("0", "0"), ("0", "1"), ("1", "0")) or (version == ("", "") and bool(records.get(MAP)))


def spans_of(records: Mapping[str, str]) -> Sequence[Span] | None:
    """Return the map of a sparse file; None if it is at the beginning of the content (1.0)."""
    if records.get(MAJOR) == "1":
        return None
    text = records.get(MAP, "")
    spans = _pairs(text.split(",") if text else ())
    if records.get(COUNT) != str(len(spans)):
        raise BadMap("a sparse file has a malformed map")
    return spans


def _pairs(numbers: Iterable[str]) -> list[Span]:
    texts = list(numbers)
    if len(texts) % 2 or not all(text.isascii() and text.isdigit() and len(text) < 20 for text in texts):
        raise BadMap("a sparse file has a malformed map")
    values = [int(text) for text in texts]
    return list(zip(values[::2], values[1::2], strict=True))


class Expand:
    """Takes what the archive holds of a sparse file, and gives its sink the content with the holes."""

    def __init__(self, sink: Sink | None, size: int, spans: Sequence[Span] | None) -> None:
        """`size` is that of the content. If `spans` is None, the map comes before the content."""
        self._sink = sink
        self._size = size
        self._at = 0  # in the content
        self._map: bytearray | None = bytearray() if spans is None else None
        self._spans: list[Span] = []
        if spans is not None:
            self._use(spans)

    def write(self, data: memoryview) -> None:
        """Take more. Raises BadMap if the map is malformed or does not fit."""
        if self._map is not None:
            self._map += data
            rest = self._read_map(self._map)
            if rest is None:
                return
            self._map, data = None, memoryview(rest)
        while data:
            if not self._spans:
                raise BadMap("a sparse file has more content than its map says")
            start, length = self._spans[-1]
            self._fill(start)
            take = min(length, len(data))
            if self._sink:
                self._sink.write(data[:take])
            self._at += take
            data = data[take:]
            if take == length:
                self._spans.pop()
            else:
                self._spans[-1] = start + take, length - take

    def close(self) -> None:
        """End the file. Raises BadMap if content is missing."""
        if self._map is not None or any(length for _, length in self._spans):
            raise BadMap("a sparse file has less content than its map says")
        self._fill(self._size)
        if self._sink:
            self._sink.close()

    def _use(self, spans: Sequence[Span]) -> None:
        end = 0
        for start, length in spans:
            if start < end or start + length > self._size:
                raise BadMap("a sparse file has a malformed map")
            end = start + length
        self._spans = [span for span in reversed(spans) if span[1]]

    def _fill(self, to: int) -> None:
        while self._at < to:
            take = min(to - self._at, len(_ZEROS))
            if self._sink:
                self._sink.write(_ZEROS[:take])
            self._at += take

    def _read_map(self, held: bytearray) -> bytes | None:
        """Read "COUNT, OFFSET, BYTES, …", each on a line of its own, filled up to whole blocks.

        Returns what follows, and None if more has to come.
        """
        count, newline, _ = bytes(held[:24]).partition(b"\n")
        if not newline and len(held) < 24:
            return None
        if not newline or not count.isdigit():
            raise BadMap("a sparse file has a malformed map")
        wanted = 1 + 2 * int(count)
        if 2 * wanted > MAX_MAP or (len(held) > MAX_MAP and held.count(b"\n", 0, MAX_MAP) < wanted):
            raise BadMap("a sparse file has a map without end")
        lines = bytes(held[:MAX_MAP]).split(b"\n", wanted)
        if len(lines) <= wanted:
            return None
        length = sum(len(line) + 1 for line in lines[:wanted])
        whole = length + -length % BLOCK
        if len(held) < whole:
            return None
        self._use(_pairs(line.decode("latin-1") for line in lines[1:wanted]))
        return bytes(held[whole:])
