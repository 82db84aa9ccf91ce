"""Find a container's overlay mount and the content of its upper directory, through the engine.

The engine may run in a virtual machine or in a container, so that its folders are not on this machine. So a helper
container looks for us. It shares the process namespace of the other container, which has the mount, and binds the
upper directory read-only. That works wherever the engine runs.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

from grader.errors import EngineFailure, SubmissionFault
from grader.facts.engine.engine import Engine

HELPER = "localhost:5000/base/busybox:musl"
MAX_OUTPUT = 512 * 1024
"""The most bytes of the helper's answer that are read. A longer answer is cut."""
SECONDS = 20
_LIST = 'for f; do stat -c "%f %s %t %T" -- "$f"; printf "%s\\0" "$f"; done'
_ENTRY = re.compile(rb"([0-9a-f]+) (\d+) ([0-9a-f]+) ([0-9a-f]+)\n/upper/(.*)", re.DOTALL)


@dataclass(frozen=True)
class Mount:
    """An overlay mount, with its folders as the engine's machine names them. `lower` has the topmost first."""

    lower: tuple[str, ...]
    upper: str
    work: str


class UpperEntry(NamedTuple):
    """An entry of the upper directory."""

    kind: str
    """file, folder, symlink, whiteout or other"""
    size: int


class NotVisible(Exception):
    """The mount or its upper directory cannot be looked at. The message says why."""


def mount_of(engine: Engine, container: Mapping[str, Any]) -> Mount:
    """Return the mount of an inspected container. Raises NotVisible if it has no overlay mount now."""
    driver = container.get("GraphDriver") or {}
    data = driver.get("Data") or {}
    if data.get("UpperDir"):
        return Mount(
            tuple(str(data.get("LowerDir") or "").split(":")), str(data["UpperDir"]), str(data.get("WorkDir") or "")
        )
    if not (container.get("State") or {}).get("Running"):
        raise NotVisible("the container does not run: its file system is mounted only while it does")
    shared = {"pid_mode": f"container:{container['Id']}", "cap_add": ["SYS_PTRACE"]}
    text = _ask(engine, ["cat", "/proc/1/mountinfo"], shared)
    for line in text.decode("utf-8", "replace").splitlines():
        found = _parse(line)
        if found:
            return found
    raise NotVisible(f"its file system is not an overlay (storage driver {driver.get('Name') or 'unknown'})")


def held(engine: Engine, mount: Mount) -> dict[str, UpperEntry]:
    """Return the entries of the upper directory, within bounds, by path without a leading slash.

    Raises NotVisible if the directory cannot be bound.
    """
    bind = {"Type": "bind", "Source": mount.upper, "Target": "/upper", "ReadOnly": True}
    command = ["find", "/upper", "-mindepth", "1", "-exec", "sh", "-c", _LIST, "sh", "{}", "+"]
    found: dict[str, UpperEntry] = {}
    for record in _ask(engine, command, {"mounts": [bind]}).split(b"\0"):
        match = _ENTRY.fullmatch(record)
        if match:
            mode, size, major, minor = (int(match[1], 16), int(match[2]), int(match[3], 16), int(match[4], 16))
            found[match[5].decode("utf-8", "surrogateescape")] = UpperEntry(_kind(mode, major, minor), size)
    return found


def _kind(mode: int, major: int, minor: int) -> str:
    if stat.S_ISCHR(mode) and (major, minor) == (0, 0):
        return "whiteout"
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "symlink" if stat.S_ISLNK(mode) else "other"


def _parse(line: str) -> Mount | None:
    """The mount in a line of mountinfo, if it is the overlay at the root; else None. See proc(5)."""
    fields, _, source = line.partition(" - ")
    words = source.split(" ")
    if fields.split(" ")[4:5] != ["/"] or words[0] != "overlay":
        return None
    lower: list[str] = []
    folders: dict[str, str] = {}
    for option in words[-1].split(","):
        key, _, value = option.partition("=")
        if key == "lowerdir":
            lower += value.split(":")
        elif key == "lowerdir+":
            lower.append(value)
        elif key in ("upperdir", "workdir"):
            folders[key] = _unescape(value)
    if "upperdir" not in folders:
        return None
    return Mount(tuple(map(_unescape, lower)), folders["upperdir"], folders.get("workdir", ""))


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _ask(engine: Engine, command: list[str], host: Mapping[str, Any]) -> bytes:
    """Return what a helper container prints, bounded in time and length."""
    bounds = {"network_mode": "none", "mem_limit": 64 << 20, "pids_limit": 64, "log_config": {"Type": "none"}}
    try:
        made = engine.create_container(
            HELPER,
            host={**bounds, "security_opt": ["no-new-privileges"], **host},
            entrypoint=["timeout", str(SECONDS)],
            command=command,
            user="0",
        )
    except KeyError:
        raise NotVisible(f"this needs an image of the lab: docker pull {HELPER}") from None
    except (EngineFailure, SubmissionFault) as problem:
        raise NotVisible(f"the engine does not show it: {problem}") from None
    answer = bytearray()
    try:
        with closing(engine.start_container(made)) as output:
            for out, _ in output:
                answer += out or b""
                if len(answer) > MAX_OUTPUT:
                    break
    except (EngineFailure, SubmissionFault) as problem:
        raise NotVisible(f"the engine does not show it: {problem}") from None
    finally:
        engine.remove_container(made)
    return bytes(answer[:MAX_OUTPUT])
