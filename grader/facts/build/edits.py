"""Edit a file as a person might, so that it stays valid for its type and is like no file that was built before.

Every edit except a touch changes both size and modification time: BuildKit takes a file with the same of both for
unchanged. The edited file still means the same to the tool that reads it, and fits the files that it belongs to:
`npm ci`, `poetry install`, `uv sync --locked`, `go build -mod=readonly`, `cargo build --locked`, `bundle install` and
`pip install --require-hashes` accept it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from grader.errors import SubmissionFault
from grader.facts.build import statements

Change = Literal["content", "dependency", "touch", "add"]

_MARKERS = ("sys_platform", "platform_system", "platform_machine", "os_name", "implementation_name")
MAX_EDITED = 16_000_000
"""Bytes of the largest file that is edited."""
_LONG = 2_000  # characters of a line that is a requirement
_LATER = 7200  # whole seconds, and enough that no file system rounds the change away

# A requirement on a line, followed by options, a comment, or the backslash of a line that goes on.
_REQUIREMENT = re.compile(r"(?P<requirement>[^\s#].*?)(?P<tail>\s+-\S.*|\s+#.*|\s*\\)?")


@dataclass(frozen=True)
class Edit:
    """A file as it was and as it is now. `path` is relative to the folder."""

    path: str
    before: bytes
    after: bytes
    kind: Literal["statement", "key", "comment"]
    """What a reader of the file makes of the change: a comment means nothing to it, nor does a key that it ignores."""
    gentler: bool = False
    """Whether there is a gentler change, for a build that refuses this one."""


def apply(folder: Path, path: str, change: Change, *, gently: bool = False) -> Edit | None:
    """Make the change to the file at `path` below `folder`, without following a link. `add` makes a new file.

    Returns what was changed, and None for `touch` and `add`. With `gently`, no statement is added but a comment.

    Raises SubmissionFault if there is no regular file, or if it is too large.
    """
    target = folder / path
    if change == "add":
        _add(folder, target)
        return None
    try:
        found = os.lstat(target)
    except OSError:
        raise SubmissionFault(f"{path} does not exist, and cannot be edited") from None
    if not stat.S_ISREG(found.st_mode):
        raise SubmissionFault(f"{path} is not a regular file, and cannot be edited")
    edit = None
    if change != "touch":
        if found.st_size > MAX_EDITED:
            raise SubmissionFault(f"{path} is too large to be edited")
        mode = stat.S_IMODE(found.st_mode)
        target.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
        edit = _edited(path, target.read_bytes(), dependency=change == "dependency", gently=gently)
        target.write_bytes(edit.after)
        target.chmod(mode)
    os.utime(target, (found.st_atime, int(found.st_mtime) + _LATER))
    return edit


def _add(folder: Path, target: Path) -> None:
    for parent in reversed(target.relative_to(folder).parents):
        at = folder / parent
        if at.is_symlink() or (at.exists() and not at.is_dir()):
            raise SubmissionFault(f"{parent} is not a folder, and nothing can be added to it")
        at.mkdir(exist_ok=True)
    while os.path.lexists(target):
        target = target.with_name(f"{target.stem}-{secrets.token_hex(3)}{target.suffix}")
    target.write_bytes(_edited(target.name, b"", dependency=False).after)


def _edited(path: str, content: bytes, *, dependency: bool, gently: bool = False) -> Edit:
    """Return the content with a change that means nothing to its reader.

    With `dependency`, the change remains if comments are removed, provided that the file has a place for such a change.
    """
    name = PurePosixPath(path).name
    suffix = name.lower().rpartition(".")[2]
    if suffix in ("json", "webmanifest") or content.lstrip()[:1] == b"{":
        return Edit(path, content, _edited_json(content), "key")
    if name == "go.sum":
        return Edit(path, content, _edited_sums(content), "key")
    if dependency and suffix in ("txt", "in") and (edited := _edited_requirement(content, gently=gently)):
        return Edit(path, content, edited, "statement", gentler=not gently)
    commented = statements.with_comment(name, content)
    if edited := statements.with_statement(name, content):
        return Edit(path, content, commented if gently else edited, "statement", gentler=not gently)
    return Edit(path, content, commented, "comment" if statements.has_comments(name, content) else "statement")


def _edited_sums(content: bytes) -> bytes:
    """Add the sum of a module that nothing uses: go.sum has no comments."""
    digest = base64.b64encode(hashlib.sha256(secrets.token_bytes()).digest()).decode()
    line = f"github.com/{statements.word()}/{statements.word()} v1.{statements.number()}.0 h1:{digest}"
    gap = b"" if not content or content.endswith(b"\n") else b"\n"
    return content + gap + line.encode() + b"\n"


def _edited_json(content: bytes) -> bytes:
    """Add a key at the front of an object and leave the rest as it is. Other JSON gets white space that encodes a
    random number."""
    try:
        value = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        before, _, after = (content or b"{}\n").partition(b"{")
        comma = "," if value else ""
        key = f"{statements.word()}-{statements.word()}"
        return before + f'{{\n  "{key}": "{statements.sentence()}"{comma}'.encode() + after
    return content + b"\n" + _blanks()


def _edited_requirement(content: bytes, *, gently: bool) -> bytes | None:
    """Add a marker that is always true to the first requirement that can have one. Returns None if none can.

    With `gently`, write its name in another mixture of small and capital letters, which is the same name, and add
    blanks at the end: a shell that splits the list into words takes no marker.
    """
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    for number, line in enumerate(lines):
        found = _REQUIREMENT.fullmatch(line.rstrip()) if len(line) < _LONG else None
        if not found or not _takes_marker(found["requirement"]):
            continue
        if gently and (name := re.match(r"[A-Za-z0-9._-]+", found["requirement"])):
            lines[number] = _in_other_letters(name[0]) + line[name.end() :]
            return "\n".join(lines).encode("utf-8", "surrogateescape").rstrip(b"\n") + b"\n" + _blanks()
        tail = found["tail"] or ""
        following = lines[number + 1].lstrip() if number + 1 < len(lines) else ""
        if (number and lines[number - 1].endswith("\\")) or (tail.endswith("\\") and not following.startswith("--")):
            continue  # part of something that goes over several lines
        always = f'{secrets.choice(_MARKERS)} != "{statements.word()}{statements.number()}"'
        head, _, marker = found["requirement"].partition(";")
        marker = f"({marker.strip()}) and {always}" if marker.strip() else always
        ending = line[len(line.rstrip()) :]
        lines[number] = f"{head.rstrip()} ; {marker}{tail}{ending}"
        return "\n".join(lines).encode("utf-8", "surrogateescape")
    return None


def _in_other_letters(name: str) -> str:
    mixed = name
    while mixed == name and name.upper() != name.lower():
        mixed = "".join(secrets.choice((letter.upper(), letter.lower())) for letter in name)
    return mixed


def _blanks() -> bytes:
    """A line of blanks that is never the same."""
    return f"{1 << 96 | secrets.randbits(96):b}".replace("0", " ").replace("1", "\t").encode() + b"\n"


def _takes_marker(text: str) -> bool:
    """Whether it is a requirement that is looked up in an index, with a marker or without."""
    from packaging.requirements import Requirement

    try:
        return Requirement(text).url is None
    except (ValueError, RecursionError):
        return False
