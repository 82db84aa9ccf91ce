"""Whether a command checks a downloaded file, so that a wrong one ends the RUN."""

from __future__ import annotations

import posixpath
import re

from grader.facts.dockerfile.shell import Command

_CHECKSUM_TOOLS = re.compile(r"(?:sha(?:224|256|384|512)sum|b2sum|shasum|gsha256sum|gsha512sum|sha(?:256|512))")
_SIGNATURE_TOOLS = frozenset(("gpg", "gpg2", "gpgv", "gpgv2", "sqv", "minisign", "signify", "cosign", "openssl"))
_VERIFYING = frozenset(("--verify", "-V", "verify", "verify-blob", "-verify", "-Vm"))
_CHECKING = re.compile(r"--check(?:=.*)?|-[a-zA-Z]*c[a-zA-Z]*")
_HEX = re.compile(r"\b[0-9a-fA-F]{56,128}\b")


def verifies(command: Command, number: int, run: tuple[Command, ...], file: str) -> bool:
    """Whether `command`, the one at `number` of a RUN, checks `file` and its failure is heeded."""
    base = posixpath.basename(file)
    if not base or not _heeded(command, number, run):
        return False
    if _CHECKSUM_TOOLS.fullmatch(command.name):
        return _checks_sum(command, run, base)
    if command.name in _SIGNATURE_TOOLS:
        return _checks_signature(command, base)
    return command.name in ("[", "test", "[[") and _compares(command, base)


def _heeded(command: Command, number: int, run: tuple[Command, ...]) -> bool:
    """A failure ends the RUN: `&&` follows, or nothing does, or `set -e` holds; `|| true` throws it away."""
    if command.following == "||":  # ... || exit 1, also after a message
        return any(later.name in ("exit", "return", "false") for later in run[number + 1 : number + 4])
    if command.following == "&" or any(
        other.pipeline == command.pipeline and other.position > command.position for other in run
    ):
        return False
    return command.errexit or command.following in ("&&", "", ")") or number == len(run) - 1


def _checks_sum(command: Command, run: tuple[Command, ...], base: str) -> bool:
    if not any(_CHECKING.fullmatch(word.text) for word in command.args):
        return False
    text = command.stdin
    for other in run:
        if other.pipeline == command.pipeline and other.position < command.position:
            text += " ".join(word.text for word in other.argv) + other.stdin
    if base in text:
        return True
    lists = [posixpath.basename(word.text) for word in command.args if not word.text.startswith("-")]
    lists += [posixpath.basename(word.text) for operator, word in command.redirects if operator == "<"]
    return any(name.startswith(base) or "sum" in name.lower() for name in lists)


def _checks_signature(command: Command, base: str) -> bool:
    words = [word.text for word in command.args]
    verifying = command.name in ("gpgv", "gpgv2", "sqv") or not _VERIFYING.isdisjoint(words)
    return verifying and any(posixpath.basename(word).startswith(base) for word in words)


def _compares(command: Command, base: str) -> bool:
    """[ "$(sha256sum FILE | cut ...)" = 0123... ]"""
    written = " ".join(word.raw for word in command.argv)
    text = " ".join(word.text for word in command.argv)
    return bool(_CHECKSUM_TOOLS.search(written)) and base in written and bool(_HEX.search(text))
