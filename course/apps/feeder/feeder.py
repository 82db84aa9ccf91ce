"""A bird feeder that counts its visitors: each request at http://localhost:8000/ is a bird that eats one seed."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from seeds import Store


class Feeder(BaseHTTPRequestHandler):
    """GET / is a visit; GET /health says whether there is a seed left."""

    store: Store

    def do_GET(self) -> None:
        if self.path == "/health":
            left = self.store.left()
            self._answer(200 if left else 503, f"{left} seeds left")
        elif self.path == "/":
            fed = self.store.visit()
            self._answer(200 if fed else 503, "A seed for you." if fed else "Nothing left.")
        else:
            self._answer(404, "No such perch.")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"{text}\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: birds come often."""


def close(*_: object) -> None:
    print("closed for the night", flush=True)
    sys.exit(0)


if __name__ == "__main__":
    Feeder.store = Store(Path(os.environ.get("FEEDER", "/data")), int(os.environ.get("SEEDS", "100")))
    Feeder.store.open()
    signal.signal(signal.SIGTERM, close)
    print(f"open, as uid {os.getuid()}", flush=True)
    HTTPServer(("", 8000), Feeder).serve_forever()
