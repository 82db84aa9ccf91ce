#!/usr/bin/env python
"""gate IMAGE: prints the image by its digest, if a signature beside it fits the key in /cosign.pub."""

import base64
import hashlib
import json
import re
import sys
from urllib.request import Request, urlopen

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
KIND = "application/vnd.oci.image.manifest.v1+json"


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] ** 2 - 3) * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope**2 - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(number, point):
    total = None
    while number:
        if number & 1:
            total = add(total, point)
        number, point = number >> 1, add(point, point)
    return total


def fits(signature, message, key):
    middle = 4 + signature[3]
    r, s = int.from_bytes(signature[4:middle], "big"), int.from_bytes(signature[middle + 2 :], "big")
    if not (0 < r < N and 0 < s < N):
        return False
    hashed = int.from_bytes(hashlib.sha256(message).digest(), "big")
    found = add(times(hashed * pow(s, -1, N) % N, G), times(r * pow(s, -1, N) % N, key))
    return found is not None and found[0] % N == r


def main(image):
    named = re.fullmatch(r"([a-z0-9.]+(?::\d+)?)/([a-z0-9/._-]+?)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?", image)
    host, name, tag, digest = named.groups()

    def fetch(path):
        return urlopen(Request(f"http://{host}/v2/{name}/{path}", headers={"Accept": KIND}), timeout=10).read()

    def counted(path, digest):
        data = fetch(path)
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
        return data

    tag = tag or "latest"
    if digest is None:
        digest = "sha256:" + hashlib.sha256(fetch(f"manifests/{tag}")).hexdigest()
    der = base64.b64decode(open("/cosign.pub").read().split("-----")[2])
    key = tuple(int.from_bytes(der[start:][:32], "big") for start in (-64, -32))
    for layer in json.loads(fetch(f"manifests/{digest.replace(':', '-')}.sig"))["layers"]:
        payload = counted(f"blobs/{layer['digest']}", layer["digest"])
        signature = base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"])
        named = json.loads(payload)["critical"]["image"]["docker-manifest-digest"]
        if named == digest and fits(signature, payload, key):
            print(f"{host}/{name}@{digest}")
            return 0
    print("refused: no signature of ours", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Exception as problem:
        sys.exit(f"refused: {problem!r}")
