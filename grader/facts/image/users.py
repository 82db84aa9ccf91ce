"""Resolve `USER` through the image's own /etc/passwd and /etc/group, as the engine does.

The rule is that of github.com/moby/sys/user, `GetExecUser`: a number is always an id and never a name, the first of
several lines with the same name counts, and a field that is not a number counts as 0.
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
    """USER as in the image's config."""
    uid: int
    gid: int
    name: str
    known: bool


class UnknownUser(SubmissionFault):
    """The config names a user or group that the image does not have, so no container of it starts."""


def is_number(text: str) -> bool:
    """Whether the engine takes this for an id rather than a name."""
    return bool(_INTEGER.fullmatch(text))


def resolve(spec: str, passwd: bytes | None, group: bytes | None) -> User:
    """Return the user that a container starts as, from the config's User, such as "app", "1000:1000" or "" (root).

    Raises UnknownUser if the engine would refuse to start one.
    """
    user, _, rest = spec.partition(":")
    found = next((line for line in entries(passwd) if _is(user or "0", line)), None)
    if found:
        uid, gid, name = _integer(found, 2), _integer(found, 3), found[0]
    elif user and not is_number(user):
        raise UnknownUser(f"USER is {spec!r}, but the image's /etc/passwd has no user {user!r}: no container starts")
    else:
        uid, gid, name = int(user or 0), 0, ""
    if not 0 <= uid <= _LARGEST:
        raise UnknownUser(f"USER is {spec!r}, but user ids go from 0 to {_LARGEST}: no container starts")
    if rest:
        line = next((line for line in entries(group) if _is(rest, line)), None)
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
    """Return the id of a user or group by its name in /etc/passwd or /etc/group, and None if it is not listed."""
    found = next((line for line in entries(table) if line[0] == name), None)
    return None if found is None else _integer(found, 2)


def entries(text: bytes | None) -> Iterator[list[str]]:
    """Yield the lines of /etc/passwd, or of a table like it, as lists of their fields."""
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
