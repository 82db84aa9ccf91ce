"""Check the names and numbers of signals, as for STOPSIGNAL (moby/sys/signal on Linux)."""

from __future__ import annotations

import re

_LIST = """
    ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP
    TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX
"""
_NAMES = frozenset(_LIST.split())
_REAL_TIME = re.compile(r"RTMIN\+(?:[1-9]|1[0-5])|RTMAX-(?:[1-9]|1[0-4])")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


def is_signal(text: str) -> bool:
    """Whether Docker accepts `text` (TERM, SIGTERM, sigterm, 15) as a signal."""
    if _NUMBER.fullmatch(text):
        return int(text) != 0
    name = text.upper().removeprefix("SIG")
    return name in _NAMES or bool(_REAL_TIME.fullmatch(name))
