"""How a user of an image can become root by what the image holds: set-uid programs, file capabilities, sudo and doas.

Nothing is run. A program counts if the user may execute it, whether or not anything does. The set-uid programs that
distributions ship (`su`, `mount`, `passwd`) do not count: they ask for a password, or check what they are asked to do.
Nor do scripts, for which the kernel ignores the bit.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from grader.facts.image.capabilities import root_capabilities
from grader.facts.image.filesystem import File
from grader.facts.image.image import Image
from grader.facts.image.sudoers import Account, Rule, doas_rule, sudo_rule
from grader.facts.image.tar import Member
from grader.facts.image.users import MAX_TABLE, TABLES, entries, is_number
from grader.lib.text import clean

MAX_RULES = 256 * 1024
"""Bytes read of a file with rules."""
MAX_FILES = 200
"""Files with rules that are read."""
MAX_LISTS = 16 << 20
"""Bytes read of a list of a package's files."""
SET_UID = 0o4000
_SHADOW = "/etc/shadow"
_RULES = re.compile(r"etc/(?:sudoers|doas\.conf|(?:sudoers\.d|doas\.d)/[^/]+)")
# Set-uid programs of Debian, Alpine, Fedora and their like, in a folder of the distribution's.
_DISTRIBUTED = frozenset(
    (
        *("at", "bbsuid", "chage", "chfn", "chrome-sandbox", "chsh", "crontab", "dbus-daemon-launch-helper", "exim4"),
        *("expiry", "fusermount", "fusermount3", "gpasswd", "ksu", "lxc-user-nic", "mount", "mount.cifs", "mount.nfs"),
        *("newgidmap", "newgrp", "newuidmap", "ntfs-3g", "pam_timestamp_check", "passwd", "ping", "ping4", "ping6"),
        *("pkexec", "polkit-agent-helper-1", "pppd", "sg", "snap-confine", "ssh-keysign", "staprun", "su", "suexec"),
        *("su-rs", "traceroute", "umount", "unix_chkpwd", "userhelper", "usernetctl", "Xorg.wrap"),
    )
)
_FOLDERS = re.compile(r"(?:usr/)?(?:s?bin|lib|lib64|libexec)/")
_ASKS = {"sudo": sudo_rule, "sudo-rs": sudo_rule, "sudoedit": sudo_rule, "doas": doas_rule}


class Elevation(NamedTuple):
    """A way to become root: what there is, as the end of a sentence, and the file it is about."""

    text: str
    path: str


def ways_to_root(image: Image, uid: int, gid: int | None, name: str) -> list[Elevation]:
    """Return the ways in which this user becomes root by what the image holds; empty if there is none.

    If `gid` is None, the group is the one that /etc/passwd has for the user.

    Raises SubmissionFault or EngineFailure if the image cannot be read.
    """
    candidates = list(_candidates(image))
    if not candidates:
        return []
    tables = image.read_all(TABLES, MAX_TABLE)
    account = _account(tables[TABLES[0]], tables[TABLES[1]], uid, gid, name)
    reached = [file for file in candidates if _may_execute(image, file, account)]
    ways = _by_files(image, [file for file in reached if posixpath.basename(file.path) not in _ASKS])
    asking = {posixpath.basename(file.path) for file in reached if file.mode & SET_UID} & _ASKS.keys()
    if asking:
        files = _read_rules(image)
        account = account._replace(password=_password(files.pop(_SHADOW, ""), account.name))
        for ask in dict.fromkeys(_ASKS[program] for program in sorted(asking)):
            rule = ask(files, account)
            if rule:
                ways.append(_by_rule("doas" if ask is doas_rule else "sudo", rule))
    return ways


def _candidates(image: Image) -> Iterator[File]:
    """Yield each program that a container sees and that is set-uid root's, or has a capability like root's."""
    members = [member for layer in image.layers for member in layer.members]
    paths = dict.fromkeys(member.path for member in members if _elevates(member))
    paths |= dict.fromkeys(member.path for member in members if member.kind == "hardlink" and member.link in paths)
    for path in paths:
        file = image.files.get(path)
        if file and file.kind == "file" and _elevates(file) and not _is_distributed(file):
            yield file


def _elevates(file: Member | File) -> bool:
    return bool(file.mode & SET_UID and file.uid == 0) or bool(root_capabilities(file.capability))


def _is_distributed(file: File) -> bool:
    return bool(_FOLDERS.match(file.path)) and posixpath.basename(file.path) in _DISTRIBUTED


def _may_execute(image: Image, file: File, account: Account) -> bool:
    parts = file.path.split("/")
    folders = [image.files.get("/".join(parts[:count])) for count in range(1, len(parts))]
    return all(_has_bit(found, account) for found in [*folders, file] if found)


def _has_bit(file: File, account: Account) -> bool:
    """Whether the account may execute the file, or enter the folder."""
    if file.uid == account.uid:
        return bool(file.mode & 0o100)
    return bool(file.mode & (0o010 if file.gid in account.gids else 0o001))


def _by_files(image: Image, files: Sequence[File]) -> list[Elevation]:
    """Return the programs among these that are no script and that no package brought."""
    if not files:
        return []
    packaged = _packaged(image, [file.path for file in files])
    begins = image.read_all([file.path for file in files], 4)
    return [_by_file(file) for file in files if file.path not in packaged and (begins[file.path] or b"")[:2] != b"#!"]


def _by_file(file: File) -> Elevation:
    path = f"/{clean(file.path, 200)}"
    if file.mode & SET_UID and file.uid == 0:
        return Elevation(f"{path} is set-uid and belongs to root", file.path)
    return Elevation(f"{path} has the capability {', '.join(root_capabilities(file.capability))}", file.path)


def _by_rule(program: str, rule: Rule) -> Elevation:
    how = "without a password" if rule.free else "with a password that the image has"
    return Elevation(f"{clean(rule.file, 200)} lets it use {program}, {how} ({clean(rule.text, 120)!r})", rule.file)


def _packaged(image: Image, paths: Sequence[str]) -> frozenset[str]:
    """Return those of the paths that Debian's or Alpine's own lists name as a package's."""
    places = [
        f"var/lib/dpkg/info/{name}" for name in image.files.listing("var/lib/dpkg/info") if name.endswith(".list")
    ]
    alpine = [path for path in ("lib/apk/db/installed", "usr/lib/apk/db/installed") if path in image.files]
    texts = image.read_all([*places, *alpine], MAX_LISTS)
    wanted = {_merged(path): path for path in paths}
    found: set[str] = set()
    for place, data in texts.items():
        folder = ""
        for line in (data or b"").decode("utf-8", "surrogateescape").splitlines():
            if place in alpine:
                if line.startswith("F:"):
                    folder = line[2:]
                name = f"{folder}/{line[2:]}" if line.startswith("R:") else ""
            else:
                name = line.lstrip("/")
            if _merged(name) in wanted:
                found.add(wanted[_merged(name)])
    return frozenset(found)


def _merged(path: str) -> str:
    """A path as if /bin, /sbin and /lib were links into /usr, as they are on most distributions."""
    return path.removeprefix("usr/")


def _account(passwd: bytes | None, group: bytes | None, uid: int, gid: int | None, name: str) -> Account:
    lines = [line for line in entries(passwd) if (line[0] == name if name else line[2:3] == [str(uid)])]
    if lines:
        name = lines[0][0]
        gid = _number(lines[0], 3) if gid is None else gid
    names, gids = set(), {gid or 0}
    for line in entries(group):
        if _number(line, 2) == (gid or 0) or (name and name in "".join(line[3:4]).split(",")):
            names.add(line[0])
            gids.add(_number(line, 2))
    return Account(name, uid, frozenset(names), frozenset(gids), "!")


def _number(line: Sequence[str], at: int) -> int:
    return int(line[at]) if len(line) > at and is_number(line[at]) else -1


def _read_rules(image: Image) -> dict[str, str]:
    """Return the files with the rules of sudo and doas, and /etc/shadow, by path."""
    places = [path for path in image.files if _RULES.fullmatch(path)][:MAX_FILES]
    read = image.read_all([*places, _SHADOW.lstrip("/")], MAX_RULES)
    return {f"/{path}": (data or b"").decode("utf-8", "replace") for path, data in read.items()}


def _password(shadow: str, name: str) -> str:
    """Return the account's field of /etc/shadow; "!" if it has no line."""
    return next((line[1] for line in entries(shadow.encode()) if name and line[0] == name and len(line) > 1), "!")
