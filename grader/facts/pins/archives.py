"""Tell where apt gets its packages: from the moving archive, or from a snapshot, which pins every package at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.packages.installs import Install
from grader.facts.shell.commands import Command

_DATE = r"[0-9]{8}T[0-9]{6}Z"
_ADDRESS = re.compile(
    rf"snapshot\.debian\.org/archive/[\w-]+/[0-9]{{8}}(?:T[0-9]{{6}}Z)?(?![\w])|snapshot\.ubuntu\.com/[\w-]+/{_DATE}"
)
_FIELD = re.compile(rf"^Snapshot:\s*{_DATE}", re.MULTILINE)
_IN_BRACKETS = re.compile(rf"[\[\]]|\bsnapshot={_DATE}")
_LIVE = re.compile(r"^[^\S\n]*(?:deb\s|URIs:).*?(?:https?|ftp)://(?!snapshot\.)", re.MULTILINE)
_COMMENT = re.compile(r"^[^\S\n]*#.*$", re.MULTILINE)
OWN_LISTS = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/debian.sources",
    "/etc/apt/sources.list.d/ubuntu.sources",
)
"""The lists in the base images of Debian and Ubuntu."""
LISTS = "/etc/apt/sources.list.d/"


@dataclass
class Archives:
    """The state of apt's lists in a stage. A snapshot together with the archive pins nothing: apt takes the newer."""

    snapshot: bool = False
    _cleared: bool = False
    _added: bool = False

    def copy(self) -> Archives:
        return Archives(self.snapshot, self._cleared, self._added)

    def command(self, command: Command) -> None:
        """Apply a command of a RUN to the lists."""
        edited = [path for path in _operands(command) if path.startswith("/etc/apt/sources.list")]
        if command.name in ("sed", "perl") and edited:
            in_place = any(re.match(r"-\w*i|--in-place", word.text) for word in command.args)
            if in_place and _names_snapshot("\n".join(word.text for word in command.args)):
                self.snapshot = True
        elif command.name == "rm" and edited:
            self._cleared = True
            self.snapshot = self.snapshot or self._added
        elif path := self._written(command):
            appended = any(operator.endswith(">>") for operator, _ in command.redirects)
            words = [word.text.replace("\\n", "\n") for word in command.args]
            self.file(path, "\n".join([" ".join(words), *words, command.stdin]), appended=appended)

    def file(self, path: str, content: str, *, appended: bool = False) -> None:
        """Apply a list that is written to a path, or appended there."""
        content = _COMMENT.sub("", content)
        if _LIVE.search(content) and not _has_option(content):
            self.snapshot = False
        elif _names_snapshot(content):
            self._cleared = self._cleared or (path in OWN_LISTS and not appended)
            self._added = True
            self.snapshot = self._cleared

    def _written(self, command: Command) -> str:
        words = [word for operator, word in command.redirects if ">" in operator]
        targets = [normalised_path(command.workdir, word.text) for word in words]
        if command.name == "tee":
            targets += _operands(command)
        return next((path for path in targets if is_list(path)), "")


def is_list(path: str) -> bool:
    """Whether apt reads archives from this file."""
    return path == OWN_LISTS[0] or path.startswith(LISTS)


def asks_for_snapshot(install: Install) -> bool:
    """Whether an option of apt asks for a snapshot: `-S 20250101T000000Z`, `--snapshot`, `-o APT::Snapshot=...`."""
    words = [word.text for word in install.command.args]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in ("-S", "--snapshot") and re.fullmatch(_DATE, following):
            return True
        if re.fullmatch(rf"(?:--snapshot=|-S=?){_DATE}", word):
            return True
    return any(re.fullmatch(rf"APT::Snapshot={_DATE}", value) for value in install.options.get("--option", ()))


def _names_snapshot(text: str) -> bool:
    return bool(_ADDRESS.search(text)) or _has_option(text)


def _has_option(text: str) -> bool:
    """Whether a list asks for a snapshot by an option: `[snapshot=...]` or a field of its own."""
    if _FIELD.search(text):
        return True
    open_, asked = False, False
    for match in _IN_BRACKETS.finditer(text):
        if match[0] == "[":
            open_ = True
        elif match[0] != "]":
            asked = open_
        elif open_ and asked:
            return True
        else:
            open_ = asked = False
    return False


def _operands(command: Command) -> list[str]:
    return [normalised_path(command.workdir, word.text) for word in command.args if not word.text.startswith("-")]
