"""`files`: the final file system has the right files, with the right modes, owners and contents.

    files = [
        {path = "/app/app.py", mode = "0644", owner = "root"},
        {path = "/data", owner = "app:app"},
        {path = "/etc/app.toml", contains = '^debug = false$'},
        {path = "/usr/bin/gcc", exists = false},
    ]

The check looks at what a container would see, and follows symbolic links inside the image. Every item is worth the
same, and is met if everything it says is true.

- `exists`: false for a path that must not exist. A link that leads nowhere does not exist.
- `mode`: octal, with the set-uid, set-gid and sticky bits.
- `owner`: "USER", "USER:GROUP" or ":GROUP", each by name or number. Names are looked up in the image's own /etc/passwd
  and /etc/group.
- `contains`: a regular expression that has to match in the first 64 KiB of a file; `^` and `$` match at line ends.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from grader.checks import Pattern, Told
from grader.facts.image.users import MAX_TABLE, TABLES, id_of
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.lib.units import format_size
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.image.filesystem import File, FileSystem

LIMIT = 64 * 1024
"""The most bytes of a file that are searched: the time for an expression can grow with their square."""
SHOWN = 5
"""The most faults named in the message."""
_Contents = Mapping[str, bytes | None]


def _absolute(text: str) -> str:
    if not text.startswith("/") or ".." in text.split("/") or "\0" in text:
        raise ValueError(f"expected an absolute path without '..', found {text!r}")
    return posixpath.normpath("/" + text.lstrip("/"))


def _octal(text: str) -> str:
    if not re.fullmatch(r"[0-7]{3,4}", text):
        raise ValueError(f"expected an octal text such as '0644', found {text!r}")
    return text.zfill(4)


def _owner(text: str) -> str:
    if not re.fullmatch(r"[^:\s]*(:[^:\s]+)?", text) or not text:
        raise ValueError(f"expected 'USER', 'USER:GROUP' or ':GROUP', by name or number, found {text!r}")
    return text


class Item(BaseModel):
    """What is expected of one path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, AfterValidator(_absolute)]
    exists: StrictBool = True
    mode: Annotated[str, AfterValidator(_octal)] | None = None
    owner: Annotated[str, AfterValidator(_owner)] | None = None
    contains: Pattern | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.exists and (self.mode or self.owner or self.contains is not None):
            raise ValueError(f"{self.path}: with exists = false there can be no mode, owner or contains")
        return self


class Params(Told):
    """The items, one for each path."""

    work: ClassVar[Workload] = Workload.LOOKS
    files: Annotated[tuple[Item, ...], Field(min_length=1, max_length=100)]


class _Fault(NamedTuple):
    """How a path differs from what is expected."""

    why: str
    expected: str
    place: Place


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of the items that are met."""
    files = facts.image.files
    contents: dict[str, bytes | None] = {}
    tables: dict[str, bytes | None] = {}
    if any(item.owner for item in params.files):
        tables = facts.image.read_all(TABLES, MAX_TABLE)
    if read := [item.path for item in params.files if item.contains is not None]:
        contents = facts.image.read_all(dict.fromkeys(read), LIMIT)
    faults = [_faults(files, item, contents, tables) for item in params.files]
    wrong = [found for found in faults if found]
    number = f"{len(faults)} path{'' if len(faults) == 1 else 's'}"
    if not wrong:
        return Verdict.passed(f"{number} in the image {'is' if len(faults) == 1 else 'are'} as expected.")
    first = [fault for found in wrong for fault in found][:SHOWN]
    return Verdict.share(
        (len(faults) - len(wrong)) / len(faults),
        params.told("; ".join(fault.why for fault in first) + "."),
        expected="; ".join(fault.expected for fault in first),
        found=f"{len(wrong)} of {number} not as expected",
        where=[fault.place for found in wrong for fault in found],
    )


def _faults(files: FileSystem, item: Item, contents: _Contents, tables: _Contents) -> list[_Fault]:
    resolved = files.resolve(item.path)
    found = None if resolved is None else files.get(resolved)
    shown = clean(item.path, 200)
    if found is None or resolved is None:
        return [_missing(files, item, shown)] if item.exists else []
    name = shown if f"/{resolved}" == item.path else f"{shown} (which is /{clean(resolved, 200)})"
    place = Place(path=f"/{resolved}", layer=found.layer + 1)
    if not item.exists:
        return [_Fault(f"{name} is in the image and should not be", f"no {shown}", place)]
    faults = []
    if item.mode and found.mode != int(item.mode, 8):
        faults.append(_Fault(f"{name} has mode {found.mode:04o}", f"{shown} with mode {item.mode}", place))
    if item.owner and (why := _other_owner(found, item.owner, tables)):
        faults.append(_Fault(f"{name} {why}", f"{shown} owned by {item.owner}", place))
    if item.contains is not None and (why := _without(found, item.contains, contents[item.path])):
        faults.append(_Fault(f"{name} {why}", f"{shown} with text matching {item.contains}", place))
    return faults


def _missing(files: FileSystem, item: Item, shown: str) -> _Fault:
    at = files.get(item.path)
    why = "is not in the image"
    if at and at.kind == "symlink":
        why = f"is a link to {clean(at.link, 200)}, which leads nowhere in the image"
    return _Fault(f"{shown} {why}", shown, Place(path=item.path, layer=at.layer + 1 if at else None))


def _other_owner(found: File, wanted: str, tables: _Contents) -> str:
    """How the owner differs from the wanted one. Empty if it does not."""
    user, _, group = wanted.partition(":")
    parts: Sequence[tuple[str, str, str, int]] = (
        ("user", user, TABLES[0], found.uid),
        ("group", group, TABLES[1], found.gid),
    )
    for kind, name, table, actual in parts:
        if not name:
            continue
        number = int(name) if name.isdecimal() else id_of(name, tables[table])
        if number is None:
            return f"cannot belong to the {kind} {clean(name, 60)}: the image's {table} has no {kind} with that name"
        if number != actual:
            return f"belongs to {'uid' if kind == 'user' else 'gid'} {actual}"
    return ""


def _without(found: File, pattern: str, content: bytes | None) -> str:
    """Why the pattern does not match in the file. Empty if it does."""
    if content is None:
        return f"is a {found.kind}, not a file"
    if re.search(pattern, content.decode("utf-8", "replace"), re.MULTILINE):
        return ""
    part = f" in its first {format_size(LIMIT)}" if found.size > LIMIT else ""
    return f"does not contain the expected text{part}"
