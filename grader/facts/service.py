"""What a container serves over HTTP, asked from outside of it as a client would.

The container gets a bridge network of its own, and the port that is asked is published on 127.0.0.1 of the engine's
machine, at a number the engine picks. That way works with every engine that forwards its published ports to the machine
the grader is on: an engine here, Docker Desktop and other engines in a virtual machine, a rootless one. A container's
own address can be reached only from the engine's kernel. An engine on another machine publishes on *its* loopback,
which cannot be reached from here, and listening wider would show the submission to that machine's network: there the
fact is NotObservable, and the grading belongs on that machine.

The network has no way out: the engine does not translate its addresses, and names are looked up nowhere. What cannot be
kept from it is the engine's own machine, as for every container and every step of a build.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from grader.errors import EngineFailure, NotObservable
from grader.facts import container
from grader.facts.container import Running
from grader.facts.engine import ContainerRefused, Engine
from grader.facts.registry import is_loopback

MAX_BODY = 1 << 20
"""Bytes of a body that are looked at."""
MAX_ANSWER = 2 << 20
"""Bytes of an answer that are read, headers and the marks of its chunks included."""
AGAIN = 2.0
"""Seconds a service has at least to give a second good answer."""
_INTERVAL = 0.1
_RESOLVER = "127.0.0.11"
"""Where the engine itself listens inside a container, to look up names."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; redirects are not followed. Texts are as found: untrusted."""

    status: int
    reason: str
    location: str
    """Where it redirects to; empty where it does not."""
    body: str
    """Its beginning, as UTF-8."""
    whole: bool
    """Whether it came to its end in time, or ran to as much as is looked at."""


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

    answer: Answer | None
    """The good answer, else the last; None where there was none."""
    good: bool
    """Whether there was a good answer, and another one after it."""
    once: bool
    """Whether there was one good answer and no other."""
    seconds: float
    """From the container's start to the first good answer, or to the end of looking."""
    trouble: str
    """Why the last request had no answer."""
    exit_code: int | None
    """Where the main process has ended."""
    listening: Sequence[Listener] | None
    """Where its processes listen, looked at where no answer came; None where that cannot be known."""
    stderr: str


def watch(engine: Engine, image: str, port: int, path: str, good: Callable[[Answer], bool], within: float) -> Service:
    """Start the image and ask until two answers were `good`, the main process ends, or `within` seconds are over.

    One answer could be all that there is: `nc -l` with a page on its standard input.

    ContainerRefused where it cannot be started; NotObservable where its published port cannot be reached from here.
    """
    _require_near(engine)
    with _published(engine, image, port) as (running, began):
        address = _address(running, port)
        answer, trouble, reached = None, "the port was not published", False
        first, deadline = None, began + within
        while True:
            if address:
                try:
                    answer = _ask(address, port, path, deadline)
                    reached = True
                except _NoAnswer as problem:
                    trouble, reached = str(problem), reached or problem.connected
                    answer = answer if first is None else None
                if answer and good(answer):
                    seconds = time.monotonic() - began
                    if first is not None:
                        return Service(answer, True, False, first, "", None, None, running.output[1])
                    first, deadline = seconds, max(deadline, began + seconds + AGAIN)
            state = running.state
            if not state.get("Running") or time.monotonic() + _INTERVAL > deadline:
                break
            time.sleep(_INTERVAL)
        seconds = time.monotonic() - began
        exit_code = container.exit_code(state)
        listening = None
        if answer is None and exit_code is None and first is None:
            listening = _listening(engine, image, running.id)
            there = listening is None or any(found.port == port and not found.loopback for found in listening)
            if there and not reached:
                raise NotObservable(
                    f"the engine's published port {address[1] if address else ''} cannot be reached from here: run the "
                    "grader where the engine's 127.0.0.1 is its own"
                )
        return Service(answer, False, first is not None, seconds, trouble, exit_code, listening, running.output[1])


def _require_near(engine: Engine) -> None:
    """NotObservable where the engine is known to be on another machine: what answers on our loopback is not it."""
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
    """The image as it starts by itself, its port published on the engine's loopback; and when it was started."""
    network = engine.create_network()
    try:
        host = {"network_mode": network, "port_bindings": {port: ("127.0.0.1", None)}, "dns": ["127.0.0.1"]}
        with container.started(engine, image, host, ports=[port]) as running:
            yield running, time.monotonic()
    finally:
        engine.remove_network(network)


def _address(running: Running, port: int) -> tuple[str, int] | None:
    """Where the port is published; None where the container has ended already."""
    try:
        ports = running.engine.inspect_container(running.id)["NetworkSettings"]["Ports"] or {}
    except KeyError:
        raise EngineFailure("a container of the grader was removed by someone else: grade again") from None
    bound = ports.get(f"{port}/tcp") or ()
    return next(((str(item["HostIp"]), int(item["HostPort"])) for item in bound), None)


def _listening(engine: Engine, image: str, beside: str) -> Sequence[Listener] | None:
    """Where the processes of a container listen, read by the image's own `cat`; None where it has none."""
    command = ["cat", "/proc/net/tcp", "/proc/net/tcp6"]
    try:
        outcome = container.run(engine, image, command, timeout=5.0, beside=beside)
    except (ContainerRefused, EngineFailure):  # no cat, or the container has ended meanwhile
        return None
    if "local_address" not in outcome.stdout:
        return None
    found = {_listener(line) for line in outcome.stdout.splitlines()}
    return sorted(item for item in found if item and item.address != _RESOLVER)


_ROW = re.compile(r"\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A ")


def _listener(line: str) -> Listener | None:
    """A row of /proc/net/tcp or tcp6 whose state is LISTEN; addresses there are words of the machine's byte order."""
    row = _ROW.match(line)
    if not row:
        return None
    words = [bytes.fromhex(row[1][at : at + 8])[::-1] for at in range(0, len(row[1]), 8)]
    return Listener(str(ipaddress.ip_address(b"".join(words))), int(row[2], 16))


class _NoAnswer(Exception):
    """A request that got no answer. `connected` says whether anything took the connection."""

    def __init__(self, why: str, *, connected: bool) -> None:
        super().__init__(why)
        self.connected = connected


def _ask(address: tuple[str, int], port: int, path: str, deadline: float) -> Answer:
    """One GET over a connection of its own, done by `deadline` whatever the server does. _NoAnswer where none comes."""
    try:
        connection = socket.create_connection(address, timeout=max(0.1, min(2.0, deadline - time.monotonic())))
    except OSError as problem:
        raise _NoAnswer(f"the connection failed ({problem.strerror or problem})", connected=False) from None
    with connection:
        # "localhost", since frameworks refuse hosts they do not know; and no second request on this connection.
        lines = [f"GET {path} HTTP/1.1", f"Host: localhost:{port}", "User-Agent: layerwise", "Accept: */*"]
        request = "\r\n".join([*lines, "Connection: close", "", ""]).encode("ascii")
        stream = _Bounded(connection, deadline)
        try:
            connection.sendall(request)
            return _read(stream)
        except TimeoutError:
            raise _NoAnswer("the connection was taken, but no answer came in time", connected=True) from None
        except ConnectionError:
            raise _NoAnswer("the connection was closed without an answer", connected=True) from None
        except http.client.RemoteDisconnected:
            raise _NoAnswer("the connection was closed without an answer", connected=True) from None
        except (http.client.HTTPException, ValueError):
            raise _NoAnswer("what came back is not HTTP", connected=True) from None
        except OSError as problem:
            raise _NoAnswer(f"the connection broke ({problem.strerror or problem})", connected=True) from None


def _read(stream: _Bounded) -> Answer:
    response = http.client.HTTPResponse(cast(socket.socket, stream), method="GET")
    response.begin()
    body, whole = b"", True
    try:
        body = response.read(MAX_BODY)
        left = response.length
        whole = len(body) == MAX_BODY or not left
    except http.client.IncompleteRead as problem:
        body, whole = problem.partial, False
    except (http.client.HTTPException, OSError, ValueError):
        whole = False
    location = response.getheader("Location") or "" if 300 <= response.status < 400 else ""
    return Answer(response.status, response.reason, location, body.decode("utf-8", "replace"), whole)


class _Bounded(io.RawIOBase):
    """Reads a connection until a deadline and for so many bytes: then it times out, or ends."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = MAX_ANSWER

    def makefile(self, mode: str) -> io.BufferedReader:
        """What http.client asks of a socket."""
        return io.BufferedReader(self)

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
