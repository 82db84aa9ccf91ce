"""The ferry's timetable as a web page, port 8000. /healthz says whether it can be read."""

from __future__ import annotations

import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import timetable
from jinja2 import Environment

PAGE = Environment(autoescape=True).from_string(
    "<title>Ferry</title>{% for harbour, next in boats.items() %}"
    "<h1>From the {{ harbour }} pier</h1><ul>{% for clock, wait in next %}"
    "<li>{{ clock }}, in {{ wait }} min</li>{% endfor %}</ul>{% endfor %}\n"
)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        now = time.localtime()
        boats = {name: timetable.following(name, now.tm_hour * 60 + now.tm_min) for name in timetable.HARBOURS}
        pages = {"/": PAGE.render(boats=boats), "/healthz": "afloat\n" if all(boats.values()) else ""}
        body = pages.get(self.path, "")
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, form: str, *words: object) -> None:
        print(form % words, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("the ferry is open, port 8000", flush=True)
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
