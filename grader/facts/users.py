"""Who `USER` is: resolved through the image's own /etc/passwd and /etc/group, as the engine does it.

The rule is that of github.com/moby/sys/user, `GetExecUser`: a number is always an id, never a name; of several lines
with one name the first counts; a field that is no number counts as 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from grader.errors import SubmissionFault

TABLES = ("/etc/passwd", "/etc/group")
MAX_TABLE = 4_000_000
"""Bytes read of each of them."""
_INTEGER = re.compile(r"[+-]?[0-9]+")
_LARGEST = 2**31 - 1


class User(NamedTuple):
    """A resolved user. `known` says whether /etc/passwd has a line for it."""

    spec: str
    """As the image's config has it."""
    uid: int
    gid: int
    name: str
    known: bool


class UnknownUser(SubmissionFault):
    """The config names a user or group that the image does not have: no container of it starts."""


def is_number(text: str) -> bool:
    """Whether the engine takes this for an id rather than a name."""
    return bool(_INTEGER.fullmatch(text))


def resolve(spec: str, passwd: bytes | None, group: bytes | None) -> User:
    """The user a container starts as, from the config's User, such as "app", "1000:1000" or "" (root).

    Raises UnknownUser where the engine would refuse to start one.
    """
    user, _, rest = spec.partition(":")
    found = next((line for line in _lines(passwd) if _is(user or "0", line)), None)
    if found:
        uid, gid, name = _integer(found, 2), _integer(found, 3), found[0]
    elif user and not is_number(user):
        raise UnknownUser(f"USER is {spec!r}, but the image's /etc/passwd has no user {user!r}: no container starts")
    else:
        uid, gid, name = int(user or 0), 0, ""
    if not 0 <= uid <= _LARGEST:
        raise UnknownUser(f"USER is {spec!r}, but user ids go from 0 to {_LARGEST}: no container starts")
    if rest:
        line = next((line for line in _lines(group) if _is(rest, line)), None)
        if line:
            gid = _integer(line, 2)
        elif is_number(rest) and 0 <= int(rest) <= _LARGEST:
            gid = int(rest)
        else:
            raise UnknownUser(
                f"USER is {spec!r}, but the image's /etc/group has no group {rest!r}: no container starts"
            )
    return User(spec, uid, gid, name, found is not None)


def id_of(name: str, table: bytes | None) -> int | None:
    """The number of a user or group by its name in /etc/passwd or /etc/group; None where it is not there."""
    found = next((line for line in _lines(table) if line[0] == name), None)
    return None if found is None else _integer(found, 2)


def _lines(text: bytes | None) -> Iterator[list[str]]:
    for line in (text or b"").decode("utf-8", "surrogateescape").split("\n"):
        if line.strip():
            yield line.strip().split(":")


def _is(wanted: str, line: list[str]) -> bool:
    if is_number(wanted):
        return _integer(line, 2) == int(wanted)
    return line[0] == wanted


def _integer(line: list[str], at: int) -> int:
    text = line[at] if at < len(line) else ""
    return int(text) if is_number(text) else 0
