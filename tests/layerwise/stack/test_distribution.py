"""What the registry is asked, and what is made of its answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from layerwise.errors import LabError
from layerwise.stack import distribution


class Odd(BaseHTTPRequestHandler):
    """A server that is no registry."""

    def do_GET(self) -> None:
        self.send_response(200 if "manifests" in self.path else 500)
        self.end_headers()
        self.wfile.write(b"<html>")

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    monkeypatch.setattr(distribution.ask, "__kwdefaults__", {**distribution.ask.__kwdefaults__, "port": port})
    yield port
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_server_that_is_no_registry_is_not_taken_for_an_empty_one(odd: int):
    with pytest.raises(LabError, match="unusable answer for base/x:1"):
        distribution.digest("base/x", "1")
    with pytest.raises(LabError, match="unusable answer for base/x:1"):
        distribution.labels("base/x", "1")


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        with pytest.raises(LabError, match=r"does not answer \(.*\); run: \./lab up"):
            distribution.ask("/v2/", port=taken.getsockname()[1])


def test_somebody_who_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(LabError, match="does not answer"):
        distribution.ask("/v2/", port=silent.getsockname()[1], seconds=0.5)


def test_no_proxy_is_asked_for_localhost(monkeypatch: pytest.MonkeyPatch, odd: int):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert distribution.ask("/v2/x/manifests/1", port=odd).status == 200


@pytest.mark.lab
def test_what_is_not_there():
    assert distribution.digest("base/no-such-image", "1") is None
    assert distribution.labels("base/no-such-image", "1") is None
