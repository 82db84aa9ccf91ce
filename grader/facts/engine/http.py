"""What a container serves over HTTP, asked from outside as a client would.

The container gets a bridge network of its own, and its port is published on 127.0.0.1 of the engine's machine, at a
number that the engine picks. That works with every engine that forwards its published ports to the grader's machine: an
engine here, Docker Desktop and other engines in a virtual machine, a rootless one. A container's own address can only
be reached from the engine's kernel. An engine on another machine publishes on *its* loopback, which cannot be reached
from here, and publishing more widely would expose the submission to that machine's network. Then the fact is
NotObservable: grade on that machine.

The network has no way out: the engine does not translate its addresses, and no names are resolved. It can still reach
the engine's own machine, as every container and every step of a build can.
"""

from __future__ import annotations

import io
import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from grader.errors import EngineFailure, NotObservable
from grader.facts.engine.command import run_command
from grader.facts.engine.container import Running, exit_code, started
from grader.facts.engine.engine import Engine
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.http_response import BadResponse, HttpResponse, read_response
from grader.facts.registry.client import is_loopback
from grader.lib.patience import stretched

if TYPE_CHECKING:
    from grader.facts.facts import Facts

MAX_ANSWER = 8 << 20
"""Bytes of an answer that are read, including headers and chunk sizes."""
AGAIN = 2.0
"""Seconds that a service has at least for a second good answer."""
CUT_SHORT = 1.0
"""The seconds below which a request that had no answer by the end of the time says nothing about the service."""
_INTERVAL = 0.1
_RESOLVER = "127.0.0.11"
"""Where the engine itself listens inside a container, to resolve names."""


class Listener(NamedTuple):
    """Where a process of the container accepts TCP connections."""

    address: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only the container itself can connect."""
        address = ipaddress.ip_address(self.address)
        mapped = getattr(address, "ipv4_mapped", None)
        return bool((mapped or address).is_loopback)


@dataclass(frozen=True)
class Service:
    """How a container answered."""

    answer: HttpResponse | None
    """The good answer, or else the last; None if there was no answer."""
    good: bool
    """Whether there was a good answer, and another one after it."""
    once: bool
    """Whether there was only one good answer."""
    seconds: float
    """From the container's start to the first good answer, or to the end of the observation."""
    trouble: str
    """Why the last request had no answer."""
    exit_code: int | None
    """Of the main process; None while it runs."""
    listening: Sequence[Listener] | None
    """Where its processes listen, if no answer came; None if that is not known."""
    stderr: str


def observe_service(facts: Facts, port: int, path: str, good: Callable[[HttpResponse], bool], within: float) -> Service:
    """Return how the image, started by itself, answers `GET path` at that port. See `watch`."""
    return watch(facts.engine, facts.runnable, port, path, good, within)


def watch(
    engine: Engine, image: str, port: int, path: str, good: Callable[[HttpResponse], bool], within: float
) -> Service:
    """Start the image and ask until two answers were `good`, the main process ends, or the time is over.

    The first good answer has to come within `within` seconds of the container's start, and the second within as many of
    the first: a server may take that long for each. A single answer does not show a service: `nc -l` with a page on its
    standard input gives one, and ends.

    Raises ContainerRefused if the container cannot be started, and NotObservable if its published port cannot be
    reached from here.
    """
    _require_near(engine)
    with _published(engine, image, port) as (running, began):
        address = _address(running, port)
        answer, trouble, reached, told = None, "the port was not published", False, False
        first, deadline = None, began + within
        while True:
            if address:
                asked = time.monotonic()
                try:
                    answer = _ask(address, port, path, deadline)
                    reached = True
                except _NoAnswer as problem:
                    # What the end of the time cut short tells less than what came before it.
                    cut = problem.timed_out and time.monotonic() - asked < CUT_SHORT
                    if not (cut and told):
                        trouble, told = str(problem), problem.connected
                    reached = reached or problem.connected
                if answer and good(answer):
                    seconds = time.monotonic() - began
                    if first is not None:
                        return Service(answer, True, False, first, "", None, None, running.output[1])
                    first, deadline, answer = seconds, began + seconds + max(within, AGAIN), None
            state = running.state
            if not state.get("Running") or time.monotonic() + _INTERVAL > deadline:
                break
            time.sleep(_INTERVAL)
        seconds = time.monotonic() - began
        ended = exit_code(state)
        listening = None
        if answer is None and ended is None and first is None:
            listening = _listening(engine, image, running.id)
            there = listening is None or any(found.port == port and not found.loopback for found in listening)
            if there and not reached:
                raise NotObservable(
                    f"the engine's published port {address[1] if address else ''} cannot be reached from here: run the "
                    "grader on the machine that the engine publishes its ports on"
                )
        return Service(answer, False, first is not None, seconds, trouble, ended, listening, running.output[1])


def _require_near(engine: Engine) -> None:
    """Raise NotObservable if the engine is known to be on another machine: it does not publish on our loopback."""
    host = urlsplit(engine.host)
    name = host.hostname or ""
    if host.scheme in ("unix", "npipe", "http+unix") or name == "localhost":
        return
    if host.scheme != "ssh" and is_loopback(host.netloc):
        return
    raise NotObservable(
        f"the engine is on another machine ({name}), and ports published on its 127.0.0.1 cannot be reached from here: "
        "run the grader there"
    )


@contextmanager
def _published(engine: Engine, image: str, port: int) -> Iterator[tuple[Running, float]]:
    """Start the image with its port published on the loopback. Yields the container, and when it was started."""
    network = engine.create_network()
    try:
        host = {"network_mode": network, "port_bindings": {port: ("127.0.0.1", None)}, "dns": ["127.0.0.1"]}
        with started(engine, image, host, ports=[port]) as running:
            yield running, time.monotonic()
    finally:
        engine.remove_network(network)


def _address(running: Running, port: int) -> tuple[str, int] | None:
    """Return where the port is published, and None if the container has ended already."""
    try:
        ports = running.engine.inspect_container(running.id)["NetworkSettings"]["Ports"] or {}
    except KeyError:
        raise EngineFailure("a container of the grader was removed by someone else: grade again") from None
    bound = ports.get(f"{port}/tcp") or ()
    return next(((str(item["HostIp"]), int(item["HostPort"])) for item in bound), None)


def _listening(engine: Engine, image: str, container_id: str) -> Sequence[Listener] | None:
    """Return where the processes of a container listen, read with the image's own `cat`; None if it has no `cat`."""
    command = ["cat", "/proc/net/tcp", "/proc/net/tcp6"]
    try:
        result = run_command(engine, image, command, timeout=stretched(5.0), network_of=container_id, judged=["stdout"])
    except (ContainerRefused, EngineFailure):  # no cat, or the container has ended meanwhile
        return None
    if "local_address" not in result.stdout:
        return None
    found = {_listener(line) for line in result.stdout.splitlines()}
    return sorted(item for item in found if item and item.address != _RESOLVER)


_ROW = re.compile(r"\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A ")


def _listener(line: str) -> Listener | None:
    """Read a row of /proc/net/tcp or tcp6 whose state is LISTEN. Addresses are words in the machine's byte order."""
    row = _ROW.match(line)
    if not row:
        return None
    words = [bytes.fromhex(row[1][at : at + 8])[::-1] for at in range(0, len(row[1]), 8)]
    return Listener(str(ipaddress.ip_address(b"".join(words))), int(row[2], 16))


class _NoAnswer(Exception):
    """A request got no answer. `connected` says whether the connection was accepted, `timed_out` whether we stopped
    waiting."""

    def __init__(self, why: str, *, connected: bool, timed_out: bool = False) -> None:
        super().__init__(why)
        self.connected = connected
        self.timed_out = timed_out


def _ask(address: tuple[str, int], port: int, path: str, deadline: float) -> HttpResponse:
    """Send one GET over a new connection, done by `deadline` whatever the server does. Raises _NoAnswer."""
    try:
        connection = socket.create_connection(address, timeout=max(0.1, min(2.0, deadline - time.monotonic())))
    except OSError as problem:
        raise _NoAnswer(f"the connection failed ({problem.strerror or problem})", connected=False) from None
    with connection:
        # "localhost", since frameworks refuse hosts that they do not know.
        lines = [f"GET {path} HTTP/1.1", f"Host: localhost:{port}", "User-Agent: layerwise", "Accept: */*"]
        lines += ["Accept-Encoding: identity", "Connection: close", "", ""]
        request = "\r\n".join(lines).encode("ascii")
        stream = _Bounded(connection, deadline)
        try:
            connection.sendall(request)
            return read_response(io.BufferedReader(stream))
        except BadResponse as problem:
            raise _NoAnswer(str(problem), connected=True) from None
        except TimeoutError:
            why = "the connection was accepted, but no answer came in time"
            raise _NoAnswer(why, connected=True, timed_out=True) from None
        except ConnectionError:
            raise _NoAnswer("the connection was closed without an answer", connected=True) from None
        except OSError as problem:
            raise _NoAnswer(f"the connection broke ({problem.strerror or problem})", connected=True) from None


class _Bounded(io.RawIOBase):
    """Reads a connection until a deadline and up to MAX_ANSWER bytes: then it times out, or ends."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = MAX_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer, min(len(buffer), self._left)) if self._left else 0
        self._left -= count
        return count
