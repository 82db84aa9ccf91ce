"""Check whether a signature fits a public key: ECDSA on the curve P-256, in whole numbers (FIPS 186-5, 6.4.2).

It is only for public data: it makes no signatures, and its time depends on its input.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
"""The curve is y² = x³ - 3x + B, in whole numbers below this prime."""
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The number of points."""
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
Point = tuple[int, int]

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)-----END PUBLIC KEY-----")
_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""The first bytes in DER of a public key on this curve. Two numbers of 32 bytes follow."""


@dataclass(frozen=True)
class PublicKey:
    """A public key: a point on the curve, and the bytes that it was read from."""

    point: Point
    der: bytes

    @property
    def digest(self) -> str:
        """The digest of the key's bytes, as a short name for it."""
        return f"sha256:{hashlib.sha256(self.der).hexdigest()}"

    def fits(self, signature: bytes, signed: bytes) -> bool:
        """Whether the private key of this public key made that signature (in DER) of those bytes."""
        numbers = _two_numbers(signature)
        if numbers is None:
            return False
        r, s = numbers
        if not (0 < r < N and 0 < s < N):
            return False
        hashed = int.from_bytes(hashlib.sha256(signed).digest(), "big")
        inverse = pow(s, -1, N)
        found = _add(_times(hashed * inverse % N, G), _times(r * inverse % N, self.point))
        return found is not None and found[0] % N == r


def read_public_key(text: str) -> PublicKey:
    """Return the public key in a PEM file, as `cosign generate-key-pair` writes it. Raises ValueError without one."""
    found = _PEM.search(text)
    if not found:
        raise ValueError("no public key in PEM")
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True)
    except binascii.Error:
        raise ValueError("no base64 in it") from None
    if len(der) != len(_HEAD) + 64 or not der.startswith(_HEAD):
        raise ValueError("a key of another kind than ECDSA on the curve P-256")
    x, y = int.from_bytes(der[-64:-32], "big"), int.from_bytes(der[-32:], "big")
    if max(x, y) >= P or (y * y - x**3 + 3 * x - B) % P:
        raise ValueError("not a point on the curve")
    return PublicKey((x, y), der)


def _add(one: Point | None, other: Point | None) -> Point | None:
    """The sum of two points; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    (a, b), (c, d) = one, other
    if a == c and (b + d) % P == 0:
        return None
    slope = (3 * a * a - 3) * pow(2 * b, -1, P) if one == other else (d - b) * pow(c - a, -1, P)
    x = (slope * slope - a - c) % P
    return x, (slope * (a - x) - b) % P


def _times(count: int, point: Point | None) -> Point | None:
    total = None
    while count:
        if count & 1:
            total = _add(total, point)
        point = _add(point, point)
        count >>= 1
    return total


def _two_numbers(der: bytes) -> tuple[int, int] | None:
    """The numbers r and s of a signature in DER (30 LENGTH 02 LENGTH r 02 LENGTH s); None if it is not valid."""
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        return None
    first, second = der[2 : 4 + der[3]], der[4 + der[3] :]
    numbers = []
    for part in (first, second):
        if len(part) < 3 or part[0] != 0x02 or part[1] != len(part) - 2:
            return None
        numbers.append(int.from_bytes(part[2:], "big"))
    return numbers[0], numbers[1]
