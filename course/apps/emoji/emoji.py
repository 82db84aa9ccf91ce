"""Emoji by name: python emoji.py find boat, or with no words a web page at http://localhost:8000/boat"""

import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

LIST = Path(__file__).with_name("emoji.txt")
PORT = 8000
MOST = 20


def find(word: str, lines: Sequence[str]) -> list[str]:
    """The lines whose name holds the word; the first 20."""
    return [line for line in lines if word.lower() in line.partition(" ")[2].lower()][:MOST]


def answer(path: str, lines: Sequence[str]) -> tuple[int, str]:
    """What the page at a path says: status and text."""
    word = unquote(path.strip("/"))
    if not word:
        return 200, "Which emoji do you look for? Say it in the address: /boat\n"
    found = find(word, lines)
    return (200, "\n".join(found) + "\n") if found else (404, "None is called that.\n")


class Page(BaseHTTPRequestHandler):
    lines: Sequence[str] = ()

    def do_GET(self) -> None:
        status, text = answer(self.path, self.lines)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(words: Sequence[str]) -> None:
    lines = LIST.read_text(encoding="utf-8").splitlines()
    if words[:1] == ["find"]:
        sys.stdout.buffer.write("".join(f"{line}\n" for line in find(" ".join(words[1:]), lines)).encode())
        return
    Page.lines = lines
    ThreadingHTTPServer(("", PORT), Page).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
