"""Edit a file as a person might, so that it stays valid for its type and is like no file that was ever built before.

Every edit but a touch changes both size and modification time: BuildKit takes a file for unchanged when neither does.
What is edited still means the same to the tool that reads it, and agrees with the file it belongs to: `npm ci`,
`poetry install`, `uv sync --locked`, `go build -mod=readonly`, `cargo build --locked`, `bundle install` and
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
from pathlib import Path, PurePosixPath
from typing import Literal

from grader.errors import SubmissionFault

Change = Literal["content", "dependency", "touch", "add"]

MAX_EDITED = 16_000_000
"""Bytes of a file that is edited."""
_LONG = 2_000  # characters of a line that is a requirement
_LATER = 7200  # seconds: whole ones and well apart, so that no file system rounds the change away

_FORMS = {
    "# {}": (
        "bash cfg conf coffee dockerfile env ex exs fish gemfile gemspec gitignore hcl in ini jl lock mk makefile nim "
        "pipfile pl pm procfile properties ps1 py pyi pyx r rake rakefile rb req requirements sh tcl tf toml txt yaml "
        "yml zsh"
    ),
    "// {}": (
        "c cc cjs cpp cs cxx dart go gradle groovy h hpp java jenkinsfile js jsx kt kts mjs mod php proto rs scala "
        "scss swift ts tsx work"
    ),
    "<!-- {} -->": "csproj htm html md svg vue xhtml xml",
    "/* {} */": "css less",
    "-- {}": "hs lua sql",
    ";; {}": "clj el lisp",
    "% {}": "erl tex",
    "REM {}": "bat",
}
_COMMENTS = {suffix: form for form, suffixes in _FORMS.items() for suffix in suffixes.split()}
"""How a line of comment looks, by the file's suffix, or its whole name where it has none."""
# A requirement on a line, up to where its marker stands or would stand; then the marker; then options, a comment or the
# backslash of a line that goes on.
_REQUIREMENT = re.compile(
    r"(?P<head>[A-Za-z0-9][\w.-]*\s*(\[[^]]*\])?\s*([=<>!~(][^;#\\]*?)?)"
    r"(\s*;\s*(?P<marker>[^#\\]*?))?"
    r"(?P<tail>\s+--\S.*|\s+#.*|\s*\\)?",
    re.ASCII,
)


def apply(folder: Path, path: str, change: Change) -> None:
    """Make the change to the file at `path` below `folder`, through no link. `add` makes a file that is not there.

    SubmissionFault where there is no regular file, or it is too large.
    """
    target = folder / path
    if change == "add":
        _add(folder, target)
        return
    try:
        found = os.lstat(target)
    except OSError:
        raise SubmissionFault(f"{path} is not there to be edited") from None
    if not stat.S_ISREG(found.st_mode):
        raise SubmissionFault(f"{path} is no regular file, and cannot be edited")
    if change != "touch":
        if found.st_size > MAX_EDITED:
            raise SubmissionFault(f"{path} is too large to be edited")
        mode = stat.S_IMODE(found.st_mode)
        target.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
        target.write_bytes(_edited(PurePosixPath(path).name, target.read_bytes(), dependency=change == "dependency"))
        target.chmod(mode)
    os.utime(target, (found.st_atime, int(found.st_mtime) + _LATER))


def _add(folder: Path, target: Path) -> None:
    for parent in reversed(target.relative_to(folder).parents):
        at = folder / parent
        if at.is_symlink() or (at.exists() and not at.is_dir()):
            raise SubmissionFault(f"{parent} is no folder, and nothing can be added to it")
        at.mkdir(exist_ok=True)
    while os.path.lexists(target):
        target = target.with_name(f"{target.stem}-{secrets.token_hex(3)}{target.suffix}")
    target.write_bytes(_edited(target.name, b"", dependency=False))


def _edited(name: str, content: bytes, *, dependency: bool) -> bytes:
    """The content with a change that means nothing to its reader; `dependency`: one that outlives dropping comments,
    where the file has a place for it."""
    nonce = secrets.token_hex(12)
    suffix = name.lower().rpartition(".")[2]
    if suffix in ("json", "webmanifest") or content.lstrip()[:1] == b"{":
        return _edited_json(content, nonce)
    if dependency and suffix in ("txt", "in"):
        edited = _edited_requirement(content, nonce)
        if edited:
            return edited
    if name == "go.sum":
        # It has no comments: the sum of a module that nothing asks for.
        digest = base64.b64encode(hashlib.sha256(nonce.encode()).digest()).decode()
        line = f"edited.invalid/edited v0.0.0-{nonce} h1:{digest}"
    else:
        form = _COMMENTS.get(suffix, "# {}" if content.startswith(b"#!") else "{}")
        line = form.format(f"edited {nonce}")
    gap = b"" if not content or content.endswith(b"\n") else b"\n"
    return content + gap + line.encode() + b"\n"


def _edited_json(content: bytes, nonce: str) -> bytes:
    """With one key more in front, the rest as it stands; what is no object gets white space that spells the nonce."""
    try:
        value = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        before, _, after = (content or b"{}\n").partition(b"{")
        comma = "," if value else ""
        return before + f'{{\n  "x-edited": "{nonce}"{comma}'.encode() + after
    bits = f"{int(nonce, 16):096b}"
    return content + b"\n" + bits.replace("0", " ").replace("1", "\t").encode() + b"\n"


def _edited_requirement(content: bytes, nonce: str) -> bytes | None:
    """With a marker that always holds on the first requirement that can take one; None where none can."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    for number, line in enumerate(lines):
        found = _REQUIREMENT.fullmatch(line.rstrip()) if len(line) < _LONG else None
        if not found:
            continue
        tail = found["tail"] or ""
        following = lines[number + 1].lstrip() if number + 1 < len(lines) else ""
        if (number and lines[number - 1].endswith("\\")) or (tail.endswith("\\") and not following.startswith("--")):
            continue  # in the midst of something that goes over several lines
        always = f'sys_platform != "edited-{nonce}"'
        marker = f"({found['marker'].strip()}) and {always}" if found["marker"] else always
        ending = line[len(line.rstrip()) :]
        lines[number] = f"{found['head'].rstrip()} ; {marker}{tail}{ending}"
        return "\n".join(lines).encode("utf-8", "surrogateescape")
    return None
