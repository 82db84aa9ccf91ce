"""A folder for the scanner, and a small reader of bbolt databases, made by the format's description."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grader.facts.advisories.bolt import PAGE


def requirements(folder: Path, packages: Mapping[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "requirements.txt").write_text("".join(f"{name}=={version}\n" for name, version in packages.items()))
    return folder


def read_database(data: bytes) -> dict[bytes, Any]:
    """The buckets of a database, from both of its meta pages."""
    (number,) = {struct.unpack_from("<Q", data, page + 16 + 16)[0] for page in (0, PAGE)}
    return read(data, number * PAGE)


def entries(data: bytes, at: int) -> Iterator[tuple[int, bytes, bytes]]:
    """The entries of a tree, flags, key, value."""
    number, kind, count, _ = struct.unpack_from("<QHHI", data, at)
    assert number * PAGE == at or number == 0
    last = b""
    for item in range(count):
        if kind == 1:
            head = at + 16 + 16 * item
            distance, size, page = struct.unpack_from("<IIQ", data, head)
            key = data[head + distance : head + distance + size]
            below = list(entries(data, page * PAGE))
            assert below[0][1] == key
            yield from below
        else:
            head = at + 16 + 16 * item
            flags, distance, size, length = struct.unpack_from("<IIII", data, head)
            key = data[head + distance : head + distance + size]
            yield flags, key, data[head + distance + size : head + distance + size + length]
        assert key > last
        last = key


def read(data: bytes, root: int) -> dict[bytes, Any]:
    found: dict[bytes, Any] = {}
    for flags, key, value in entries(data, root):
        if not flags:
            found[key] = value
            continue
        page, _ = struct.unpack_from("<QQ", value)
        found[key] = read(data, page * PAGE) if page else read(value[16:], 0)
    return found
