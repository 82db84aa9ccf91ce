"""The gate passes on what it may, byte for byte, writes it down, and keeps out whoever has no token for it."""

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

HERE = Path(__file__).parent
SECONDS = 20
BLOB = bytes(range(256)) * 1000
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"


class Upstream(BaseHTTPRequestHandler):
    """A registry that has one blob and one manifest, and remembers what it is handed."""

    taken: ClassVar[list[bytes]] = []
    heard: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        self.heard.append(dict(self.headers))
        body = BLOB if "/blobs/sha256" in self.path else b"{}" if "/manifests/" in self.path else b""
        self.send_response(200 if body or self.path == "/v2/" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", DIGEST)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.taken.append(body)
        self.send_response(201)
        self.send_header("Location", f"http://{self.headers['Host']}/there")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PATCH = do_PUT

    def log_message(self, *_: object) -> None:
        pass


class Case(unittest.TestCase):
    env: Mapping[str, str] = MappingProxyType({})

    def setUp(self) -> None:
        Upstream.taken, Upstream.heard = [], []
        self.registry = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        self.registry.daemon_threads = True
        threading.Thread(target=self.registry.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(self.registry.server_close)
        self.addCleanup(self.registry.shutdown)
        self.start(f"127.0.0.1:{self.registry.server_port}")

    def start(self, upstream: str) -> None:
        env = {**os.environ, "UPSTREAM": upstream, "PORT": "0", **self.env}
        self.gate = subprocess.Popen(
            [sys.executable, "-B", HERE / "gate.py"], env=env, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(self.gate.stdout.close)
        self.addCleanup(self.gate.wait, SECONDS)
        self.addCleanup(self.gate.kill)
        self.port = int(self.gate.stdout.readline().rpartition(":")[2])

    def ask(self, method: str, path: str, **more: object) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        self.addCleanup(connection.close)
        connection.request(method, path, **more)
        answer = connection.getresponse()
        return answer, answer.read()

    def noted(self) -> str:
        return self.gate.stdout.readline().rstrip("\n")

    def token(self, account: str, password: str, scope: str = "") -> tuple[int, str]:
        word = base64.b64encode(f"{account}:{password}".encode()).decode()
        path = f"/token?service=gate&scope={scope}" if scope else "/token?service=gate"
        answer, body = self.ask("GET", path, headers={"Authorization": f"Basic {word}"})
        return answer.status, json.loads(body).get("token", "")


class Open(Case):
    def test_it_hands_out_what_is_behind_it(self) -> None:
        answer, body = self.ask("GET", f"/v2/a/b/blobs/{DIGEST}")
        assert (answer.status, answer.headers["Docker-Content-Digest"], body) == (200, DIGEST, BLOB)
        assert self.noted() == f"GET   200  a/b blobs/{DIGEST[:15]}  256,000 bytes out"

    def test_it_says_what_is_not_there(self) -> None:
        assert self.ask("GET", "/v2/a/tags/list")[0].status == 404
        assert self.noted() == "GET   404  a tags/list"

    def test_a_head_has_no_body(self) -> None:
        answer, body = self.ask("HEAD", "/v2/a/manifests/1.0")
        assert (answer.status, answer.headers["Content-Length"], body) == (200, "2", b"")
        assert self.noted() == "HEAD  200  a manifests/1.0"

    def test_it_takes_in_what_comes_in_one_piece_or_in_many(self) -> None:
        self.ask("PUT", f"/v2/a/blobs/uploads/1?digest={DIGEST}", body=BLOB)
        answer, _ = self.ask("PATCH", "/v2/a/blobs/uploads/1", body=iter([BLOB, BLOB]), encode_chunked=True,
                             headers={"Transfer-Encoding": "chunked"})  # fmt: skip
        assert Upstream.taken == [BLOB, BLOB * 2]
        assert answer.headers["Location"] == f"http://127.0.0.1:{self.port}/there", "the way leads through the gate"
        assert [self.noted(), self.noted()] == [
            "PUT   201  a blobs/uploads/1  256,000 bytes in",
            "PATCH 201  a blobs/uploads/1  512,000 bytes in",
        ]

    def test_what_is_said_in_many_lines_is_passed_on_whole(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as client:
            client.sendall(b"GET /v2/a/manifests/1 HTTP/1.0\r\nHost: here\r\nAccept: one\r\nAccept: two\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.0 200")
        assert (Upstream.heard[-1]["Accept"], Upstream.heard[-1]["Host"]) == ("one, two", "here")

    def test_it_notes_a_mount(self) -> None:
        self.ask("POST", f"/v2/a/blobs/uploads/?mount={DIGEST}&from=base/python")
        assert self.noted() == "POST  201  a blobs/uploads/  mount from base/python"

    def test_https_is_answered_in_plain_words(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as client:
            client.sendall(b"\x16\x03\x01\x00\x05hello")
            assert client.recv(100).startswith(b"HTTP/1.0 400 ")

    def test_it_closes_when_asked_to(self) -> None:
        self.gate.send_signal(signal.SIGTERM)
        assert self.gate.wait(SECONDS) == 0


class Behind(Case):
    def test_nobody_behind_it_is_said(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            nobody = f"127.0.0.1:{probe.getsockname()[1]}"
            self.start(nobody)
            answer, body = self.ask("GET", "/v2/")
        assert answer.status == 502
        assert nobody in json.loads(body)["errors"][0]["message"]


class Guarded(Case):
    env = MappingProxyType({"ACCOUNTS": "robot:r0bot:pull baker:fl0ur:pull,push"})

    def test_it_says_which_token_is_needed_and_where_to_get_it(self) -> None:
        answer, _ = self.ask("GET", "/v2/a/b/manifests/1.0")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == (
            f'Bearer realm="http://127.0.0.1:{self.port}/token",service="gate",scope="repository:a/b:pull"'
        )

    def test_a_token_opens_what_it_is_for(self) -> None:
        status, token = self.token("robot", "r0bot", "repository:a/b:pull,push")
        bearer = {"Authorization": f"Bearer {token}"}
        assert status == 200
        assert self.ask("GET", "/v2/a/b/manifests/1.0", headers=bearer)[0].status == 200
        assert "Authorization" not in Upstream.heard[-1], "the token is the gate's business"
        assert self.ask("GET", "/v2/a/c/manifests/1.0", headers=bearer)[0].status == 401, "another repository"
        answer, body = self.ask("PUT", "/v2/a/b/manifests/1.0", body=BLOB, headers=bearer)
        assert (answer.status, json.loads(body)["errors"][0]["code"]) == (403, "DENIED"), "it may only pull"
        assert self.ask("PUT", "/v2/a/c/manifests/1.0", body=BLOB, headers=bearer)[0].status == 401
        assert Upstream.taken == []
        assert self.noted() == "GET   200  /token  robot asks for pull,push of a/b: gets pull"

    def test_who_may_push_pushes(self) -> None:
        _, token = self.token("baker", "fl0ur", "repository:a/b:pull,push")
        bearer = {"Authorization": f"Bearer {token}"}
        assert self.ask("PUT", "/v2/a/b/manifests/1.0", body=b"{}", headers=bearer)[0].status == 201

    def test_a_login_is_tried_without_a_repository(self) -> None:
        assert self.ask("GET", "/v2/")[0].status == 401
        _, token = self.token("robot", "r0bot")
        assert self.ask("GET", "/v2/", headers={"Authorization": f"Bearer {token}"})[0].status == 200

    def test_a_token_is_had_with_a_form_as_well(self) -> None:
        form = "grant_type=password&username=robot&password=r0bot&service=gate&scope=repository:a:pull"
        answer, body = self.ask("POST", "/token", body=form)
        bearer = {"Authorization": f"Bearer {json.loads(body)['access_token']}"}
        assert answer.status == 200
        assert self.ask("GET", "/v2/a/manifests/1", headers=bearer)[0].status == 200
        assert self.noted() == "POST  200  /token  robot asks for pull of a: gets pull"
        assert self.ask("POST", "/token", body=form.replace("r0bot", "guess"))[0].status == 401

    def test_another_password_or_account_gets_none(self) -> None:
        assert self.token("robot", "fl0ur") == (401, "")
        assert self.token("nobody", "") == (401, "")
        assert self.ask("GET", "/token")[0].status == 401
        assert self.ask("GET", "/token", headers={"Authorization": "Basic %%%"})[0].status == 401

    def test_a_forged_token_opens_nothing(self) -> None:
        _, token = self.token("robot", "r0bot", "repository:a:pull")
        head, _, signature = token.split(".")
        claims = {"exp": 9999999999, "access": [{"name": "a", "actions": ["pull", "push"]}]}
        forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        for word in (f"{head}.{forged}.{signature}", "", "x", "a.b.c"):
            answer, _ = self.ask("GET", "/v2/a/manifests/1", headers={"Authorization": f"Bearer {word}"})
            assert answer.status == 401, word


class Limited(Case):
    env = MappingProxyType({"LIMIT": "1"})

    def test_one_manifest_is_enough(self) -> None:
        assert self.ask("HEAD", "/v2/a/manifests/1")[0].status == 200, "looking is free"
        assert self.ask("GET", "/v2/a/manifests/1")[0].status == 200
        answer, body = self.ask("GET", "/v2/a/manifests/1")
        assert (answer.status, json.loads(body)["errors"][0]["code"]) == (429, "TOOMANYREQUESTS")
        assert self.ask("GET", f"/v2/a/blobs/{DIGEST}")[0].status == 200, "blobs are not counted"


class Spoilt(Case):
    env = MappingProxyType({"SPOIL": "1"})

    def test_one_byte_is_another(self) -> None:
        answer, body = self.ask("GET", f"/v2/a/blobs/{DIGEST}")
        assert answer.headers["Content-Length"] == str(len(BLOB))
        assert [place for place, byte in enumerate(body) if byte != BLOB[place]] == [len(BLOB) - 1]
        assert self.ask("GET", "/v2/a/manifests/1")[1] == b"{}", "a manifest is left alone"


if __name__ == "__main__":
    unittest.main()
