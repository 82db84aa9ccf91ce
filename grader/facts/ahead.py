"""Read ahead: one thread waits for what comes, while another works on what has come."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from grader.halt import Halted, ended_by

PIECE = 1 << 18
"""Bytes that are handed over at a time, at least; smaller pieces are put together."""
WAITING = 8
"""Pieces that may wait."""


@contextmanager
def ahead(chunks: Iterable[bytes]) -> Iterator[Iterator[bytes]]:
    """The same bytes, in other pieces, read by a thread of its own for as long as the block lasts.

    What reading raises is raised where it would have been read. Decompression and digests, which are most of the work
    on an archive, leave Python's lock alone: so they go on while the next bytes come.
    """
    reading = _Reading(chunks)
    thread = threading.Thread(target=reading.run, name="read-ahead", daemon=True)
    thread.start()
    try:
        with ended_by(reading.stop):
            yield iter(reading)
    finally:
        reading.stop()
        thread.join(timeout=1.0)  # one that still waits for bytes ends when their source is closed


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
        """Hand it over; False where nobody wants it any more."""
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
                    raise Halted
                if not self._pieces:
                    break
                piece = self._pieces.popleft()
                self._changed.notify_all()
            yield piece
        if self._fault:
            raise self._fault
