"""Write a bbolt database, the one-file format in which Trivy keeps its advisories.

    data = database({b"debian 13": {b"ncurses": {b"CVE-2025-69720": b"{}"}}})

A bucket holds values and other buckets by name. The file is a series of pages: two copies of the meta page, a list of
free pages (empty here), and the trees. A bucket is a B+ tree: leaf pages with its entries in the order of their keys
and, if they do not fit on one page, branch pages above that name the first key of each page below. An entry that is
larger than a page continues on overflow pages. The same buckets always give the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

PAGE = 4096
_INLINE = PAGE // 4
"""Bytes of the largest bucket that is kept inside its parent's entry, and not on a page of its own."""
_MAGIC = 0xED0CDAED
_VERSION = 2
_BRANCH, _LEAF, _META, _FREELIST = 1, 2, 4, 16
_IS_BUCKET = 1

_HEADER = struct.Struct("<QHHI")  # page number, kind, entries, pages that overflow
_LEAF_ENTRY = struct.Struct("<IIII")  # flags, distance of the key, bytes of the key, bytes of the value
_BRANCH_ENTRY = struct.Struct("<IIQ")  # distance of the key, bytes of the key, page
_BUCKET = struct.Struct("<QQ")  # page of its root (0: it follows here), sequence
_META_PAGE = struct.Struct(
    "<IIIIQQQQQ"
)  # magic, version, page size, flags, root, sequence, free list, pages, transaction

Bucket = Mapping[bytes, "bytes | Bucket"]
_Entry = tuple[int, bytes, bytes]
_Page = Callable[[int], bytes]


def database(root: Bucket) -> bytes:
    """Return the bytes of a database with these buckets. Raises ValueError for an empty key, which bbolt refuses."""
    pages = _Pages()
    number = pages.tree(root)
    return pages.file(number)


class _Pages:
    """The pages written so far. The first three are those of the file itself."""

    def __init__(self) -> None:
        self._written: list[bytes] = []
        self._next = 3

    def tree(self, bucket: Bucket) -> int:
        """Write a bucket and those in it. Returns the number of its root page."""
        level = [(entries[0][1] if entries else b"", self._leaf(entries)) for entries in _split(self._entries(bucket))]
        while len(level) > 1:
            level = [(part[0][0], self._branch(part)) for part in _split_branch(level)]
        return level[0][1]

    def _entries(self, bucket: Bucket) -> Iterator[_Entry]:
        for key in sorted(bucket):
            if not key:
                raise ValueError("an entry without a key")
            value = bucket[key]
            yield (0, key, value) if isinstance(value, bytes) else (_IS_BUCKET, key, self._bucket(value))

    def _bucket(self, bucket: Bucket) -> bytes:
        """Return a bucket's value in its parent: the number of its page, or the whole of a small one."""
        if all(isinstance(value, bytes) for value in bucket.values()):
            page = _leaf_page(0, list(self._entries(bucket)))
            if len(page) <= _INLINE:
                return _BUCKET.pack(0, 0) + page
        return _BUCKET.pack(self.tree(bucket), 0)

    def _leaf(self, entries: list[_Entry]) -> int:
        return self._add(lambda number: _leaf_page(number, entries))

    def _branch(self, children: list[tuple[bytes, int]]) -> int:
        return self._add(lambda number: _branch_page(number, children))

    def _add(self, page: _Page) -> int:
        number = self._next
        data = page(number)
        self._written.append(data + bytes(-len(data) % PAGE))
        self._next += len(self._written[-1]) // PAGE
        return number

    def file(self, root: int) -> bytes:
        free = _HEADER.pack(2, _FREELIST, 0, 0).ljust(PAGE, b"\0")
        metas = (self._meta(root, transaction) for transaction in (0, 1))
        return b"".join(chain(metas, [free], self._written))

    def _meta(self, root: int, transaction: int) -> bytes:
        meta = _META_PAGE.pack(_MAGIC, _VERSION, PAGE, 0, root, 0, 2, self._next, transaction)
        page = _HEADER.pack(transaction, _META, 0, 0) + meta + struct.pack("<Q", _checksum(meta))
        return page.ljust(PAGE, b"\0")


def _split(entries: Iterable[_Entry]) -> Iterator[list[_Entry]]:
    """Yield the entries by pages, at least one page. An entry that is larger than a page has one of its own."""
    part: list[_Entry] = []
    size = _HEADER.size
    for entry in entries:
        own = _LEAF_ENTRY.size + len(entry[1]) + len(entry[2])
        if part and size + own > PAGE:
            yield part
            part, size = [], _HEADER.size
        part.append(entry)
        size += own
    yield part


def _split_branch(children: list[tuple[bytes, int]]) -> Iterator[list[tuple[bytes, int]]]:
    """Yield the children by pages, at least two on each, so that every level has fewer pages than the one below."""
    part: list[tuple[bytes, int]] = []
    size = _HEADER.size
    for number, child in enumerate(children):
        own = _BRANCH_ENTRY.size + len(child[0])
        if len(part) >= 2 and size + own > PAGE and number < len(children) - 1:
            yield part
            part, size = [], _HEADER.size
        part.append(child)
        size += own
    yield part


def _leaf_page(number: int, entries: list[_Entry]) -> bytes:
    heads = [
        _LEAF_ENTRY.pack(flags, at, len(key), len(value))
        for (flags, key, value), at in zip(
            entries, _distances(_LEAF_ENTRY.size, [len(key) + len(value) for _, key, value in entries]), strict=True
        )
    ]
    body = b"".join(chain(heads, (part for _, key, value in entries for part in (key, value))))
    return _page(number, _LEAF, len(entries), body)


def _branch_page(number: int, children: list[tuple[bytes, int]]) -> bytes:
    heads = [
        _BRANCH_ENTRY.pack(at, len(key), page)
        for (key, page), at in zip(
            children, _distances(_BRANCH_ENTRY.size, [len(key) for key, _ in children]), strict=True
        )
    ]
    return _page(number, _BRANCH, len(children), b"".join(chain(heads, (key for key, _ in children))))


def _distances(head: int, sizes: list[int]) -> Iterator[int]:
    """Yield how far after its own head each content begins: all heads come first, then all contents."""
    at = head * len(sizes)
    for number, size in enumerate(sizes):
        yield at - head * number
        at += size


def _page(number: int, kind: int, entries: int, body: bytes) -> bytes:
    overflow = (_HEADER.size + len(body) - 1) // PAGE
    return _HEADER.pack(number, kind, entries, overflow) + body


def _checksum(data: bytes) -> int:
    """Return the FNV-1a hash of 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
