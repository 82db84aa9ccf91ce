"""Ask the engine for an image's archive once, and keep a copy on disk for whoever reads it again.

An engine takes seconds to export an image, and several checks read it: its layers first, then the content of certain
files. The copy has exactly the bytes that were read first, when their digests were verified, and is in the grading's
private folder. An archive that is larger than KEPT, or too large for the disk, is not kept: the engine is asked again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from grader.facts.image.archive import open_file

KEPT = 500_000_000
"""Bytes of the largest archive that is kept."""

Source = Callable[[], AbstractContextManager[Iterator[bytes]]]
"""Opens an image's archive, as often as it is called."""


class CachedArchive:
    """A source that keeps a copy in `folder` once it has been read to its end. Call it to open the archive."""

    def __init__(self, source: Source, folder: Path, limit: int = KEPT) -> None:
        self._source = source
        self._folder = folder
        self._limit = limit
        self._copy: Path | None = None

    @contextmanager
    def __call__(self) -> Iterator[Iterator[bytes]]:
        if self._copy:
            with open_file(self._copy) as chunks:
                yield chunks
            return
        copy = _Copy(self._folder / f"image-{secrets.token_hex(8)}", self._limit)
        try:
            with self._source() as chunks:
                yield self._keeping(chunks, copy)
        finally:
            if not self._copy:
                copy.drop()

    def _keeping(self, chunks: Iterator[bytes], copy: _Copy) -> Iterator[bytes]:
        for chunk in chunks:
            copy.add(chunk)
            yield chunk
        self._copy = copy.finished()


class _Copy:
    """A file that is given up at the first error: it only saves time."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._left = limit
        self._file: BinaryIO | None = None
        with suppress(OSError):
            self._file = path.open("xb")

    def add(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if not self._file:
            return
        try:
            self._file.write(chunk)
        except OSError:
            self._left = -1
        if self._left < 0:
            self.drop()

    def finished(self) -> Path | None:
        """Return its path, and None if it was given up."""
        if self._file:
            try:
                self._file.close()
            except OSError:
                self.drop()
        return self._path if self._file else None

    def drop(self) -> None:
        file, self._file = self._file, None
        if file:
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                self._path.unlink()
