"""Ports of this machine's loopback, at the same address inside another network namespace (Linux)."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from layerwise.errors import LabError

_CLONE_NEWNET = 0x40000000
_CHUNK = 1 << 16

Stop = tuple[asyncio.AbstractEventLoop, asyncio.Event]


@contextmanager
def running(namespace: Path, ports: Sequence[int]) -> Iterator[None]:
    """For as long as the block lasts, connect 127.0.0.1:PORT in the network of `namespace` (a path such as
    /proc/PID/ns/net) to 127.0.0.1:PORT here. Raises LabError."""
    try:
        # A namespace is entered by a thread, and this one ends with the pool.
        with ThreadPoolExecutor(1) as pool:
            listeners = list(pool.map(partial(_listen, namespace), ports))
    except OSError as problem:
        raise LabError(f"cannot serve the lab's registries in the engine's network: {problem.strerror}") from None
    begun: Future[Stop] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(listeners, begun)), name="relay", daemon=True)
    thread.start()
    loop, over = begun.result(timeout=10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(timeout=10)


def _listen(namespace: Path, port: int) -> socket.socket:
    """A listening socket in the namespace. The calling thread stays in there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with namespace.open("rb") as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    return socket.create_server(("127.0.0.1", port))


async def _serve(listeners: Sequence[socket.socket], begun: Future[Stop]) -> None:
    over = asyncio.Event()
    relays: set[asyncio.Task[None]] = set()

    def accept(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Held here: the loop's own reference is weak, and a relay that waits would be collected with its connection.
        relay = asyncio.create_task(_relay(port, reader, writer))
        relays.add(relay)
        relay.add_done_callback(relays.discard)

    servers = [
        await asyncio.start_server(partial(accept, listener.getsockname()[1]), sock=listener) for listener in listeners
    ]
    begun.set_result((asyncio.get_running_loop(), over))
    await over.wait()
    for server in servers:
        server.close()


async def _relay(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one connection, both ways, until both sides have ended."""
    try:
        # Cut at the end of serving: Python 3.11 would report that as an error nobody handled.
        with suppress(OSError, asyncio.CancelledError):
            near_reader, near_writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await asyncio.gather(_carry(reader, near_writer), _carry(near_reader, writer))
            finally:
                near_writer.close()
    finally:
        writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
