"""A lighthouse on port 8000: / is its light, /health says whether the lamp is lit."""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WARM_UP = 1.0
started = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        lit = time.monotonic() - started >= WARM_UP
        if self.path == "/health":
            status, text = (200, "the lamp is lit\n") if lit else (503, "the lamp is warming up\n")
        elif self.path == "/":
            status, text = 200, ("*\n" if lit else ".\n")
        else:
            status, text = 404, "only sea\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    print("the keeper is on duty", flush=True)
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
