"""Signatures on P-256 in whole numbers: held against RFC 6979 (A.2.5), and spoilt in every way."""

from __future__ import annotations

import base64

import pytest

from layerwise.views.ecdsa import _HEAD, B, N, P, PublicKey, read_public_key

X = 0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
Y = 0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299
R = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
S = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
R_TEST = 0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367
S_TEST = 0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083


def number(value: int) -> bytes:
    """An integer in DER."""
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(raw)]) + raw


def der(r: int, s: int) -> bytes:
    inner = number(r) + number(s)
    return b"\x30" + bytes([len(inner)]) + inner


def pem(x: int = X, y: int = Y, head: bytes = _HEAD) -> str:
    raw = head + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(raw).decode()}-----END PUBLIC KEY-----\n"


@pytest.fixture(scope="module")
def key() -> PublicKey:
    return read_public_key(pem())


@pytest.mark.parametrize(
    ("signature", "signed", "fits"),
    [
        (der(R, S), b"sample", True),
        (der(R_TEST, S_TEST), b"test", True),
        (der(R, N - S), b"sample", True),  # the same point, upside down: ECDSA takes either
        (der(R, S), b"Sample", False),
        (der(R, S), b"sample\n", False),
        (der(R_TEST, S_TEST), b"sample", False),
        (der(S, R), b"sample", False),
        (der(0, S), b"sample", False),
        (der(R, 0), b"sample", False),
        (der(0, 0), b"sample", False),
        (der(N, N), b"sample", False),
        (der(R + N, S), b"sample", False),
        (der(R, S + N), b"sample", False),
        (der(R, S) + b"\0", b"sample", False),
        (der(R, S)[:-1], b"sample", False),
        (b"", b"sample", False),
        (b"0", b"sample", False),
        (b"\x30\x80" + b"\xff" * 200, b"sample", False),
        (b"\x30\x06\x02\xff\x01\x02\x01\x01", b"sample", False),
        (R.to_bytes(32, "big") + S.to_bytes(32, "big"), b"sample", False),
    ],
)
def test_a_signature(key: PublicKey, signature: bytes, signed: bytes, fits: bool) -> None:
    assert key.fits(signature, signed) is fits


def test_every_changed_bit_of_a_signature_is_seen(key: PublicKey) -> None:
    good = der(R, S)
    for bit in range(0, len(good) * 8, 7):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        assert not key.fits(bytes(changed), b"sample"), bit


def test_a_key_has_a_name(key: PublicKey) -> None:
    assert key.point == (X, Y)
    assert key.digest.startswith("sha256:")
    assert read_public_key(f"before\n{pem()}after").digest == key.digest


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no public key"),
        (pem().replace("PUBLIC", "PRIVATE"), "no public key"),
        (pem().replace("\n-----END", "=\n-----END"), "no base64|another kind"),
        (pem(head=_HEAD[:-1] + b"\x02"), "another kind"),
        (pem(head=_HEAD + b"\0"), "another kind"),
        (pem(head=b""), "another kind"),
        (pem(y=Y ^ 1), "not a point"),
        (pem(x=0, y=0), "not a point"),
        (pem(x=P, y=pow(B, (P + 1) // 4, P)), "not a point"),
        ("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----", "no base64|another kind"),
    ],
)
def test_what_is_no_key(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_public_key(text)
