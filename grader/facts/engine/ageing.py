"""Make the young files of a container look a year old.

A check may look at the age of a file, as of one that the service touches every few seconds. Right after a build all
files that it made are young, whether anything touches them or not; and a service that was stopped a moment ago has
left young files. Nobody waits an hour to see whether a check notices: the files are put into the container again, with
older times. What is *in* a small file is aged as well if it is a time of now.
"""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from grader.errors import EngineFailure
from grader.facts.engine.engine import Engine
from grader.lib.patience import stretched

YOUNG = 86_400.0
"""Seconds. An older file stays as it is."""
SHIFT = 364 * 86_400
"""Seconds that a file becomes older, whole weeks."""
MAX_FILE = 1 << 20
"""Bytes of the largest file that is aged: what shows that a service lives is small."""
MAX_ALL = 64 << 20
"""Bytes of all files that are aged; the smallest come first."""
TEXT = 4096
"""Bytes of the largest file whose content is aged."""
EXPORT = 120.0
"""Seconds to read through all files of a container."""

_MOUNTED = frozenset(("etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", ".dockerenv", "dev", "proc", "sys"))
_SHIFT_DAYS = timedelta(seconds=SHIFT)
# Also as milliseconds and finer
_SECONDS = re.compile(rb"(?<![0-9A-Za-z])[0-9]{10}(?=(?:[0-9]{3}){0,3}(?![0-9A-Za-z]))")
_DAY = re.compile(rb"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_MONTH = re.compile(rb"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)")
_YEAR = re.compile(rb"(?<![0-9.:-])[0-9]{4}(?![0-9.-])")


@dataclass
class Entry:
    """A file, folder or link, with its whole path. Of a file there is the content."""

    info: tarfile.TarInfo
    young: bool
    content: bytes = b""


def aged_image(engine: Engine, image: str) -> bytes:
    """Return the young files of an image as a tar with older times; empty if it has none.

    Raises EngineFailure if they cannot be read, or not in time.
    """
    container = engine.create_container(image, host={"network_mode": "none"})
    try:
        return _packed(_exported(engine, container, time.time() - YOUNG))
    finally:
        engine.remove_container(container)


def aged_container(engine: Engine, container: str) -> bytes | None:
    """Return what a container wrote since its start, in its volumes too, as a tar with older times; empty if nothing.

    None if its volumes hold too much to be looked at. What is in /dev/shm is not seen. Raises KeyError if the container
    is gone, and EngineFailure if its files cannot be read, or not in time.
    """
    state = engine.inspect_container(container)
    since = datetime.fromisoformat(str(state["State"]["StartedAt"])).timestamp() - 1
    found = _exported(engine, container, since)
    for mount in state.get("Mounts") or ():
        archive = engine.get_tree(container, str(mount["Destination"]), MAX_ALL)
        if archive is None:
            return None
        found += _in_volume(archive, str(mount["Destination"]).strip("/"), since)
    return _packed(found)


def aged_text(content: bytes, now: float) -> bytes:
    """Return a small file's content with the times of now in it made older: seconds since 1970, days, and this year
    next to a month in words."""
    if len(content) > TEXT:
        return content

    def earlier(found: re.Match[bytes]) -> bytes:
        then = int(found[0])
        return str(then - SHIFT).encode() if abs(then - now) < YOUNG else found[0]

    def earlier_day(found: re.Match[bytes]) -> bytes:
        try:
            then = date.fromisoformat(found[0].decode())
        except ValueError:
            return found[0]
        today = datetime.fromtimestamp(now, UTC).date()
        return (then - _SHIFT_DAYS).isoformat().encode() if abs((then - today).days) <= 1 else found[0]

    def earlier_year(found: re.Match[bytes]) -> bytes:
        year = datetime.fromtimestamp(now, UTC).year
        return str(year - 1).encode() if int(found[0]) == year else found[0]

    aged = _SECONDS.sub(earlier, content)
    return _YEAR.sub(earlier_year, aged) if _MONTH.search(aged) else _DAY.sub(earlier_day, aged)


def _exported(engine: Engine, container: str, since: float) -> list[Entry]:
    """Return the folders of a container, and its files since then that are not too large, without its volumes."""
    try:
        return _collected(engine.export_container(container), since)
    except tarfile.TarError as problem:
        raise EngineFailure(f"a container's files cannot be read ({problem}): grade again") from None


def _collected(chunks: Iterator[bytes], since: float) -> list[Entry]:
    deadline = time.monotonic() + stretched(EXPORT)
    found: list[Entry] = []
    files: list[Entry] = []
    size = 0
    with tarfile.open(fileobj=io.BufferedReader(_Stream(chunks)), mode="r|") as tar:
        for info in tar:
            if time.monotonic() > deadline:
                raise EngineFailure("a container's files could not be read in time: grade again")
            young = info.mtime >= since and not _is_the_engines(_path(info))
            young = young and not any(key.startswith("SCHILY.xattr") for key in info.pax_headers)
            if info.isdir() or (young and (info.issym() or info.islnk())):
                found.append(Entry(info, young))
            elif young and info.isreg() and info.size <= MAX_FILE:
                file = tar.extractfile(info)
                files.append(Entry(info, True, file.read() if file else b""))
                size += info.size
                if size > 2 * MAX_ALL:
                    files, size = _smallest(files)
    return [*_smallest(files)[0], *found]


def _is_the_engines(path: str) -> bool:
    """Whether an engine mounts something at that path of a container, which nobody can replace."""
    return path in _MOUNTED or path.startswith(("dev/", "proc/", "sys/"))


def _smallest(files: list[Entry]) -> tuple[list[Entry], int]:
    """Return as many of the files as are aged, the smallest first, and their bytes."""
    kept, size = [], 0
    for entry in sorted(files, key=lambda entry: entry.info.size):
        if size + entry.info.size > MAX_ALL:
            break
        kept.append(entry)
        size += entry.info.size
    return kept, size


def _in_volume(archive: bytes, place: str, since: float) -> Iterator[Entry]:
    """Yield the files and folders of a volume, whose archive has its last folder at the front of each name."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        for info in tar:
            file = tar.extractfile(info) if info.isreg() else None
            inner = info.name.partition("/")[2]
            info.name = f"{place}/{inner}" if inner else place
            if file or info.isdir():
                yield Entry(info, info.mtime >= since, file.read() if file else b"")


def _packed(entries: Iterable[Entry]) -> bytes:
    """Return a tar of the young ones with older times, and of the folders that they are in."""
    all_of = {_path(entry.info): entry for entry in entries}
    names = {name for name, entry in all_of.items() if entry.young}
    names -= {name for name in names if all_of[name].info.islnk() and all_of[name].info.linkname not in names}
    above = {folder for name in names for folder in _folders(name) if folder in all_of}
    if not names:
        return b""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        # A hard link comes after the file, and the engine sets the times of folders last.
        for name in sorted(names | above, key=lambda name: (all_of[name].info.islnk(), name)):
            entry = all_of[name]
            content = aged_text(entry.content, time.time()) if entry.info.isreg() else b""
            tar.addfile(_aged(entry.info, name, len(content), entry.young), io.BytesIO(content))
    return buffer.getvalue()


def _aged(info: tarfile.TarInfo, name: str, size: int, young: bool) -> tarfile.TarInfo:
    """Return a new entry: the old one's extended headers would say the old time once more."""
    aged = tarfile.TarInfo(name)
    aged.type, aged.linkname, aged.size = info.type, info.linkname, size
    aged.mode, aged.uid, aged.gid = info.mode, info.uid, info.gid
    aged.mtime = int(info.mtime) - SHIFT if young else int(info.mtime)
    return aged


def _path(info: tarfile.TarInfo) -> str:
    return info.name.removeprefix("./").strip("/") or "."


def _folders(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


class _Stream(io.RawIOBase):
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
