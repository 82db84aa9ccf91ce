"""What a server says, read as a client reads it and no longer than it may take; and where a container listens."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grader.errors import EngineFailure, NotObservable
from grader.facts.engine import http
from grader.facts.engine.container import Running
from grader.facts.engine.engine import Engine
from grader.facts.engine.http import Listener, _ask, _listener, _NoAnswer, _require_near
from grader.facts.engine.http_response import MAX_BODY, HttpResponse

Act = Callable[[socket.socket], object]


@contextmanager
def server(act: Act) -> Iterator[tuple[str, int]]:
    """A server on this machine that takes one connection, reads a request, and does that."""

    def serve() -> None:
        with listening.accept()[0] as client:
            client.recv(4096)
            act(client)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()
        thread.join(10)
        assert not thread.is_alive()


def ask(act: Act, within: float = 10.0) -> HttpResponse:
    with server(act) as address:
        return _ask(address, 8080, "/", time.monotonic() + within)


def answer_of(
    status: int, reason: str = "OK", location: str = "", body: str = "hello", whole: bool = True
) -> HttpResponse:
    return HttpResponse(status, reason, location, body, whole)


def sends(text: str) -> Act:
    return lambda client: client.sendall(text.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", answer_of(200)),
        ("HTTP/1.0 200 OK\n\nhello", answer_of(200)),
        ("HTTP/1.1 204 \n\n", HttpResponse(204, "", "", "", True)),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhe\n3\nllo\n0\n\n", answer_of(200)),
        ("HTTP/1.1 302 Found\nLocation: /x\nContent-Length: 0\n\n", HttpResponse(302, "Found", "/x", "", True)),
        ("HTTP/1.1 200 OK\nLocation: /x\nContent-Length: 0\n\n", HttpResponse(200, "OK", "", "", True)),
        pytest.param("HTTP/1.1 200 OK\nContent-Length: 50\n\nhello", answer_of(200, whole=False),
                     id="less than it promised"),
        pytest.param("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n", answer_of(200, whole=False),
                     id="chunks that break off"),
        pytest.param("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\n\nhello", answer_of(200),
                     id="an answer before the answer"),
    ],
)  # fmt: skip
def test_answers(answer: str, expected: HttpResponse) -> None:
    assert ask(sends(answer)) == expected


def test_a_body_that_is_no_text_and_one_that_is_too_long() -> None:
    assert ask(lambda client: client.sendall(b"HTTP/1.0 200 OK\r\n\r\n\xff\x00")).body == "\ufffd\0"
    found = ask(lambda client: client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 5000)))
    assert (len(found.body), found.whole) == (MAX_BODY, True)


@pytest.mark.parametrize(
    ("act", "says", "within"),
    [
        (lambda client: None, "closed without an answer", 10.0),
        (lambda client: time.sleep(0.4), "no answer came in time", 0.2),
        (sends("hello\n"), "not HTTP", 10.0),
        (sends("HTTP/1.1 abc\n\n"), "not HTTP", 10.0),
        (sends("HTTP/1.1 200 OK\n" + "A: b\n" * 200), "in the middle of the headers", 10.0),
        (sends("HTTP/1.1 103 Early Hints\n\n"), "closed without an answer", 10.0),
        (
            lambda client: client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"),
            "without an answer",
            10.0,
        ),
    ],
)
def test_no_answer(act: Act, says: str, within: float) -> None:
    with pytest.raises(_NoAnswer, match=says) as raised:
        ask(act, within)
    assert raised.value.connected


def test_one_that_drips_is_given_no_more_time_than_the_others() -> None:
    def drip(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        try:
            for _ in range(100):
                client.sendall(b"x")
                time.sleep(0.02)
        except OSError:
            pass

    found = ask(drip, within=0.4)
    assert not found.whole


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    with pytest.raises(_NoAnswer, match="the connection failed") as raised:
        _ask(address, 8080, "/", time.monotonic() + 5)
    assert not raised.value.connected


def test_the_request_is_a_plain_one() -> None:
    asked: list[bytes] = []

    def serve() -> None:
        with listening.accept()[0] as client:
            asked.append(client.recv(4096))
            client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        _ask(listening.getsockname(), 8080, "/a?b=%20", time.monotonic() + 5)
        thread.join()
    assert asked[0].startswith(b"GET /a?b=%20 HTTP/1.1\r\nHost: localhost:8080\r\n")
    assert b"Accept-Encoding: identity\r\nConnection: close\r\n\r\n" in asked[0]


def row(address: str, port: int, state: str = "0A") -> str:
    packed = ipaddress.ip_address(address).packed
    words = "".join(packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4))
    return f"   1: {words}:{port:04X} {'0' * len(words)}:0000 {state} 00000000:00000000 00:00000000 00000000  0  0 1 1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000", Listener("127.0.0.1", 8080)),
        (row("0.0.0.0", 80), Listener("0.0.0.0", 80)),
        (row("::", 8080), Listener("::", 8080)),
        (row("::1", 8080), Listener("::1", 8080)),
        (row("2001:db8::5", 1), Listener("2001:db8::5", 1)),
        (row("127.0.0.1", 80, "01"), None),
        ("  sl  local_address rem_address   st tx_queue rx_queue", None),
        ("cat: /proc/net/tcp6: No such file or directory", None),
        ("   0: 01007F:1F90 00000000:0000 0A ", None),
    ],
)
def test_rows_of_the_kernels_table(line: str, expected: Listener | None) -> None:
    assert _listener(line) == expected


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("172.17.0.2", False),
    ],
)
def test_what_only_the_container_itself_reaches(address: str, loopback: bool) -> None:
    assert Listener(address, 80).loopback is loopback


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("unix:///var/run/docker.sock", True),
        ("http+unix:///x", True),
        ("npipe:////./pipe/docker_engine", True),
        ("tcp://127.0.0.1:2375", True),
        ("tcp://localhost:2375", True),
        ("tcp://[::1]:2375", True),
        ("tcp://127.0.0.1.example.com:2375", False),
        ("tcp://build.example.com:2376", False),
        ("tcp://10.0.0.5:2375", False),
        ("ssh://me@build.example.com", False),
        pytest.param("ssh://me@127.0.0.1", False, id="a tunnel may end anywhere"),
        pytest.param("ssh://me@localhost", True, id="this machine by its own name"),
    ],
)
def test_an_engine_on_another_machine(host: str, near: bool) -> None:
    engine = cast(Engine, SimpleNamespace(host=host))
    if near:
        _require_near(engine)
        return
    with pytest.raises(NotObservable, match="run the grader there"):
        _require_near(engine)


def inspected(answer: Any) -> Running:
    def inspect(name: str) -> Any:
        if answer is None:
            raise KeyError(name)
        return {"NetworkSettings": {"Ports": answer}}

    return cast(Running, SimpleNamespace(id="x", engine=SimpleNamespace(inspect_container=inspect)))


@pytest.mark.parametrize(
    ("ports", "address"),
    [
        ({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}], "81/tcp": None}, ("127.0.0.1", 32768)),
        ({"80/tcp": None}, None),
        ({"80/udp": [{"HostIp": "127.0.0.1", "HostPort": "1"}]}, None),
        ({}, None),
    ],
)
def test_where_the_port_is_published(ports: Any, address: tuple[str, int] | None) -> None:
    assert http._address(inspected(ports), 80) == address


def test_a_container_that_somebody_removed() -> None:
    with pytest.raises(EngineFailure, match=re.escape("removed by someone else")):
        http._address(inspected(None), 80)
