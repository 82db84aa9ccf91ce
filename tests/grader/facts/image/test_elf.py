"""Which processor a program is for."""

from __future__ import annotations

import platform
import struct
import sys

import pytest

from grader.facts.image.elf import HEAD, architecture


def head(machine: int, *, bits: int = 2, order: int = 1) -> bytes:
    return b"\x7fELF" + bytes((bits, order)) + bytes(12) + struct.pack("<H" if order == 1 else ">H", machine)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (head(62), "amd64"),
        (head(183), "arm64"),
        (head(40, bits=1), "arm"),
        (head(3, bits=1), "386"),
        (head(243), "riscv64"),
        (head(22, order=2), "s390x"),
        (head(21, order=1), "ppc64le"),
        (head(21, order=2), "ppc64"),
        (head(8, bits=2, order=1), "mips64le"),
        (head(8, bits=1, order=2), "mips"),
        (head(999), "machine 999"),
        (head(62)[: HEAD - 1], None),
        (b"#!/bin/sh\n" + bytes(20), None),
        (b"MZ" + bytes(30), None),
        (b"", None),
    ],
)
def test_architecture(data: bytes, name: str | None) -> None:
    assert architecture(data) == name
    assert architecture(data + b"\x01" * 100) == name or len(data) < HEAD


def test_of_this_machines_own_program() -> None:
    own = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    with open(sys.executable, "rb") as file:
        assert architecture(file.read(HEAD)) == own
