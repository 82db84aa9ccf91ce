"""How a user of an image can become root by what the image holds: set-uid programs, file capabilities, sudo and doas.

Nothing is run. A program counts if the user may execute it, whether or not anything does. A way may lead through other
users and groups. The set-uid programs that distributions ship (`su`, `mount`, `passwd`) do not count: they ask for a
password, or check what they are asked to do. One that took the place of such a program counts, if the lists of packages
tell. Scripts do not count: the kernel ignores their bit.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from grader.facts.image.capabilities import root_capabilities
from grader.facts.image.filesystem import File
from grader.facts.image.image import Image
from grader.facts.image.sudoers import Account, Effort, Rule, doas_rule, included, sudo_rule
from grader.facts.image.tar import Member
from grader.facts.image.users import MAX_TABLE, TABLES, entries, is_number
from grader.facts.inventory.packaged import packaged, replaced
from grader.lib.text import clean

MAX_RULES = 256 * 1024
"""Bytes read of a file with rules."""
MAX_FILES = 200
"""Files with rules that are read."""
MAX_ACCOUNTS = 50
"""Users that are followed from one to the next."""
SET_UID = 0o4000
_SET_GID = 0o2010
"""Without the right of the group to execute it, the bit means something else."""
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


def ways_to_root(image: Image, uid: int, gid: int | None, name: str, *, base: int = 0) -> list[Elevation]:
    """Return the ways in which this user becomes root by what the image holds; empty if there is none.

    Without `gid`, the group is the one that /etc/passwd has for the user. The lowest `base` layers came with a base
    image: what looks like a distribution's program there is one.

    Raises SubmissionFault or EngineFailure if the image cannot be read.
    """
    programs = list(_programs(image, base))
    if not programs:
        return []
    tables = image.read_all(TABLES, MAX_TABLE)
    passwd, group = tables[TABLES[0]], tables[TABLES[1]]
    rules = _Rules(image, passwd, group)
    todo = [(_account(passwd, group, uid, gid, name), "")]
    seen = {todo[0][0]}
    while todo and len(seen) < MAX_ACCOUNTS:
        account, before = todo.pop(0)
        reached = [file for file in programs if _may_execute(image, file, account)]
        asking = {posixpath.basename(file.path) for file in reached if _asks(file)}
        found = _by_files(image, [file for file in reached if not _asks(file)])
        ways = [Elevation(_text(file), file.path) for file in found if _elevates(file)]
        ways += [_by_rule(program, rule) for program, rule in rules.of(asking, account, "root", 0)]
        if ways:
            return [Elevation(before + way.text, way.path) for way in ways]
        steps = [(_with_ids_of(file, account, passwd, group), _text(file)) for file in found]
        for other, number in rules.others if asking else ():
            for program, rule in rules.of(asking, account, other, number):
                steps.append((_account(passwd, group, number, None, other), _by_rule(program, rule).text))
        for step, text in steps:
            if step not in seen:
                seen.add(step)
                todo.append((step, f"{before}{text}, and then "))
    return []


def _programs(image: Image, base: int) -> Iterator[File]:
    """Yield each program that a container sees and that runs with another's ids, or has a capability like root's."""
    members = [member for layer in image.layers for member in layer.members]
    paths = dict.fromkeys(member.path for member in members if _elevates(member) or _lends_ids(member))
    paths |= dict.fromkeys(member.path for member in members if member.kind == "hardlink" and member.link in paths)
    seen = [file for path in paths if (file := image.files.get(path)) and file.kind == "file"]
    programs = [file for file in seen if _elevates(file) or _lends_ids(file)]
    own = [file.path for file in programs if file.layer >= base and _is_distributed(file)]
    others = replaced(image, own) if own else ()
    for file in programs:
        if not _is_distributed(file) or file.path in others:
            yield file


def _elevates(file: Member | File) -> bool:
    return bool(file.mode & SET_UID and file.uid == 0) or bool(root_capabilities(file.capability))


def _lends_ids(file: Member | File) -> bool:
    """Whether it runs as its owner or, if its group may execute it, with its group."""
    return file.kind == "file" and bool(file.mode & SET_UID or file.mode & _SET_GID == _SET_GID)


def _with_ids_of(file: File, account: Account, passwd: bytes | None, group: bytes | None) -> Account:
    """The account that a program runs as which is set-uid, or set-gid, and which this account executes."""
    gids = account.gids | {file.gid} if file.mode & _SET_GID == _SET_GID else account.gids
    if not file.mode & SET_UID:
        return account._replace(gids=gids)
    return _account(passwd, group, file.uid, None, "")._replace(gids=gids)  # it gets no further group


def _is_distributed(file: File) -> bool:
    return bool(_FOLDERS.match(file.path)) and posixpath.basename(file.path) in _DISTRIBUTED


def _asks(file: File) -> bool:
    """Whether it is sudo or doas, which do what their rules allow."""
    return bool(file.mode & SET_UID and _FOLDERS.match(file.path)) and posixpath.basename(file.path) in _ASKS


def _may_execute(image: Image, file: File, account: Account) -> bool:
    parts = file.path.split("/")
    folders = [image.files.get("/".join(parts[:count])) for count in range(1, len(parts))]
    return all(_has_bit(found, account) for found in [*folders, file] if found)


def _has_bit(file: File, account: Account) -> bool:
    """Whether the account may execute the file, or enter the folder."""
    if file.uid == account.uid:
        return bool(file.mode & 0o100)
    return bool(file.mode & (0o010 if file.gid in account.gids else 0o001))


def _by_files(image: Image, files: Sequence[File]) -> list[File]:
    """Return those of the programs that are no script and that no package brought."""
    if not files:
        return []
    brought = packaged(image, [file.path for file in files])
    begins = image.read_all([file.path for file in files], 4)
    return [file for file in files if file.path not in brought and (begins[file.path] or b"")[:2] != b"#!"]


def _text(file: File) -> str:
    path = f"/{clean(file.path, 200)}"
    if _is_distributed(file):  # and counts all the same
        path += ", which is not the program that its package brought,"
    if file.mode & SET_UID and file.uid == 0:
        return f"{path} is set-uid and belongs to root"
    if capabilities := root_capabilities(file.capability):
        return f"{path} has the capability {', '.join(capabilities)}"
    if file.mode & SET_UID:
        return f"{path} is set-uid and belongs to uid {file.uid}"
    return f"{path} is set-gid and belongs to gid {file.gid}"


def _by_rule(program: str, rule: Rule) -> Elevation:
    how = "without a password" if rule.free else "with a password that the image has"
    return Elevation(f"{clean(rule.file, 200)} lets it use {program}, {how} ({clean(rule.text, 120)!r})", rule.file)


class _Rules:
    """The rules of sudo and doas, read when they are first asked for."""

    def __init__(self, image: Image, passwd: bytes | None, group: bytes | None) -> None:
        self._image = image
        self._passwd = passwd
        self._effort = Effort()
        users = [(line[0], _number(line, 2)) for line in entries(passwd)]
        self.others = [(name, number) for name, number in users if number > 0][:MAX_ACCOUNTS]

    @cached_property
    def _files(self) -> dict[str, str]:
        return _read_rules(self._image)

    def of(self, programs: Collection[str], account: Account, target: str, number: int) -> Iterator[tuple[str, Rule]]:
        """Yield the rules by which an account may use these programs to become another user."""
        if not programs:
            return
        passwords = [line[1] for line in entries(self._passwd) if line[0] == account.name and len(line) > 1]
        shadow = _password(self._files.get(_SHADOW, ""), account.name)
        known = account._replace(password=shadow if passwords[:1] in ([], ["x"]) else passwords[0])
        for ask in dict.fromkeys(_ASKS[program] for program in sorted(programs)):
            if rule := ask(self._files, known, (target, str(number)), self._effort):
                yield ("doas" if ask is doas_rule else "sudo"), rule


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
    """Return the files with the rules of sudo and doas, those that they include, and /etc/shadow, by path."""
    wanted = [*(path for path in image.files if _RULES.fullmatch(path)), _SHADOW.lstrip("/")]
    found: dict[str, str] = {}
    while wanted and len(found) < MAX_FILES:
        read = image.read_all(wanted[:MAX_FILES], MAX_RULES)
        new = {f"/{path}": (data or b"").decode("utf-8", "replace") for path, data in read.items()}
        found |= new
        places = [place.strip("/") for path, text in new.items() for place in included(path, text)]
        inside = [f"{place}/{name}" for place in places for name in image.files.listing(place)]
        wanted = [path for path in dict.fromkeys([*places, *inside]) if f"/{path}" not in found]
    return found


def _password(shadow: str, name: str) -> str:
    """Return the account's field of /etc/shadow; "!" if it has no line."""
    return next((line[1] for line in entries(shadow.encode()) if name and line[0] == name and len(line) > 1), "!")
