"""How a name is spelt where only plain letters are known: GET /?name=... HOST and TOWN come from the environment."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import idna

HOST = os.environ.get("HOST", "127.0.0.1")
TOWN = os.environ.get("TOWN", "nowhere")


def spelt(name):
    return ".".join(idna.encode(part, uts46=True).decode() for part in name.split("."))


class Signpost(BaseHTTPRequestHandler):
    def do_GET(self):
        name = parse_qs(urlsplit(self.path).query).get("name", ["example"])[0]
        try:
            status, said = 200, spelt(name)
        except idna.IDNAError:
            status, said = 400, "no such name"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"{TOWN}: {said}\n".encode())


if __name__ == "__main__":
    # Process 1 gets SIGTERM only if it asks for it. Without this line docker stop waits ten seconds and kills it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer((HOST, 8080), Signpost).serve_forever()
