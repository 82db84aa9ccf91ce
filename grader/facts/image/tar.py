"""Read tar archives as they stream by: bytes go in, members come out, and only what is asked for is kept.

The standard library's reader needs a file to pull from and takes some 60 µs for a member, and an image has a hundred
thousand. This one reads ustar, GNU (long names, base-256 numbers, sparse files) and PAX. Names may be any bytes; what
is not UTF-8 is kept with surrogate escapes. Where programs differ, it does as Go's archive/tar, with which engines read
layers: PAX records for all members are not used, and a GNU name goes before a PAX one.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from grader.facts.image import sparse

BLOCK = sparse.BLOCK
Sink = sparse.Sink
"""Takes the content of a member."""

MAX_HEADER = 1 << 20
"""Bytes of one extended header. A larger one is refused."""
MAX_PATH, MAX_NAME = 4096, 255
"""Bytes of a path, and of each name in it: no kernel accepts longer ones."""
MAX_HOLES = 10 << 30
"""Bytes that the sparse files of one archive may have, with their holes."""

# name, mode, uid, gid, size, mtime, checksum, type, link, magic, user, group, major, minor, prefix
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_KINDS = {
    b"0": "file",
    b"\0": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "device",
    b"4": "device",
    b"5": "folder",
    b"6": "pipe",
}
_EXTENDED = frozenset(b"xgLKX")
_CAPABILITY = "SCHILY.xattr.security.capability"
_RECORDS = frozenset(("path", "linkpath", "size", "uid", "gid", _CAPABILITY)) | sparse.RECORDS
_INTEGER = re.compile(r"-?[0-9]{1,30}")


class BadArchive(Exception):
    """These bytes are not an archive, or a damaged or malicious one."""


class Member(NamedTuple):
    """One member. `path` has no slash at either end and no `.` or `..`; `size` is the bytes of its content.

    `capability` is the extended attribute `security.capability`, empty if there is none.
    """

    path: str
    kind: str
    size: int
    mode: int
    uid: int
    gid: int
    link: str
    capability: bytes = b""


class TarReader:
    """Reads the archive that is fed to it. `on_member` is called for each member and returns a sink or None."""

    def __init__(self, on_member: Callable[[Member], Sink | None]) -> None:
        self._on_member = on_member
        self._part = b""  # the beginning of a header that has not come in full
        self._left = 0  # bytes of content still to come
        self._padding = 0  # bytes that fill up its last block
        self._sink: Sink | None = None
        self._extended: bytearray | None = None  # an extended header being collected
        self._type = b""
        self._pax: dict[str, str] = {}
        self._long: dict[str, str] = {}  # GNU's names, "path" and "linkpath"
        self._zeros = 0
        self._holes = 0
        self.ended = False
        """Whether the end mark was seen."""
        self.members = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Read more of the archive. Raises BadArchive if it is not one."""
        try:
            self._feed(data)
        except sparse.BadMap as problem:
            raise BadArchive(str(problem)) from None

    def _feed(self, data: bytes | memoryview) -> None:
        if self.ended:
            return  # what follows the end mark is not part of the archive
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
        """End the archive. Raises BadArchive if a member is cut off. A missing end mark is accepted, as tar does."""
        if not self.ended and (self._left or self._part):
            raise BadArchive("it ends in the middle of a member")

    def _header(self, block: bytes) -> None:
        if self.ended:
            return  # what follows the end mark is not part of the archive
        fields = _HEADER.unpack(block)
        if not fields[6].strip(b"\0 "):  # no checksum: a block of zeros
            if any(block):
                raise BadArchive("it is damaged, or not a tar archive")
            self._zeros += 1
            self.ended = self._zeros >= 2
            return
        if self._zeros:
            raise BadArchive("it has a member after a block of zeros")
        if not self.members and not has_checksum(block):
            raise BadArchive("it is damaged, or not a tar archive")
        self.members += 1
        size = _number(fields[4])
        kind = fields[7]
        if size < 0:
            raise BadArchive("a member has a negative size")
        if kind[0] in _EXTENDED:
            if size > MAX_HEADER:
                raise BadArchive(f"a header has {size} bytes")
            self._type, self._extended = kind, bytearray()
            self._begin(size)
            return
        if kind not in _KINDS:
            # So do engines, also at an old GNU sparse file.
            raise BadArchive(f"it has a member of a kind ({ascii(kind)[2:-1]}) that no layer may have")
        self._member(fields, kind, size)

    def _member(self, fields: tuple[bytes, ...], kind: bytes, size: int) -> None:
        name, prefix = fields[0].split(b"\0", 1)[0], b""
        if fields[9].startswith(b"ustar\0"):
            prefix = fields[14].split(b"\0", 1)[0]
        path = (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape")
        link = fields[8].split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
        uid, gid = _number(fields[2]), _number(fields[3])
        capability = b""
        real: int | None = None
        spans: Sequence[sparse.Span] | None = None
        if self._pax or self._long:
            pax, self._pax = self._pax, {}
            path, link = pax.get("path", path), pax.get("linkpath", link)
            size, uid, gid = (_decimal(pax.get(k), v) for k, v in (("size", size), ("uid", uid), ("gid", gid)))
            capability = pax.get(_CAPABILITY, "").encode("utf-8", "surrogateescape")
            path, link = self._long.get("path", path), self._long.get("linkpath", link)
            self._long = {}
            if sparse.is_sparse(pax):
                path = pax.get(sparse.NAME) or path
                real = _decimal(pax.get(sparse.SIZE) or pax.get(sparse.REAL_SIZE), size)
                spans = sparse.spans_of(pax)
        if min(size, size if real is None else real) < 0:
            raise BadArchive("a member has a negative size")
        named = _KINDS[kind]
        if kind == b"\0" and path.endswith("/"):
            named = "folder"  # as in old archives
        held = size if named == "file" else 0
        path = normal(path)
        if named == "hardlink":
            link = normal(link)
        elif named != "symlink":
            link = ""
        if len(path) > MAX_NAME or len(link) > MAX_NAME or not path.isascii():
            _require_possible(path, link)
        shown = held if real is None or named != "file" else real
        sink = self._on_member(Member(path, named, shown, _number(fields[1]) & 0o7777, uid, gid, link, capability))
        if real is not None and named == "file":
            self._holes += real
            if self._holes > MAX_HOLES:
                raise BadArchive(f"its sparse files have more than {MAX_HOLES >> 30} GiB")
            sink = sparse.Expand(sink, real, spans)
        self._sink = sink
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
            if self._type in b"LK":
                name = content.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
                self._long["path" if self._type == b"L" else "linkpath"] = name
            elif self._type != b"g":
                self._pax = _records(content)


def _records(content: bytes) -> dict[str, str]:
    """Return the records of a PAX header that matter here: "LENGTH KEY=VALUE\\n", where LENGTH is that of it all.

    An empty value leaves what the header says.
    """
    found: dict[str, str] = {}
    pieces: list[str] = []
    at = 0
    while at < len(content) and content[at]:
        space = content.find(b" ", at, at + 20)
        digits = content[at:space] if space > 0 else b""
        if not digits.isdigit() or int(digits) <= space + 1 - at or at + int(digits) > len(content):
            raise BadArchive("a PAX header does not have the length that it says")
        record = content[space + 1 : at + int(digits) - 1]
        at += int(digits)
        name, _, text = record.partition(b"=")
        if b"\0" in name or (b"\0" in text and name in (b"path", b"linkpath")):
            raise BadArchive("a PAX header has a name with a zero byte in it")
        key, value = name.decode("utf-8", "replace"), text.decode("utf-8", "surrogateescape")
        if key in sparse.PIECE:
            if key != sparse.PIECE[len(pieces) % 2]:
                raise BadArchive("a sparse file has a malformed map")
            pieces.append(value)
        elif key in _RECORDS:
            found[key] = value
    if pieces:
        found[sparse.MAP] = ",".join(pieces)
    return {key: value for key, value in found.items() if value}


def _require_possible(path: str, link: str) -> None:
    """Raise BadArchive if no file system takes a file of that name."""
    longest = max(path.split("/"), key=len)
    for name, limit in ((path, MAX_PATH), (link, MAX_PATH), (longest, MAX_NAME)):
        size = len(name.encode("utf-8", "surrogateescape"))
        if size > limit:
            raise BadArchive(f"a name has {size} bytes, and no file system takes more than {limit}")


def _decimal(text: str | None, default: int) -> int:
    """Read a number as PAX records have it."""
    if not text:
        return default
    if not _INTEGER.fullmatch(text):
        raise BadArchive("a header has a malformed number")
    return int(text)


def has_checksum(block: bytes) -> bool:
    """Whether a header's checksum is right. Anything but a header practically never has a right one."""
    try:
        return _number(block[148:156]) == sum(block[:148]) + 256 + sum(block[156:])
    except BadArchive:
        return False


def _number(field: bytes) -> int:
    """Read an octal number, or GNU's base-256 if the first bit is set."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    try:
        return int(field.split(b"\0", 1)[0].strip() or b"0", 8)
    except ValueError:
        raise BadArchive("a header has a malformed number") from None


def normal(path: str) -> str:
    """Return a path from the root: no slash at either end, no empty part and no `.`; `..` stops at the root."""
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
