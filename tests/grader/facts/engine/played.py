"""An engine that is played: a server that speaks as much of Docker's API as a test needs."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from grader.facts.engine.engine import Engine


class Player:
    """An engine that answers as it is told: by path without the API's version, a status and a document or text.

    `stats` are what it says of a container's paths, by path: the mode of Go's os.FileMode, and where a link leads.
    `slow` are paths that it does not answer before it is closed.
    """

    def __init__(self, answers: Mapping[str, tuple[int, Any]]) -> None:
        self.stats: dict[str, tuple[int, str]] = {}
        self.slow: set[str] = set()
        self._closed = threading.Event()
        self.answers: dict[str, tuple[int, Any]] = {"/_ping": (200, "OK"), "/version": (200, {"ApiVersion": "1.41"})}
        self.answers |= answers
        self.asked: list[str] = []
        """The requests that came: method, and path without the API's version."""
        player = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                path = path[path.index("/", 1) :] if path.startswith("/v1.") else path
                player.asked.append(f"{self.command} {path}")
                if path in player.slow:
                    player._closed.wait(60)
                status, content = player.answers.get(path, (404, {"message": f"no {path}"}))
                stat = player.stats.get(parse_qs(urlsplit(self.path).query).get("path", [""])[0])
                if stat and path.endswith("/archive"):
                    status = 200
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                if stat:
                    told = json.dumps({"mode": stat[0], "linkTarget": stat[1]})
                    self.send_header("X-Docker-Container-Path-Stat", base64.b64encode(told.encode()).decode())
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"tcp://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()


INFO = {
    "ServerVersion": "26.1.5+dfsg1",
    "Driver": "overlay2",
    "Architecture": "x86_64",
    "OSType": "linux",
    "NCPU": 2,
    "MemTotal": 8 << 30,
    "CgroupDriver": "systemd",
    "CgroupVersion": "2",
}
NOTHING = {"/containers/json": (200, []), "/networks": (200, []), "/images/json": (200, [])}


@contextlib.contextmanager
def played(info: Mapping[str, Any] = INFO, /, **answers: tuple[int, Any]) -> Iterator[tuple[Engine, Player]]:
    """An engine at such a player; an answer's path is its name with a slash for each double underscore."""
    paths = {f"/{name.replace('__', '/')}": answer for name, answer in answers.items()}
    with (
        contextlib.closing(Player(NOTHING | {"/info": (200, info)} | paths)) as player,
        contextlib.closing(Engine.connect({"DOCKER_HOST": player.host})) as engine,
    ):
        yield engine, player
