"""What a file's capabilities amount to."""

from __future__ import annotations

import struct

import pytest

from grader.facts.image.capabilities import root_capabilities

SETUID, NET_BIND, SETFCAP, BPF = 1 << 7, 1 << 10, 1 << 31, 1 << 39


def attribute(permitted: int, inheritable: int = 0, revision: int = 2, effective: int = 1) -> bytes:
    words = [(permitted >> 32 * word & 0xFFFFFFFF, inheritable >> 32 * word & 0xFFFFFFFF) for word in range(2)]
    data = struct.pack("<I", revision << 24 | effective)
    data += b"".join(struct.pack("<II", *pair) for pair in words[: 1 if revision == 1 else 2])
    return data + (struct.pack("<I", 1000) if revision == 3 else b"")


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (attribute(SETUID), ["CAP_SETUID"]),
        (attribute(SETUID, revision=1), ["CAP_SETUID"]),
        (attribute(SETUID, revision=3), ["CAP_SETUID"]),
        (attribute(SETUID, effective=0), ["CAP_SETUID"]),
        (attribute(SETUID | NET_BIND | SETFCAP), ["CAP_SETUID", "CAP_SETFCAP"]),
        (attribute(NET_BIND), []),
        (attribute(BPF), []),
        (attribute(0, inheritable=SETUID), []),
        (attribute(SETUID)[:-9], []),
        (b"\1\0\0\4" + bytes(16), []),
        (b"\1\0", []),
        (b"", []),
    ],
)
def test_capabilities(data: bytes, names: list[str]) -> None:
    assert root_capabilities(data) == names
