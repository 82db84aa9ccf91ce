"""A guest book: a web page on port 8000, and a file of names in /data.

python guestbook.py              serve it
python guestbook.py sign NAME    add a name, and say how many there are
"""

import html
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

BOOK = Path(os.environ.get("GUESTBOOK", "/data/guests.txt"))
PAGE = """<!doctype html><title>Guest book</title>
<h1>Guest book</h1>
<form method="post"><input name="name" aria-label="Your name" required><button>Sign</button></form>
<ul>{names}</ul>
"""


def guests() -> list[str]:
    return BOOK.read_text().splitlines() if BOOK.exists() else []


def sign(name: str) -> int:
    """Add a name; how many there are now."""
    with BOOK.open("a") as book:
        book.write(" ".join(name.split())[:80] + "\n")
    return len(guests())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        names = "".join(f"<li>{html.escape(name)}" for name in guests())
        body = PAGE.format(names=names).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        try:
            sign(form["name"][0])
        except KeyError:
            self.send_error(400, "the form has no name in it")
        except OSError as problem:
            self.send_error(500, f"cannot write the guest book: {problem}")
        else:
            self.send_response(303)
            self.send_header("Location", "/")
            self.end_headers()


def main() -> None:
    if sys.argv[1:2] == ["sign"]:
        try:
            count = sign(sys.argv[2])
        except OSError as problem:
            sys.exit(f"cannot write the guest book: {problem}")
        print(f"{count} guest{'s' if count != 1 else ''} so far")
        return
    print("serving on port 8000", flush=True)
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()


if __name__ == "__main__":
    main()
