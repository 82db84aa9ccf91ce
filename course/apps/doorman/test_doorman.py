"""Run with: python -m unittest"""

import base64
import contextlib
import io
import json
import socket
import threading
import time
import unittest
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer

from doorman import LIVES, Doorman, refusal, token


class Words(unittest.TestCase):
    def test_the_name_says_which_refusal(self) -> None:
        assert refusal("/v2/limited/tide/manifests/1")[0] == 429
        assert refusal("/v2/closed/tide/blobs/uploads/")[0] == 403
        assert refusal("/v2/limitless/tide/manifests/1")[0] == 404

    def test_a_token_is_over_when_it_is_made(self) -> None:
        now = time.time()
        body = token(now).split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        assert said["exp"] - said["iat"] == LIVES
        assert said["exp"] < now


class Answers(unittest.TestCase):
    def setUp(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Doorman)
        self.port = self.server.server_address[1]
        self.quiet = contextlib.redirect_stdout(io.StringIO())
        self.quiet.__enter__()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def tearDown(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.quiet.__exit__(None, None, None)

    def ask(self, path: str, method: str = "GET") -> tuple[int, dict[str, str]]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=5) as answer:
                return answer.status, dict(answer.headers)
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, dict(problem.headers)

    def test_who_asks_too_often_is_told_when_to_come_back(self) -> None:
        status, headers = self.ask("/v2/limited/tide/manifests/1", "HEAD")
        assert (status, headers["Retry-After"]) == (429, "1")

    def test_a_push_is_refused_alike(self) -> None:
        assert self.ask("/v2/closed/tide/blobs/uploads/", "POST")[0] == 403

    def test_a_token_service_is_named(self) -> None:
        status, headers = self.ask("/v2/stale/tide/manifests/1")
        assert status == 401
        assert f'realm="http://127.0.0.1:{self.port}/token"' in headers["WWW-Authenticate"]
        assert self.ask("/token?service=doorman")[0] == 200

    def test_one_who_speaks_tls_is_told_that_this_is_http(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as caller:
            caller.sendall(b"\x16\x03\x01\x00\x05hello")
            assert caller.recv(8) == b"HTTP/1.0"


if __name__ == "__main__":
    unittest.main()
