"""Parse RUN --mount: what is mounted, and from where (BuildKit's instructions/commands_runmount.go)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
_SHARING = ("shared", "private", "locked")
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)? ?([kKmMgGtTpP][iI]?)?[bB]?")


class MountError(Exception):
    """BuildKit refuses the --mount. The message has no line."""


@dataclass(frozen=True)
class Mount:
    """One --mount, with variables replaced."""

    type: str = "bind"
    source_image: str = ""  # from=: a stage, the number of a stage, or an image; "" is the build context
    source: str = ""
    target: str = ""
    id: str = ""
    sharing: str = ""
    required: bool = False
    read_only: bool | None = None  # None: the type's own default
    options: dict[str, str] = field(default_factory=dict)  # mode, uid, gid, size, env: as written


def mount_source(text: str) -> str:
    """The stage or image of `from=`; "" without one. BuildKit reads only this before variables have values."""
    source = ""
    for item in _fields(text):
        key, _, value = item.partition("=")
        if key.lower() == "from":
            source = value
    if re.search(r"\$.", source):
        raise MountError("'from' doesn't support variable expansion, define alias stage instead")
    return source


def parse_mount(text: str, expand: Callable[[str], str]) -> Mount:
    """Parse `text`, the value of `--mount=`. Raises MountError if BuildKit refuses it."""
    mount = Mount()
    for item in _fields(text):
        key, equals, value = item.partition("=")
        mount = _set(mount, key.lower(), expand(value) if equals else None, item)
    return _checked(mount)


def _set(mount: Mount, key: str, value: str | None, item: str) -> Mount:
    if value is None:
        if key in ("readonly", "ro", "readwrite", "rw"):
            return replace(mount, read_only=key in ("readonly", "ro"))
        if key != "required":
            raise MountError(f"invalid field '{item}' must be a key=value pair")
        value = "true"
    match key:
        case "type":
            if value.lower() not in TYPES:
                raise MountError(f'unsupported mount type "{value}"')
            return replace(mount, type=value.lower())
        case "from":
            return replace(mount, source_image=value)
        case "source" | "src":
            return replace(mount, source=value)
        case "target" | "dst" | "destination":
            return replace(mount, target=value)
        case "readonly" | "ro":
            return replace(mount, read_only=_boolean(key, value))
        case "readwrite" | "rw":
            return replace(mount, read_only=not _boolean(key, value))
        case "required":
            _only_for(mount, key, "secret", "ssh")
            return replace(mount, required=_boolean(key, value))
        case "id":
            return replace(mount, id=value)
        case "sharing":
            if value.lower() not in _SHARING:
                raise MountError(f'unsupported sharing value "{value}"')
            return replace(mount, sharing=value.lower())
        case "size":
            _only_for(mount, key, "tmpfs")
            if not _SIZE.fullmatch(value):
                raise MountError(f"invalid value for {key}: {value}")
        case "mode" | "uid" | "gid":
            digits = "01234567" if key == "mode" else "0123456789"
            if not value or value.strip(digits) or int(value, len(digits)) >= 1 << 32:
                raise MountError(f"invalid value {value} for {key}")
        case "env":
            _only_for(mount, key, "secret")
        case _:
            raise MountError(f"unexpected key '{key}' in '{item}'")
    return replace(mount, options={**mount.options, key: value})


def _only_for(mount: Mount, key: str, *types: str) -> None:
    if mount.type not in types:
        raise MountError(f"unexpected key '{key}' for mount type '{mount.type}'")


def _boolean(key: str, value: str) -> bool:
    if value not in _TRUE | _FALSE:
        raise MountError(f"invalid value for {key}: {value}")
    return value in _TRUE


def _checked(mount: Mount) -> Mount:
    if mount.type not in ("secret", "ssh", "cache"):
        for key in ("mode", "uid", "gid"):
            if key in mount.options:
                raise MountError(f'{key} not allowed for "{mount.type}" type mounts')
    if mount.sharing and mount.type != "cache":
        raise MountError(f"invalid cache sharing set for {mount.type} mount")
    if mount.type == "secret":
        if mount.source_image:
            raise MountError("secret mount should not have a from")
        if not (mount.source or mount.target or mount.id or mount.options.get("env")):
            raise MountError("invalid secret mount. one of source, target required")
        if mount.source and mount.id:
            raise MountError("both source and id can't be set")
    return mount


def _fields(text: str) -> list[str]:
    """The fields of one record of comma-separated values. A field may be quoted; a quote inside it is doubled."""
    if not text:
        raise MountError("failed to parse csv mounts: EOF")
    fields: list[str] = []
    at = 0
    while True:
        if text.startswith('"', at):
            item, at = _quoted_field(text, at + 1)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            item, at = text[at:end], end
            if '"' in item:
                raise MountError('failed to parse csv mounts: bare " in non-quoted field')
        fields.append(item)
        if at == len(text):
            return fields
        at += 1


def _quoted_field(text: str, at: int) -> tuple[str, int]:
    item: list[str] = []
    while True:
        end = text.find('"', at)
        if end < 0:
            raise MountError('failed to parse csv mounts: extraneous or missing " in quoted field')
        item.append(text[at:end])
        if text.startswith('""', end):
            item.append('"')
            at = end + 2
            continue
        if end + 1 < len(text) and text[end + 1] != ",":
            raise MountError('failed to parse csv mounts: extraneous or missing " in quoted field')
        return "".join(item), end + 1
