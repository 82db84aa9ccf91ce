"""Which commands of a RUN check a downloaded file, so that a wrong one ends the RUN."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from grader.facts.dockerfile.shell import Command

_CHECKSUM_TOOLS = re.compile(r"(?:sha(?:224|256|384|512)sum|b2sum|shasum|gsha256sum|gsha512sum|sha(?:256|512))")
_SIGNATURE_TOOLS = frozenset(("gpg", "gpg2", "gpgv", "gpgv2", "sqv", "minisign", "signify", "cosign", "openssl"))
_VERIFYING = frozenset(("--verify", "-V", "verify", "verify-blob", "-verify", "-Vm"))
_CHECKING = re.compile(r"--check(?:=.*)?|-[a-zA-Z]*c[a-zA-Z]*")
FETCHERS = frozenset(("curl", "wget", "aria2c"))
_HEX = re.compile(r"\b[0-9a-fA-F]{56,128}\b")


@dataclass(frozen=True)
class Check:
    """A check that a mismatch does not get past."""

    number: int  # of its command in the RUN
    text: str = ""  # it checks the files that are named in here
    files: tuple[str, ...] = ()  # and those whose name one of these begins with: FILE.asc, FILE.sha256
    any_file: bool = False  # a list of checksums whose content cannot be told
    lists: tuple[str, ...] = ()  # the files that say what is right
    branch: tuple[int, ...] = ()

    def covers(self, file: str, branch: tuple[int, ...] = ()) -> bool:
        """Whether it checks a file that was fetched in such a branch: it has to run wherever that did."""
        base = posixpath.basename(file)
        if not base or branch[: len(self.branch)] != self.branch:
            return False
        named = rf"(?<![\w.-]){re.escape(base)}(?![\w.-])"
        return self.any_file or bool(re.search(named, self.text)) or any(f.startswith(base) for f in self.files)


def checks(run: tuple[Command, ...]) -> tuple[Check, ...]:
    """The checks of one RUN, in the order they stand."""
    pipelines: dict[int, list[Command]] = defaultdict(list)
    for command in run:
        pipelines[command.pipeline].append(command)
    return tuple(
        check
        for number, command in enumerate(run)
        if _heeded(number, run, pipelines[command.pipeline])
        for check in _check(number, run, pipelines[command.pipeline])
    )


def _heeded(number: int, run: tuple[Command, ...], pipeline: list[Command]) -> bool:
    """A failure ends the RUN: `&&` follows, or nothing does, or `set -e` holds; `|| true` throws it away."""
    command = run[number]
    if command is not pipeline[-1] or command.following == "&":
        return False
    if command.rescued:  # ... || exit 1, also after a message
        left = [later for later in run[number + 1 :] if len(later.branch) > len(command.branch)]
        return any(later.name in ("exit", "return", "false") for later in left[:4])
    return command.errexit or command.following in ("&&", "") or number == len(run) - 1


def _check(number: int, run: tuple[Command, ...], pipeline: list[Command]) -> Iterator[Check]:
    command = run[number]
    words = [word.text for word in command.args]
    files = tuple(posixpath.basename(word) for word in words if not word.startswith("-"))
    if _CHECKSUM_TOOLS.fullmatch(command.name):
        if any(_CHECKING.fullmatch(word) for word in words):
            files += tuple(posixpath.basename(word.text) for operator, word in command.redirects if operator == "<")
            text = _input(command, pipeline)
            lists = []
            for file in files:
                written = _written(file, run[:number])
                if written is None:
                    lists.append(file)
                text += f" {written or ''}"
            lists += [name for other in pipeline if other.position < command.position for name in _reads(other)]
            any_file = any("sum" in file.lower() for file in files if file in lists)
            kept = tuple(file for file in files if file in lists)
            yield Check(number, text, kept, any_file, tuple(lists), command.branch)
    elif command.name in _SIGNATURE_TOOLS:
        if command.name in ("gpgv", "gpgv2", "sqv") or not _VERIFYING.isdisjoint(words):
            yield Check(number, files=files, branch=command.branch)
    elif command.name in ("[", "test", "[["):  # [ "$(sha256sum FILE | cut ...)" = 0123... ]
        written = " ".join(word.raw for word in command.argv)
        if _CHECKSUM_TOOLS.search(written) and _HEX.search(" ".join(words)):
            yield Check(number, text=written, branch=command.branch)


def _reads(command: Command) -> list[str]:
    """The files that `cat LIST` or `grep FILE LIST` in front of a pipe reads."""
    operands = [posixpath.basename(word.text) for word in command.args if not word.text.startswith("-")]
    if command.name in ("echo", "printf"):
        return []
    return operands if command.name in ("cat", "head", "tail", "sort") else operands[1:]


def _written(file: str, before: tuple[Command, ...]) -> str | None:
    """What the RUN itself wrote into a list of checksums: the words of it, "" where that says nothing of its own, as
    `sha256sum FILE > LIST`; None where the list was there already, or is fetched."""
    names = {file}
    for command in reversed(before):
        if command.name == "ln":  # another name of the same file
            linked = {posixpath.basename(word.text) for word in command.args}
            names |= linked if names & linked else set()
    for command in reversed(before):
        targets = [word.text for operator, word in command.redirects if operator in (">", ">>", ">|", "1>")]
        if command.name == "tee":
            targets += [word.text for word in command.args]
        if names.intersection(map(posixpath.basename, targets)) and command.name not in FETCHERS:
            pipeline = [other for other in before if other.pipeline == command.pipeline]
            words = [word.text for other in pipeline for word in other.argv] + [other.stdin for other in pipeline]
            return " ".join(words) if _HEX.search(" ".join(words)) else ""
    return None


def _input(command: Command, pipeline: list[Command]) -> str:
    """What a checksum tool reads, as far as it can be told: the words of what is piped into it."""
    before = [other for other in pipeline if other.position < command.position]
    words = [word.text for other in before for word in other.argv]
    return " ".join([*words, *(other.stdin for other in before), command.stdin])
