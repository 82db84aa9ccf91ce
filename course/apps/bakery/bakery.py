"""A bakery, on port 8000: GET / says what there is today.

python bakery.py          serve it
python bakery.py menu     print what it would say
"""

import os
import signal
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = int(os.environ.get("PORT", "8000"))
MENU = Path(os.environ.get("MENU", Path(__file__).with_name("menu.txt")))


def menu() -> str:
    """What there is, in one line."""
    return "today: " + ", ".join(filter(None, map(str.strip, MENU.read_text().splitlines())))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/":
            self.answer(200, menu())
        else:
            self.answer(404, "we have no such thing")

    def answer(self, status: int, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody needs to know who came."""


def serve() -> None:
    """Until SIGTERM, or Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with ThreadingHTTPServer(("", PORT), Handler) as server, suppress(KeyboardInterrupt):
        print(f"the bakery is open, port {server.server_port}", flush=True)
        server.serve_forever()


def main() -> int:
    match sys.argv[1:]:
        case []:
            serve()
        case ["menu"]:
            print(menu())
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
