"""Registries for tests: one that plays faults which cannot be staged on a real one, and images put on the lab's."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

LAB = "localhost:5000"


class Said(NamedTuple):
    """An answer that is played. `length` is what it claims to have, where that is not the truth."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    length: int | None = None


class Asked(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]


Answer = Said | Callable[[Asked], Said | None]


class Player:
    """A registry on this machine. What `answers` has no word for, by "METHOD /path", is passed on to the lab's."""

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @contextmanager
    def running(self) -> Iterator[Player]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        player = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                asked = Asked(self.command, self.path, {key.lower(): value for key, value in self.headers.items()})
                player.asked.append(asked)
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                said = player.answers.get(f"{asked.method} {asked.path}")
                said = said(asked) if callable(said) else said
                self._say(said or _lab(asked, data))

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _do

            def _say(self, said: Said) -> None:
                self.send_response(said.status)
                for key, value in said.headers.items():
                    self.send_header(key, value)
                if "Content-Length" not in said.headers:
                    self.send_header("Content-Length", str(len(said.body) if said.length is None else said.length))
                self.end_headers()
                if self.command != "HEAD":
                    try:
                        self.wfile.write(said.body)
                    except OSError:
                        self.close_connection = True

            def log_message(self, *_: object) -> None: ...

        return Handler


def _lab(asked: Asked, data: bytes) -> Said:
    connection = http.client.HTTPConnection(LAB, timeout=30)
    try:
        connection.request(asked.method, asked.path, body=data or None, headers=dict(asked.headers))
        answer = connection.getresponse()
        kept = {key: value for key, value in answer.getheaders() if key.lower() not in ("date", "server")}
        return Said(answer.status, answer.read(), kept)
    finally:
        connection.close()
