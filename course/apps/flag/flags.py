"""Two programs that say for which processor they are, put together by hand: flag-amd64 and flag-arm64.

`python flags.py FOLDER` writes both. Each is an ELF file, as Linux programs are: a header of 64 bytes, which names the
processor; 56 bytes that say what to load; then write(1, text), exit(0) and the text.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

START = 0x400000
"""Where in memory the file is loaded."""
BEFORE = 64 + 56
"""Bytes before the first instruction."""
MACHINES = {"amd64": 0x3E, "arm64": 0xB7}
"""How the header names a processor, in the two bytes from number 18 on."""


def amd64(text: bytes) -> bytes:
    """mov eax, 1 (write); mov edi, 1; lea rsi, text; mov edx, length; syscall; mov eax, 60 (exit); xor edi, edi;
    syscall"""
    head = b"\xb8\x01\0\0\0\xbf\x01\0\0\0"
    tail = b"\xba" + struct.pack("<I", len(text)) + b"\x0f\x05\xb8\x3c\0\0\0\x31\xff\x0f\x05"
    return head + b"\x48\x8d\x35" + struct.pack("<i", len(tail)) + tail


def arm64(text: bytes) -> bytes:
    """mov x0, 1; adr x1, text; mov x2, length; mov x8, 64 (write); svc 0; mov x0, 0; mov x8, 93 (exit); svc 0"""
    adr = 0x10000001 | (7 * 4 >> 2) << 5  # the text is seven instructions further on
    words = [0xD2800020, adr, 0xD2800002 | len(text) << 5, 0xD2800808, 0xD4000001, 0xD2800000, 0xD2800BA8, 0xD4000001]
    return struct.pack("<8I", *words)


def program(architecture: str) -> bytes:
    """The whole file."""
    text = f"{architecture} here\n".encode()
    code = {"amd64": amd64, "arm64": arm64}[architecture](text) + text
    size = BEFORE + len(code)
    header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 2, MACHINES[architecture], 1, START + BEFORE,
                         64, 0, 0, 64, 56, 1, 0, 0, 0)  # fmt: skip
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, START, START, size, size, 0x1000)
    return header + load + code


def main(folder: Path) -> None:
    for architecture in MACHINES:
        file = folder / f"flag-{architecture}"
        file.write_bytes(program(architecture))
        file.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
