"""How the text files of two folders differ, file by file, in a form that can be shown anywhere."""

from __future__ import annotations

import difflib
import filecmp
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from layerwise import workspace

MAX_FILES = 30
"""The most files of a folder that are compared, the Dockerfile first."""
MAX_BYTES = 64 * 1024
MAX_LINES = 1000
"""The most lines of a file that are compared."""
CONTEXT = 3
"""How many equal lines are shown around each difference."""

Sign = Literal["-", "+", " ", "…"]


@dataclass(frozen=True)
class FileDifference:
    """How one file differs: lines with a sign (`-` only in the first, `+` only in the second, blank in both, `…` where
    equal lines are left out), or in words where no lines can be shown."""

    path: str
    lines: tuple[tuple[Sign, str], ...] = ()
    words: str = ""


def compare(first: Path, second: Path, main: str, only_first: str) -> list[FileDifference]:
    """How the files of two folders differ, that named `main` first. Links are not followed.

    `only_first` is said of a file that the second folder does not have.
    """
    one, other = _files(first), _files(second)
    found = []
    for name in sorted({*one, *other}, key=lambda name: (name != main, name)):
        if name not in other:
            found.append(FileDifference(name, words=only_first))
        elif name not in one:
            found.append(_new(name, read_bounded(other[name])))
        elif not _are_equal(one[name], other[name]):
            found.append(_difference(name, read_bounded(one[name]), read_bounded(other[name])))
    return found


def _files(folder: Path) -> dict[str, Path]:
    """The regular files of a folder by their path in it."""
    found = (
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and not workspace.LEFT_OUT & set(path.relative_to(folder).parts)
    )
    return {path.relative_to(folder).as_posix(): path for path in islice(found, MAX_FILES)}


def read_bounded(path: Path) -> bytes | None:
    """The content of a file, None if it cannot be read or is too large to compare."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= MAX_BYTES else None


def _are_equal(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _new(name: str, content: bytes | None) -> FileDifference:
    return _difference(name, b"", content) if content != b"" else FileDifference(name, words="empty")


def _difference(name: str, one: bytes | None, other: bytes | None) -> FileDifference:
    if one is None or other is None:
        return FileDifference(name, words="too large to compare here")
    if b"\0" in one or b"\0" in other:
        return FileDifference(name, words="differs, and is not text")
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (one, other))
    if max(len(before), len(after)) > MAX_LINES:
        return FileDifference(name, words="has too many lines to compare here")
    lines = tuple(_lines(before, after))
    return FileDifference(name, lines) if lines else FileDifference(name, words="differs in its line ends only")


def _lines(before: list[str], after: list[str]) -> Iterator[tuple[Sign, str]]:
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number or group[0][1]:
            yield "…", ""
        for kind, start, end, start_after, end_after in group:
            if kind == "equal":
                yield from ((" ", line) for line in before[start:end])
            else:
                yield from (("-", line) for line in before[start:end])
                yield from (("+", line) for line in after[start_after:end_after])
