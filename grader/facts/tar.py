"""Read tar archives as they stream by: bytes are fed in, members come out, nothing is kept that was not asked for.

The standard library's reader wants a file to pull from and takes some 60 µs a member; an image has a hundred thousand.
Understands ustar, GNU (long names, base-256 numbers, sparse headers) and PAX. Names are bytes of any kind: what is no
UTF-8 is kept with surrogate escapes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple, Protocol

BLOCK = 512
MAX_HEADER = 1 << 20
"""Bytes of one extended header; more is refused."""

# name, mode, uid, gid, size, mtime, checksum, type, link, magic, user, group, major, minor, prefix
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_KINDS = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"S": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "device",
    b"4": "device",
    b"5": "folder",
    b"6": "pipe",
}
_EXTENDED = frozenset(b"xgLKX")


class BadArchive(Exception):
    """These bytes are no archive, or a damaged or malicious one."""


class Member(NamedTuple):
    """One member. `path` has no slash at either end and no `.` or `..`; `size` is what the archive holds of it."""

    path: str
    kind: str
    size: int
    mode: int
    uid: int
    gid: int
    link: str


class Sink(Protocol):
    """Takes a member's content."""

    def write(self, data: memoryview) -> None: ...
    def close(self) -> None: ...


class TarReader:
    """Feed it an archive. `on_member` is called for each member and returns a sink for its content, or None."""

    def __init__(self, on_member: Callable[[Member], Sink | None]) -> None:
        self._on_member = on_member
        self._part = b""  # the beginning of a header whose rest has not come
        self._left = 0  # bytes of content still to come
        self._padding = 0  # and of what fills up the last block
        self._sink: Sink | None = None
        self._extended: bytearray | None = None  # an extended header being collected
        self._type = b""
        self._pax: dict[str, str] = {}
        self._pax_global: dict[str, str] = {}
        self._zeros = 0
        self._sparse = False
        self.ended = False
        """Whether the end mark was seen."""
        self.members = 0

    def feed(self, data: bytes | memoryview) -> None:
        """More of the archive. BadArchive where it is none."""
        if self._part:
            data = self._part + bytes(data)
            self._part = b""
        view = memoryview(data)
        at, end = 0, len(view)
        while at < end:
            if self._left:
                take = min(self._left, end - at)
                if self._sink:
                    self._sink.write(view[at : at + take])
                elif self._extended is not None:
                    self._extended += view[at : at + take]
                self._left -= take
                at += take
                if not self._left:
                    self._content_ended()
            elif self._padding:
                take = min(self._padding, end - at)
                self._padding -= take
                at += take
            elif end - at < BLOCK:
                self._part = bytes(view[at:])
                return
            else:
                self._header(bytes(view[at : at + BLOCK]))
                at += BLOCK

    def close(self) -> None:
        """No more comes. BadArchive where a member is cut off; a missing end mark is forgiven, as tar does."""
        if self._left or (self._part and any(self._part)):
            raise BadArchive("it ends in the middle of a member")

    def _header(self, block: bytes) -> None:
        if self.ended:
            return  # what stands after the end mark is no part of the archive
        if self._sparse:
            # Further places of an old GNU sparse file; the flag says whether yet another block follows.
            self._sparse = bool(block[504])
            return
        fields = _HEADER.unpack(block)
        if not fields[6].strip(b"\0 "):  # no checksum: a block of zeros
            if any(block):
                raise BadArchive("it is no tar archive, or damaged")
            self._zeros += 1
            self.ended = self._zeros >= 2
            return
        self._zeros = 0
        if not self.members and not has_checksum(block):
            raise BadArchive("it is no tar archive, or damaged")
        self.members += 1
        size = _number(fields[4])
        kind = fields[7]
        if size < 0:
            raise BadArchive("a member has a negative size")
        if kind[0] in _EXTENDED:
            if size > MAX_HEADER:
                raise BadArchive(f"a header of {size} bytes")
            self._type, self._extended = kind, bytearray()
            self._begin(size)
            return
        if kind == b"S":
            self._sparse = bool(block[482])
        self._member(fields, kind, size)

    def _member(self, fields: tuple[bytes, ...], kind: bytes, size: int) -> None:
        name, prefix = fields[0].split(b"\0", 1)[0], b""
        if fields[9].startswith(b"ustar\0"):
            prefix = fields[14].split(b"\0", 1)[0]
        path = (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape")
        link = fields[8].split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
        uid, gid = _number(fields[2]), _number(fields[3])
        pax = self._pax_global | self._pax if self._pax_global else self._pax
        if pax:
            path, link = pax.get("GNU.sparse.name") or pax.get("path", path), pax.get("linkpath", link)
            try:
                size, uid, gid = (int(pax.get(k, v)) for k, v in (("size", size), ("uid", uid), ("gid", gid)))
            except ValueError:
                raise BadArchive("a header with a number that is none") from None
            if size < 0:
                raise BadArchive("a member has a negative size")
            self._pax = {}
        word = _KINDS.get(kind, "other")
        if kind in b"\x000" and path.endswith("/"):
            word = "folder"  # as old archives have it
        held = size if word in ("file", "other") else 0
        path = normal(path)
        if word == "hardlink":
            link = normal(link)
        elif word != "symlink":
            link = ""
        self._sink = self._on_member(Member(path, word, held, _number(fields[1]) & 0o7777, uid, gid, link))
        self._begin(held)

    def _begin(self, size: int) -> None:
        self._left = size
        self._padding = -size % BLOCK
        if not size:
            self._content_ended()

    def _content_ended(self) -> None:
        if self._sink:
            sink, self._sink = self._sink, None
            sink.close()
        elif self._extended is not None:
            content, self._extended = bytes(self._extended), None
            if self._type == b"L":
                self._pax["path"] = content.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif self._type == b"K":
                self._pax["linkpath"] = content.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif self._type == b"g":
                self._pax_global |= _records(content)
            else:
                self._pax |= _records(content)


def _records(content: bytes) -> dict[str, str]:
    """The records of a PAX header that matter here: "LENGTH KEY=VALUE\\n", LENGTH counting all of it."""
    found: dict[str, str] = {}
    at = 0
    while at < len(content) and content[at]:
        space = content.find(b" ", at, at + 20)
        digits = content[at:space] if space > 0 else b""
        if not digits.isdigit() or int(digits) <= space + 1 - at or at + int(digits) > len(content):
            raise BadArchive("a PAX header that does not add up")
        record = content[space + 1 : at + int(digits) - 1]
        at += int(digits)
        key, _, value = record.partition(b"=")
        if key in (b"path", b"linkpath", b"size", b"uid", b"gid", b"GNU.sparse.name"):
            found[key.decode()] = value.decode("utf-8", "surrogateescape")
    return found


def has_checksum(block: bytes) -> bool:
    """Whether a header's checksum is right; of what is no header it practically never is."""
    try:
        return _number(block[148:156]) == sum(block[:148]) + 256 + sum(block[156:])
    except BadArchive:
        return False


def _number(field: bytes) -> int:
    """An octal number, or GNU's base-256 where the first bit is set."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    try:
        return int(field.split(b"\0", 1)[0].strip() or b"0", 8)
    except ValueError:
        raise BadArchive("a header with a number that is none") from None


def normal(path: str) -> str:
    """A path from the root: no leading or trailing slash, no empty part, no `.`, and `..` never above the root."""
    if path.endswith("/"):
        path = path[:-1]
    if path[:1] not in ("/", ".", "") and "/." not in path and "//" not in path:
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
