"""Read what a container prints while it runs: the beginning and the end of each stream are kept."""

from __future__ import annotations

import threading

from grader.errors import EngineFailure, GraderError
from grader.facts.engine.engine import Output
from grader.lib.patience import stretched

OUTPUT = 1 << 20
"""Bytes kept of standard output and of standard error: the beginning and the end of each."""
PATIENCE = 10.0
"""Seconds that the stream of a container's output may go on after the container ended."""
FLOOD = 256 << 20
"""Bytes of output after which a container is stopped."""


class OutputReader:
    """Reads a container's output in a thread of its own, so that a flood neither blocks nor piles up."""

    def __init__(self, stream: Output) -> None:
        self._stream = stream
        self._kept = (_Kept(), _Kept())
        self.flooded = False
        self._broken = ""
        self._thread = threading.Thread(target=self._read, name="container-output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        total = 0
        try:
            for pair in self._stream:
                for chunk, kept in zip(pair, self._kept, strict=True):
                    if chunk:
                        kept.add(chunk)
                        total += len(chunk)
                self.flooded = total > FLOOD
        except (GraderError, OSError, ValueError) as problem:
            self._broken = str(problem) or type(problem).__name__

    def finish(self) -> None:
        """Wait until everything that was printed has been read.

        Raises EngineFailure if the stream broke or does not end: then something of the output is missing.
        """
        patience = stretched(PATIENCE)
        self._thread.join(patience)
        if self._thread.is_alive() or self._broken:
            why = self._broken or f"it goes on {patience:.0f} s after the container ended"
            raise EngineFailure(f"a container's output could not be read to its end ({why}): grade again")

    def complete(self, *logs: bytes) -> None:
        """Take over what the engine kept, if that is more. An engine accepts a reader a moment before it begins to
        send to it, and a busy one loses there what a quick program prints."""
        for kept, log in zip(self._kept, logs, strict=True):
            if len(log) > kept.size:
                kept.replace(log)

    def text(self, stream: int) -> str:
        return self._kept[stream].text()


class _Kept:
    """The beginning and the end of a stream."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head = bytearray()
        self._tail = bytearray()
        self.size = 0

    def replace(self, data: bytes) -> None:
        with self._lock:
            self.size = 0
            self._head.clear()
            self._tail.clear()
        self.add(data)

    def add(self, data: bytes) -> None:
        with self._lock:
            self.size += len(data)
            room = max(0, OUTPUT // 2 - len(self._head))
            self._head += data[:room]
            self._tail += data[room:]
            if len(self._tail) > OUTPUT:
                del self._tail[: -OUTPUT // 2]

    def text(self) -> str:
        with self._lock:
            tail = bytes(self._tail[-OUTPUT // 2 :])
            cut = self.size - len(self._head) - len(tail)
            middle = f"\n… {cut} bytes left out …\n".encode() if cut else b""
            return (bytes(self._head) + middle + tail).decode("utf-8", "replace")
