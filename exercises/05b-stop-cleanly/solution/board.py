"""The departures of a station as a web page: http://localhost:8000"""

import os
from datetime import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATION = os.environ.get("STATION", "nowhere")
TRAINS = [(time(9, 12), "Harbour", 1), (time(9, 27), "Sea Lane", 3), (time(9, 40), "Apollo Lane", 2)]


def board() -> str:
    lines = [f"{at:%H:%M}  {to:<12} platform {platform}" for at, to, platform in TRAINS]
    return "\n".join([f"Departures from {STATION}", "", *lines, ""])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = board().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    print(f"the board of {STATION} is lit", flush=True)
    try:
        ThreadingHTTPServer(("", 8000), Handler).serve_forever()
    except KeyboardInterrupt:
        print("the board goes dark", flush=True)


if __name__ == "__main__":
    main()
