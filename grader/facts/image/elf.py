"""Tell which processor a program is for from the first bytes of its file."""

from __future__ import annotations

MAGIC = b"\x7fELF"
HEAD = 20
"""Bytes of a file that are needed for that."""
_MACHINES = {3: "386", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64", 258: "loong64"}
_MIPS, _POWER = 8, 21


def architecture(head: bytes) -> str | None:
    """Return the architecture of an ELF file, as image configs name it, and None for any other file."""
    if head[:4] != MAGIC or len(head) < HEAD:
        return None
    little, wide = head[5] == 1, head[4] == 2
    machine = int.from_bytes(head[18:20], "little" if little else "big")
    if machine == _MIPS:
        return f"mips{'64' if wide else ''}{'le' if little else ''}"
    if machine == _POWER:
        return "ppc64le" if little else "ppc64"
    return _MACHINES.get(machine, f"machine {machine}")
