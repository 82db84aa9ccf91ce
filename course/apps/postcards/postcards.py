"""Postcards: writes one as text, or serves them over HTTP.

python postcards.py print Ada      one postcard on the screen
python postcards.py serve          http://localhost:8000/Ada
"""

import os
import sys
import textwrap
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

WIDTH = 44


def postcard(name: str, place: str) -> str:
    """A postcard to `name` from `place`, as lines of equal width."""
    name = "".join(char for char in name if char.isprintable())[:30] or "friend"
    body = textwrap.wrap(f"Dear {name}, greetings from {place}. The layers here are lovely.", WIDTH - 4)
    edge = "+" + "-" * (WIDTH - 2) + "+"
    return "\n".join([edge, *(f"| {line:<{WIDTH - 4}} |" for line in body), edge])


class Handler(BaseHTTPRequestHandler):
    """GET /NAME answers with a postcard to NAME."""

    def do_GET(self) -> None:
        body = postcard(unquote(self.path.strip("/")), place()).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not logged: names are nobody's business."""


def place() -> str:
    return os.environ.get("POSTCARD_FROM", "nowhere")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["print", *names]:
            for name in names or ["friend"]:
                print(postcard(name, place()))
        case ["serve"]:
            ThreadingHTTPServer(("", 8000), Handler).serve_forever()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
