"""Read the rules of sudo and doas: may this account run something as root, or another user, and with what password?

The formats are those of sudoers(5) and doas.conf(5). A rule for any host counts, and so does one for a single command:
a command that is run as root is a process of root's. What a rule takes away again ("!COMMAND") is not followed up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from grader.errors import NotObservable

_MAX_DEPTH = 8
_ALIAS = re.compile(r"(User|Runas|Host|Cmnd|Cmd)_Alias\s+(.*)", re.DOTALL)
_ALIAS_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_TAG = re.compile(r"(NO)?(PASSWD|EXEC|SETENV|MAIL|LOG_INPUT|LOG_OUTPUT|FOLLOW|INTERCEPT)\s*:\s*")
_OPTION = re.compile(r"()(ROLE|TYPE|PRIVS|LIMITPRIVS|APPARMOR_PROFILE|CWD|CHROOT|TIMEOUT|NOTBEFORE|NOTAFTER)=\S+\s+")
_INCLUDED = re.compile(r"^[ \t]*[#@]include(dir)?[ \t]+(\S+)", re.MULTILINE)
_DEFAULTS = re.compile(r"Defaults(?:([@:>!])\s*((?:[^\s,]|\s*,\s*)+))?(?:\s+(.*))?")
_RUNAS = re.compile(r"\(([^)]*)\)\s*")


class Account(NamedTuple):
    """A user with its groups, by name and by number. `password` is its field of /etc/shadow: a hash, nothing (it needs
    none), or something that is no hash (it has none that would be accepted)."""

    name: str
    uid: int
    groups: frozenset[str]
    gids: frozenset[int]
    password: str

    @property
    def can_give_password(self) -> bool:
        """Whether there is a password that the account could give, or it needs none."""
        return (
            not self.password or self.password.startswith("$") or re.fullmatch(r"[./\w]{13}", self.password) is not None
        )


class Rule(NamedTuple):
    """A rule that lets the account become root: the file it is in, its text, and whether it asks for no password."""

    file: str
    text: str
    free: bool


ROOT = ("root", "0")


class Effort:
    """How many characters of rules may still be read: an image can hold more of them than anybody can follow."""

    def __init__(self, left: int = 10_000_000) -> None:
        self._left = left

    def spend(self, text: str) -> None:
        """Count what is read. Raises NotObservable if it is too much."""
        self._left -= len(text) + 8  # so that many short words are not for nothing
        if self._left < 0:
            raise NotObservable("the image has too many rules of sudo or doas to follow them all: remove some")


def sudo_rule(
    files: Mapping[str, str], account: Account, target: tuple[str, str] = ROOT, effort: Effort | None = None
) -> Rule | None:
    """Return a rule of sudo that lets the account run something as `target` (its name and number), and None if there is
    none.

    `files` are the files that may be read, by path; `/etc/sudoers` is where it begins. `effort` bounds all that is
    read with it.
    """
    effort = effort or Effort()
    sudoers = _Sudoers(account, target, effort)
    for path, line in _lines(files, "/etc/sudoers", set()):
        effort.spend(line)
        sudoers.read(path, line)
    return sudoers.result()


def included(path: str, text: str) -> Iterator[str]:
    """Yield the files and folders that a file of rules includes."""
    for _, place in _INCLUDED.findall(text):
        yield _place(path, place)


def _place(path: str, place: str) -> str:
    place = place.strip('"')
    return place if place.startswith("/") else f"{path.rpartition('/')[0]}/{place}"


def _lines(files: Mapping[str, str], path: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each line of a file and of those that it includes, each file once, without comments, with continuations
    joined and one blank for several."""
    if path in seen or path not in files:
        return
    seen.add(path)
    for raw in re.sub(r"\\\r?\n", " ", files[path]).splitlines():
        if found := _INCLUDED.match(raw):
            place = _place(path, found[2])
            for name in _in_folder(files, place) if found[1] else [place]:
                yield from _lines(files, name, seen)
            continue
        line = " ".join(re.sub(r"(^|\s)#(?!-?\d).*", "", raw).split())
        if line:
            yield path, line


def _in_folder(files: Mapping[str, str], folder: str) -> list[str]:
    """The files that sudo reads in a folder: not those whose name has a dot or ends with a tilde."""
    inside = [path for path in files if path.rpartition("/")[0] == folder.rstrip("/")]
    return sorted(path for path in inside if not re.search(r"\.|~$", path.rpartition("/")[2]))


class _Sudoers:
    """What the lines that were read mean for an account."""

    def __init__(self, account: Account, target: tuple[str, str], effort: Effort) -> None:
        self._account = account
        self._effort = effort
        self._target = (target[0], f"#{target[1]}")
        self._aliases: dict[str, list[str]] = {}
        self._asks = True
        self._found: list[tuple[str, str, str]] = []  # the rules, since an alias may be defined further below

    def read(self, path: str, line: str) -> None:
        if alias := _ALIAS.match(line):
            for definition in re.split(r"\s*:\s*(?=[A-Z])", alias[2]):
                name, _, members = definition.partition("=")
                self._aliases[name.strip()] = _list(members)
        elif defaults := _DEFAULTS.fullmatch(line):
            kind, of, options = defaults[1] or "", _list(defaults[2] or ""), _list(defaults[3] or "")
            applies = self._is_account(of) if kind == ":" else self._is_target(of) if kind == ">" else True
            for option in options if applies else ():
                # Of a host or a command only what it allows counts: a rule may be for that one.
                if option.replace(" ", "") == "!authenticate" or (option == "authenticate" and kind in ("", ":", ">")):
                    self._asks = option.startswith("a")
        else:
            users, rest = _first(line)
            self._found.append((path, line, f"{users}\0{rest}"))

    def result(self) -> Rule | None:
        found = [rule for path, line, parts in self._found for rule in self._rules(path, line, *parts.split("\0", 1))]
        return next((rule for rule in found if rule.free), found[0] if found else None)

    def _rules(self, path: str, line: str, users: str, rest: str) -> Iterator[Rule]:
        if not self._is_account(_list(users)):
            return
        for given in _by_host(rest):
            meant, free = self._is_target(["root"]), not self._asks
            for command in _list(given.partition("=")[2]):
                left = command
                if runas := _RUNAS.match(left):
                    meant, left = self._is_runas(runas[1]), left[runas.end() :]
                while tag := (_TAG.match(left) or _OPTION.match(left)):
                    if tag[2] == "PASSWD":
                        free = tag[1] == "NO"
                    left = left[tag.end() :]
                if meant and left and not left.startswith("!"):
                    if free or self._account.can_give_password:
                        yield Rule(path, line, free)
                    break

    def _is_runas(self, runas: str) -> bool:
        users, colon, _ = runas.partition(":")
        if not users.strip():
            return not colon and self._is_target(["root"])  # "(:group)" runs as the caller
        return self._is_target(_list(users))

    def _is_target(self, words: Sequence[str]) -> bool:
        return self._names(words, lambda word: word in ("ALL", *self._target))

    def _is_account(self, words: Sequence[str]) -> bool:
        return self._names(words, self._is_named)

    def _is_named(self, word: str) -> bool:
        account = self._account
        if word.startswith("%#"):
            return word[2:] in {str(gid) for gid in account.gids}
        if word.startswith("%"):
            return word[1:] in account.groups
        if word.startswith("#"):
            return word[1:] == str(account.uid)
        return word == "ALL" or (bool(account.name) and word == account.name)

    def _names(self, words: Sequence[str], is_meant: Callable[[str], bool], depth: int = 0) -> bool:
        """Whether a list names what is meant: the last word that does so decides, and "!" turns it round."""
        answer = False
        for word in words:
            self._effort.spend(word)
            plain = word.lstrip("!").strip().strip('"')
            if plain in self._aliases and _ALIAS_NAME.fullmatch(plain) and depth < _MAX_DEPTH:
                hit = self._names(self._aliases[plain], is_meant, depth + 1)
            else:
                hit = is_meant(plain)
            if hit:
                answer = (len(word) - len(word.lstrip("!"))) % 2 == 0
        return answer


def _list(text: str) -> list[str]:
    """The items of a list with commas; a comma after a backslash and one in parentheses separate nothing."""
    items, start, inside = [], 0, False
    for found in re.finditer(r"\\.|[(),]", text):
        if found[0] in "()":
            inside = found[0] == "("
        elif found[0] == "," and not inside:
            items.append(text[start : found.start()])
            start = found.end()
    return [item.strip() for item in (*items, text[start:]) if item.strip()]


def _first(line: str) -> tuple[str, str]:
    """Split a rule after its users, whose list may have blanks at the commas."""
    for found in re.finditer(r'"[^"]*"|\s+', line):
        if not found[0].startswith('"') and line[found.start() - 1] != "," and line[found.end()] != ",":
            return line[: found.start()], line[found.end() :]
    return line, ""


def _by_host(rest: str) -> list[str]:
    """Split what follows the users of a rule: there may be several lists of hosts and commands, with colons between."""
    before, equals, last = rest.rpartition("=")
    *parts, end = re.split(r"\s:\s", before)
    return [*parts, f"{end}{equals}{last}"]


def doas_rule(
    files: Mapping[str, str], account: Account, target: tuple[str, str] = ROOT, effort: Effort | None = None
) -> Rule | None:
    """Return the rule of doas that lets the account run something as `target`, and None if there is none.

    Of several rules that match, the last counts. One for a single command counts as well.
    """
    found: Rule | None = None
    effort = effort or Effort()
    for path in sorted(files):
        if path != "/etc/doas.conf" and not re.fullmatch(r"/etc/doas\.d/[^/]+\.conf", path):
            continue
        for raw in re.sub(r"\\\n", " ", files[path]).splitlines():
            effort.spend(raw)
            line = re.sub(r"(^|\s)#.*", "", raw).strip()
            words = re.sub(r"\bsetenv\s*\{[^{}]*\}", "", line).split()
            if not words or words[0] not in ("permit", "deny"):
                continue
            options = [word for word in words[1:] if word in ("nopass", "nolog", "persist", "keepenv")]
            rest = words[1 + len(options) :]
            if not rest or not _doas_identity(rest[0], account):
                continue
            if "as" in rest[1:2] and rest[2:3] not in ([target[0]], [target[1]]):
                continue
            if words[0] == "permit" and ("nopass" in options or account.can_give_password):
                found = Rule(path, line, "nopass" in options)
            elif "cmd" not in rest:  # a rule for one command takes nothing from a rule for another
                found = None
    return found


def _doas_identity(word: str, account: Account) -> bool:
    if word.startswith(":"):
        return word[1:] in account.groups or word[1:] in {str(gid) for gid in account.gids}
    return word in (account.name, str(account.uid)) if account.name else word == str(account.uid)
