"""A registry that a gate is tried at. It serves what is in /shelf.json and, where it was told so, moves a tag after the
tag was asked for so many times: as if somebody pushed just then.

    {"blobs": {DIGEST: BASE64}, "manifests": {DIGEST: [MEDIA TYPE, BASE64]},
     "tags": {REPOSITORY: {TAG: [DIGEST, …]}}}          # the last digest stays
"""

import base64
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SHELF = json.loads(Path("/shelf.json").read_text())
PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags)/(?P<which>[^/?]+)")


class Registry(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = PATH.match(self.path)
        if self.path.rstrip("/") == "/v2":
            self.say(200, b"{}")
        elif not found or found["name"] not in SHELF["tags"]:
            self.missing("NAME_UNKNOWN")
        elif found["kind"] == "tags":
            self.say(200, json.dumps({"name": found["name"], "tags": sorted(SHELF["tags"][found["name"]])}).encode())
        elif found["kind"] == "blobs":
            blob = SHELF["blobs"].get(found["which"])
            if blob is None:
                self.missing("BLOB_UNKNOWN")
            else:
                self.say(200, base64.b64decode(blob), "application/octet-stream", found["which"])
        else:
            digest = found["which"] if ":" in found["which"] else self.named(found["name"], found["which"])
            kind, manifest = SHELF["manifests"].get(digest) or ("", None)
            if manifest is None:
                self.missing("MANIFEST_UNKNOWN")
            else:
                self.say(200, base64.b64decode(manifest), kind, digest)

    do_HEAD = do_GET

    def named(self, name, tag):
        digests = SHELF["tags"][name].get(tag) or [""]
        return digests.pop(0) if len(digests) > 1 else digests[0]

    def missing(self, code):
        self.say(404, json.dumps({"errors": [{"code": code, "message": "not here"}]}).encode())

    def say(self, status, body, kind="application/json", digest=""):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 5000), Registry)
    print("open", flush=True)
    server.serve_forever()
