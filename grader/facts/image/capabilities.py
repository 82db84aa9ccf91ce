"""Decode the capabilities of a file, as capabilities(7) and the kernel's `linux/capability.h` describe them."""

from __future__ import annotations

import struct

# By number; only those with which a process becomes root, or can do what root can do to get there.
_ROOT = {
    0: "CAP_CHOWN",
    1: "CAP_DAC_OVERRIDE",
    3: "CAP_FOWNER",
    7: "CAP_SETUID",
    8: "CAP_SETPCAP",
    16: "CAP_SYS_MODULE",
    17: "CAP_SYS_RAWIO",
    19: "CAP_SYS_PTRACE",
    21: "CAP_SYS_ADMIN",
    31: "CAP_SETFCAP",
}
_WORDS = {0x01000000: 1, 0x02000000: 2, 0x03000000: 2}
"""Revisions of the attribute, and how many words of 32 bits a set has."""


def root_capabilities(attribute: bytes) -> list[str]:
    """Return the names of the capabilities that make a process as good as root, from `security.capability`.

    Only the permitted set counts: what is merely inheritable comes from the process, and a container's has none.
    """
    if len(attribute) < 4:
        return []
    words = _WORDS.get(struct.unpack_from("<I", attribute)[0] & 0xFF000000, 0)
    if len(attribute) < 4 + 8 * words:
        return []
    permitted = sum(struct.unpack_from("<I", attribute, 4 + 8 * word)[0] << 32 * word for word in range(words))
    return [name for number, name in _ROOT.items() if permitted & 1 << number]
