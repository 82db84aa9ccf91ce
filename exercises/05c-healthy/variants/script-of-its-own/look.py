"""Ends with 0 where the lamp is lit."""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=2)
connection.request("GET", "/health")
sys.exit(b"is lit" not in connection.getresponse().read())
