"""A wishing well, on port 8000.

python well.py               serve it: POST / drops a wish in, GET / counts them, GET /health says how it is,
                             GET /wishes reads them to whoever says the keeper's word
python well.py wish WORDS    drop a wish into the well that runs here
python well.py count         how many are in it
python well.py health        how it is: status 0 where there is water
python well.py read WORD     read all wishes, with the keeper's word
"""

import hmac
import os
import signal
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PORT = int(os.environ.get("PORT", "8000"))
WISHES = Path(os.environ.get("WISHES", "/wishes/wishes.txt"))
SECONDS = 2
"""How long one who asks waits for the well."""


def wishes() -> list[str]:
    return WISHES.read_text().splitlines() if WISHES.exists() else []


def drop(wish: str) -> None:
    """Keep a wish: one line of at most 80 letters."""
    with WISHES.open("a") as book:
        book.write(" ".join(wish.split())[:80] + "\n")


def keepers_word() -> str:
    """Out of the file that WORD_FILE names, else out of WORD; empty where there is none."""
    file = os.environ.get("WORD_FILE")
    return Path(file).read_text().strip() if file else os.environ.get("WORD", "")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/":
            self.answer(200, f"wishes in the well: {len(wishes())}")
        elif self.path == "/health":
            self.answer(200, "there is water")
        elif self.path == "/wishes":
            word = keepers_word()
            if word and hmac.compare_digest(self.headers.get("Keeper", "").encode(), word.encode()):
                self.answer(200, "\n".join(wishes()))
            else:
                self.answer(403, "the lid stays shut")
        else:
            self.answer(404, "no such well")

    def do_POST(self) -> None:
        wish = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1000)).decode(errors="replace")
        try:
            drop(wish)
        except OSError as problem:
            self.answer(500, f"the well cannot keep it: {problem}")
        else:
            self.answer(201, f"wishes in the well: {len(wishes())}")

    def answer(self, status: int, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # whoever asked may have lost patience
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A well is quiet."""


def serve() -> None:
    """Until SIGTERM, or Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with ThreadingHTTPServer(("", PORT), Handler) as server:
        try:  # from the first word on, it may be told to stop
            print(f"the well is open, port {server.server_port}", flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            print("the lid is on", flush=True)


def ask(path: str, wish: str | None = None, word: str = "") -> int:
    """Print what the well says; 0 where it is content."""
    request = Request(
        f"http://127.0.0.1:{PORT}{path}", data=None if wish is None else wish.encode(), headers={"Keeper": word}
    )
    try:
        with urlopen(request, timeout=SECONDS) as answer:
            print(answer.read().decode(), end="")
    except HTTPError as refusal:
        print(refusal.read().decode(), end="")
        return 1
    except OSError as problem:
        print(f"the well does not answer: {problem}")
        return 1
    return 0


def main() -> int:
    match sys.argv[1:]:
        case []:
            serve()
            return 0
        case ["wish", *words] if words:
            return ask("/", wish=" ".join(words))
        case ["count"]:
            return ask("/")
        case ["health"]:
            return ask("/health")
        case ["read", word]:
            return ask("/wishes", word=word)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
