"""A gate in front of a registry: it passes on what it is asked, and writes down each request in a line.

What it does is set in its environment:

UPSTREAM   the registry behind it (localhost:5000)
PORT       where it listens, on this machine only (0: a free one; the first line says which)
ACCOUNTS   who may come in, as NAME:PASSWORD:ACTIONS, with "," between the actions and a space between accounts.
           The gate then asks for tokens, and hands them out at /token; without it, everybody may do everything
SPOIL      "1": the last byte of each blob is changed on its way to whoever fetches it
LIMIT      how many manifests may be fetched before the gate says that it was too many (0: any number)
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

UPSTREAM = os.environ.get("UPSTREAM", "localhost:5000")
PORT = int(os.environ.get("PORT", "0"))
ACCOUNTS = {
    name: (password, actions.split(","))
    for name, password, actions in (account.split(":") for account in os.environ.get("ACCOUNTS", "").split())
}
SPOIL = os.environ.get("SPOIL") == "1"
LIMIT = int(os.environ.get("LIMIT", "0"))

SECONDS = 300
"""How long a token is good."""
TIMEOUT = 60
CHUNK = 1 << 16
NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "authorization"}
TLS = b"\x16"
"""What a client begins with that would like to speak HTTPS."""
KEY = secrets.token_bytes(32)


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sign(claims: dict[str, object]) -> str:
    """A token: a header, what it says, and a signature that only the gate can make (a JSON Web Token)."""
    parts = ".".join(text_of(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{parts}.{text_of(hmac.digest(KEY, parts.encode(), hashlib.sha256))}"


def allowed(token: str, name: str, action: str) -> bool:
    """Whether the token is the gate's own, is still good, and lets its bearer do that to that repository."""
    parts, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature, text_of(hmac.digest(KEY, parts.encode(), hashlib.sha256))):
        return False
    said = parts.partition(".")[2]
    claims = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    granted = any(access["name"] == name and action in access["actions"] for access in claims["access"])
    return claims["exp"] > time.time() and (granted or not name)


def asked_for(scope: str) -> tuple[str, list[str]]:
    """The repository and the actions of a scope such as "repository:lesson06/bakery:pull,push"."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return (name, actions.split(",")) if kind == "repository" and name else ("", [])


class Gate(ThreadingHTTPServer):
    daemon_threads = True
    fetched = 0
    """Manifests so far."""


class Handler(BaseHTTPRequestHandler):
    server: Gate
    timeout = TIMEOUT

    def handle(self) -> None:
        with suppress(OSError):  # whoever asked may be gone
            if self.rfile.peek(1)[:1] == TLS:
                self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\nthis is plain HTTP\n")
            else:
                super().handle()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        name, what = self.place(address.path)
        if ACCOUNTS and address.path == "/token":
            self.hand_out_a_token(parse_qs(address.query))
        elif ACCOUNTS and not self.may_pass(name):
            self.refuse_entry(name, what)
        elif LIMIT and self.command == "GET" and what.startswith("manifests/") and self.one_too_many():
            self.refuse(429, "TOOMANYREQUESTS", "too many manifests were fetched through this gate", name, what)
        else:
            self.pass_on(name, what)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def place(self, path: str) -> tuple[str, str]:
        """The repository that a path of the registry's interface is about, and what of it."""
        found = re.fullmatch(r"/v2/(.+?)/((?:manifests|blobs|tags|referrers)/.*)", path)
        return (found[1], found[2]) if found else ("", path)

    def may_pass(self, name: str) -> bool:
        action = "pull" if self.command in ("GET", "HEAD") else "push"
        return self.has_token_for(name, action)

    def has_token_for(self, name: str, action: str) -> bool:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and allowed(token, name, action)

    def one_too_many(self) -> bool:
        self.server.fetched += 1
        return self.server.fetched > LIMIT

    def refuse_entry(self, name: str, what: str) -> None:
        """Say where tokens are to be had, and which one is needed here; or that no token of theirs will do."""
        self.drain()
        if self.command not in ("GET", "HEAD") and self.has_token_for(name, "pull"):
            self.refuse(403, "DENIED", "this account may pull here, and not push", name, what)
            return
        actions = "pull" if self.command in ("GET", "HEAD") else "pull,push"
        scope = f',scope="repository:{name}:{actions}"' if name else ""
        wanted = f'Bearer realm="http://{self.headers["Host"]}/token",service="gate"{scope}'
        self.refuse(401, "UNAUTHORIZED", "bring a token", name, what, {"WWW-Authenticate": wanted})

    def hand_out_a_token(self, query: dict[str, list[str]]) -> None:
        """A token for whoever knows a password; it grants what was asked for and the account may do.

        Some clients ask with GET and a header, some with POST and a form.
        """
        account = password = ""
        if self.command == "POST":
            query = parse_qs(b"".join(self.parts()).decode(errors="replace"))
            account, password = (query.get(field, [""])[0] for field in ("username", "password"))
        else:
            kind, _, words = self.headers.get("Authorization", "").partition(" ")
            with suppress(ValueError):
                account, _, password = base64.b64decode(words if kind == "Basic" else "").decode().partition(":")
        known, may = ACCOUNTS.get(account, ("", []))
        if not known or not hmac.compare_digest(known.encode(), password.encode()):
            self.refuse(401, "UNAUTHORIZED", "no such account, or another password", "", "/token")
            return
        access, told = [], []
        for scope in " ".join(query.get("scope", [])).split():
            name, wanted = asked_for(scope)
            granted = [action for action in wanted if action in may]
            access.append({"type": "repository", "name": name, "actions": granted})
            told.append(f"{','.join(wanted)} of {name}: gets {','.join(granted) or 'nothing'}")
        token = sign({"sub": account, "aud": "gate", "exp": int(time.time()) + SECONDS, "access": access})
        body = json.dumps({"token": token, "access_token": token, "expires_in": SECONDS}).encode()
        self.answer(200, body, {"Content-Type": "application/json"})
        self.note(200, "", f"/token  {account} asks for {'; '.join(told) or 'nothing yet'}")

    def pass_on(self, name: str, what: str) -> None:
        headers: dict[str, str] = {}
        for key, value in self.headers.items():  # some say "Accept" once for each kind that they accept
            if key.lower() not in NOT_PASSED_ON:
                headers[key] = f"{headers[key]}, {value}" if key in headers else value
        headers["Connection"] = "close"
        length = self.headers.get("Content-Length")
        came = 0

        def counted() -> Iterator[bytes]:
            nonlocal came
            for part in self.parts():
                came += len(part)
                yield part

        has_body = length is not None or "chunked" in self.headers.get("Transfer-Encoding", "")
        upstream = HTTPConnection(UPSTREAM, timeout=TIMEOUT)
        try:
            upstream.request(
                self.command, self.path, body=counted() if has_body else None, headers=headers,
                encode_chunked=has_body and length is None,
            )  # fmt: skip
            answer = upstream.getresponse()
            self.send_response_only(answer.status)
            for key, value in answer.getheaders():
                if key.lower() not in NOT_PASSED_ON:
                    self.send_header(key, value)
            self.send_header("Connection", "close")
            self.end_headers()
            went = 0
            spoil = SPOIL and "/blobs/" in self.path and self.command == "GET" and answer.status == 200
            last = int(answer.headers.get("Content-Length", 0)) if spoil else 0
            while part := answer.read(CHUNK):
                went += len(part)
                self.wfile.write(part if went != last else part[:-1] + bytes([part[-1] ^ 1]))
            source = parse_qs(urlsplit(self.path).query).get("from", [""])[0]
            self.note(answer.status, name, what + (f"  mount from {source}" if source else ""), came, went)
        except (OSError, HTTPException) as problem:
            self.refuse(502, "UNAVAILABLE", f"{UPSTREAM} does not answer: {problem}", name, what)
        finally:
            upstream.close()

    def parts(self) -> Iterator[bytes]:
        """The body of the request."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(100).split(b";")[0] or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline(2)
            self.rfile.readline(2)
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0 and (part := self.rfile.read(min(CHUNK, left))):
            left -= len(part)
            yield part

    def drain(self) -> None:
        """Read what came along with a request that is refused: a client that is still sending hears no answer."""
        for _ in self.parts():
            pass

    def refuse(
        self, status: int, code: str, message: str, name: str, what: str, headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, {"Content-Type": "application/json", **(headers or {})})
        self.note(status, name, what)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for key, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def note(self, status: int, name: str, what: str, came: int = 0, went: int = 0) -> None:
        """One line in the book: digests cut short, and how much was handed in or out."""
        what = re.sub(r"(sha256:[0-9a-f]{8})[0-9a-f]{56}", r"\1", what)
        what = re.sub(r"uploads/[\w-]{30,}", "uploads/…", what)
        moved = f"  {came:,} bytes in" if came else f"  {went:,} bytes out" if went else ""
        print(f"{self.command:5} {status}  {name}{' ' * bool(name)}{what}{moved}", flush=True)

    def log_message(self, *_: object) -> None:
        """The gate keeps a book of its own."""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with Gate(("127.0.0.1", PORT), Handler) as server, suppress(KeyboardInterrupt):
        print(f"the gate to {UPSTREAM} is open at localhost:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
