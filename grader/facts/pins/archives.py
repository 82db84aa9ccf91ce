"""Where apt takes its packages from: the moving archive, or a snapshot of it, which pins every package at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.facts.dockerfile import Install, normalised_path
from grader.facts.dockerfile.shell import Command

_DATE = r"[0-9]{8}T[0-9]{6}Z"
_ADDRESS = re.compile(
    rf"snapshot\.debian\.org/archive/[\w-]+/[0-9]{{8}}(?:T[0-9]{{6}}Z)?(?![\w])|snapshot\.ubuntu\.com/[\w-]+/{_DATE}"
)
_OPTION = re.compile(rf"\[[^\]]*\bsnapshot={_DATE}[^\]]*\]|^Snapshot:\s*{_DATE}", re.MULTILINE)
_LIVE = re.compile(r"^\s*(?:deb\s|URIs:).*?(?:https?|ftp)://(?!snapshot\.)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
OWN_LISTS = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/debian.sources",
    "/etc/apt/sources.list.d/ubuntu.sources",
)
"""Where the base images of Debian and Ubuntu keep their lists."""
LISTS = "/etc/apt/sources.list.d/"


@dataclass
class Archives:
    """What a stage has made of apt's lists so far. A snapshot beside the archive pins nothing: apt takes the newer."""

    snapshot: bool = False
    _cleared: bool = False
    _added: bool = False

    def copy(self) -> Archives:
        return Archives(self.snapshot, self._cleared, self._added)

    def command(self, command: Command) -> None:
        """Follow a command of a RUN."""
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
        """Follow a list that is put at a path (or at its end)."""
        content = _COMMENT.sub("", content)
        if _LIVE.search(content) and not _OPTION.search(content):
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
    """apt's own way: `apt -S 20250101T000000Z`, `--snapshot`, `-o APT::Snapshot=...`."""
    words = [word.text for word in install.command.args]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in ("-S", "--snapshot") and re.fullmatch(_DATE, following):
            return True
        if re.fullmatch(rf"(?:--snapshot=|-S=?){_DATE}", word):
            return True
    return any(re.fullmatch(rf"APT::Snapshot={_DATE}", value) for value in install.options.get("--option", ()))


def _names_snapshot(text: str) -> bool:
    return bool(_ADDRESS.search(text) or _OPTION.search(text))


def _operands(command: Command) -> list[str]:
    return [normalised_path(command.workdir, word.text) for word in command.args if not word.text.startswith("-")]
