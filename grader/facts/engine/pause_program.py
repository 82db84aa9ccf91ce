"""A program that waits forever and needs nothing of an image, for a container in which nothing should serve.

It is a static ELF executable of one segment. On x86-64 it calls pause(2) over and over, and on 64-bit ARM, which has no
pause(2), ppoll(2) of nothing. Sources: elf(5), and the kernel's own tables of system calls.
"""

from __future__ import annotations

import struct

from grader.errors import NotObservable

_PAUSE = bytes.fromhex("b822000000 0f05 ebf7")  # mov eax, 34; syscall; jmp back
# mov x8, 73; mov x0, 0; mov x1, 0; mov x2, 0; mov x3, 0; svc 0; b back
_PPOLL = struct.pack("<7I", 0xD2800928, 0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD4000001, 0x17FFFFFA)
_PROGRAMS = {"x86_64": (62, _PAUSE), "amd64": (62, _PAUSE), "aarch64": (183, _PPOLL), "arm64": (183, _PPOLL)}
"""ELF's number of the machine, and the code, by the engine's name of its architecture."""
_ADDRESS = 0x400000
_HEADERS = 64 + 56
_PAGE = 0x10000
"""Bytes of the largest pages that 64-bit ARM has."""


def program(architecture: str) -> bytes:
    """Return the executable for an engine's architecture. Raises NotObservable if there is none."""
    if architecture not in _PROGRAMS:
        raise NotObservable(f"the engine's machine is {architecture}: expected x86-64 or 64-bit ARM")
    machine, code = _PROGRAMS[architecture]
    size = _HEADERS + len(code)
    start = _ADDRESS + _HEADERS
    magic = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")  # 64 bits, little-endian, version 1
    header = struct.pack("<16sHHIQQQIHHHHHH", magic, 2, machine, 1, start, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, _PAGE)  # loaded, read and execute
    return header + segment + code
