"""Unpack zstd, in which some builders pack layers: by Python where it can (3.14), else by the system's C library."""

from __future__ import annotations

import ctypes
import ctypes.util
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Protocol

from grader.errors import GraderError
from grader.facts.tar import BadArchive

MAGIC = b"\x28\xb5\x2f\xfd"
CHUNK = 1 << 18
"""Bytes that come out at a time, however well they were packed."""


class Unpack(Protocol):
    """Takes packed bytes and gives what they hold. BadArchive where they are damaged."""

    def __call__(self, data: bytes | memoryview) -> Iterator[bytes]: ...


@cache
def unpacker() -> Callable[[], Unpack]:
    """What makes an `Unpack` for one stream of frames. GraderError where this machine has nothing that can."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        library = _library()
        return lambda: _Library(library)
    return lambda: _Python(zstd)


class _Python:
    """By the module of Python 3.14."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._state = module.ZstdDecompressor()

    def __call__(self, data: bytes | memoryview) -> Iterator[bytes]:
        rest = bytes(data)
        try:
            while True:
                if self._state.eof:
                    if not rest:
                        return
                    self._state = self._module.ZstdDecompressor()
                out = self._state.decompress(rest, CHUNK)
                if out:
                    yield out
                rest = self._state.unused_data if self._state.eof else b""
                if not self._state.eof and self._state.needs_input:
                    return
        except self._module.ZstdError as problem:
            raise BadArchive(f"a layer's compression is damaged ({problem})") from None


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("at", ctypes.c_size_t)]


class _Library:
    """By libzstd. It takes windows of up to 128 MiB, as the zstd program does."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._state = library.ZSTD_createDCtx()
        if not self._state:
            raise MemoryError
        weakref.finalize(self, library.ZSTD_freeDCtx, self._state)
        self._out = ctypes.create_string_buffer(CHUNK)

    def __call__(self, data: bytes | memoryview) -> Iterator[bytes]:
        packed = bytes(data)
        given = _Buffer(ctypes.cast(ctypes.c_char_p(packed), ctypes.c_void_p), len(packed), 0)
        full = False
        while given.at < given.size or full:
            came = _Buffer(ctypes.addressof(self._out), CHUNK, 0)
            left = self._library.ZSTD_decompressStream(self._state, ctypes.byref(came), ctypes.byref(given))
            if self._library.ZSTD_isError(left):
                why = self._library.ZSTD_getErrorName(left).decode("ascii", "replace")
                raise BadArchive(f"a layer's compression is damaged ({why})")
            if came.at:
                yield self._out.raw[: came.at]
            full = came.at == CHUNK  # more may be waiting, with nothing more to give


def _library() -> ctypes.CDLL:
    """The system's libzstd. GraderError where there is none."""
    name = ctypes.util.find_library("zstd")
    try:
        if name is None:
            raise OSError
        library = ctypes.CDLL(name)
        library.ZSTD_createDCtx.restype = ctypes.c_void_p
        library.ZSTD_freeDCtx.argtypes = [ctypes.c_void_p]
        library.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Buffer), ctypes.POINTER(_Buffer)]
        library.ZSTD_decompressStream.restype = ctypes.c_size_t
        library.ZSTD_isError.argtypes = [ctypes.c_size_t]
        library.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
        library.ZSTD_getErrorName.restype = ctypes.c_char_p
    except (OSError, AttributeError):
        raise GraderError(
            "a layer is compressed with zstd, which this machine cannot read: install libzstd, use Python 3.14, or "
            "build with gzip layers"
        ) from None
    return library
