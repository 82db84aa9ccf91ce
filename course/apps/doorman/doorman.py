"""A doorman who plays a registry's part, and lets nobody in: whatever is asked of a repository, it says why not.

The repository's name says which refusal is wanted: limited/… 429, closed/… 403, login/… 401, stale/… 401 for a token
that is over, broken/… 503; any other name is unknown, 404. `python doorman.py` listens on port 8000.
"""

from __future__ import annotations

import base64
import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8000
WAIT = 1
"""Seconds that whoever asks too often is told to wait."""
LIVES = 60
"""Seconds that a token of the doorman is good for; it was always made an hour ago."""

REFUSALS = {
    "limited": (429, "TOOMANYREQUESTS", "too many pulls from this address; log in, or come back later"),
    "closed": (403, "DENIED", "you are known here, and this is not yours"),
    "login": (401, "UNAUTHORIZED", "say who you are"),
    "stale": (401, "UNAUTHORIZED", "the token is over"),
    "broken": (503, "UNAVAILABLE", "the storage does not answer"),
}
UNKNOWN = (404, "NAME_UNKNOWN", "no such repository")


def refusal(path: str) -> tuple[int, str, str]:
    """Status, code and message for a path such as /v2/limited/tide/manifests/1."""
    return REFUSALS.get(path.removeprefix("/v2/").partition("/")[0], UNKNOWN)


def token(now: float) -> str:
    """A token as token services hand them out (a JWT, not signed here), made an hour ago and over since."""
    issued = int(now) - 3600
    parts = [{"alg": "none"}, {"sub": "learner", "iat": issued, "nbf": issued, "exp": issued + LIVES}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


class Doorman(BaseHTTPRequestHandler):
    """One visitor."""

    def handle(self) -> None:
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":  # TLS: engines try that first, and need to be told
            self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\nthis is HTTP, not HTTPS\n")
        else:
            super().handle()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/v2/":
            self.answer(200, {})
        elif path == "/token":
            self.answer(200, {"token": token(time.time()), "expires_in": LIVES})
        else:
            status, code, message = refusal(path)
            self.answer(status, {"errors": [{"code": code, "message": message}]})

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def answer(self, status: int, said: dict[str, object]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if status == 429:
            self.send_header("Retry-After", str(WAIT))
        if status == 401 and "/stale/" in self.path:
            service = f"http://{self.headers.get('Host', '')}/token"
            self.send_header("WWW-Authenticate", f'Bearer realm="{service}",service="doorman",error="invalid_token"')
        elif status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="doorman"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, template: str, *values: object) -> None:
        print(f"{time.strftime('%H:%M:%S')} {template % values}", flush=True)


if __name__ == "__main__":
    print(f"the doorman lets nobody in, port {PORT}", flush=True)
    ThreadingHTTPServer(("", PORT), Doorman).serve_forever()
