"""Read ahead: one thread waits for more bytes while another works on those that came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from grader.lib.cancel import Cancelled, on_cancel

PIECE = 1 << 18
"""Bytes that are handed over at a time at least. Smaller pieces are joined."""
WAITING = 8
"""Pieces that may wait to be read."""


@contextmanager
def read_ahead(chunks: Iterable[bytes]) -> Iterator[Iterator[bytes]]:
    """Read the chunks in another thread for the duration of the block. Yields the same bytes, in other pieces.

    An error in reading is raised when its place is reached. Decompression and digests, which are most of the work on an
    archive, do not hold Python's lock, so they go on while the next bytes come.
    """
    reading = _Reading(chunks)
    thread = threading.Thread(target=reading.run, name="read-ahead", daemon=True)
    thread.start()
    try:
        with on_cancel(reading.stop):
            yield iter(reading)
    finally:
        reading.stop()
        thread.join(timeout=1.0)  # if it still waits for bytes, it ends when their source is closed


class _Reading:
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._pieces: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._ended = self._stopped = False
        self._fault: BaseException | None = None

    def run(self) -> None:
        try:
            piece = bytearray()
            for chunk in self._chunks:
                piece += chunk
                if len(piece) >= PIECE:
                    if not self._put(bytes(piece)):
                        return
                    piece.clear()
            self._put(bytes(piece))
        except BaseException as fault:
            self._fault = fault
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, piece: bytes) -> bool:
        """Hand over a piece. Returns False if nobody reads any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._pieces) < WAITING)
            if piece:
                self._pieces.append(piece)
            self._changed.notify_all()
            return not self._stopped

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pieces or self._ended or self._stopped)
                if self._stopped:
                    raise Cancelled
                if not self._pieces:
                    break
                piece = self._pieces.popleft()
                self._changed.notify_all()
            yield piece
        if self._fault:
            raise self._fault
