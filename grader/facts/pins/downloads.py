"""How firmly downloads are named: ADD of a URL or a repository, curl, wget, git clone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from grader.facts.dockerfile import Build, Download, RemoteFile, remote_files
from grader.facts.pins.model import Category, Taken, Tier
from grader.verdict import Place

_CHECKSUM = re.compile(r"sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def added(build: Build, file: str) -> Iterator[Taken]:
    """Every ADD from outside."""
    for remote in remote_files(build):
        tier, why, shown = _added(remote)
        place = Place(file=file, line=remote.line, text=remote.raw)
        yield Taken(Category.DOWNLOAD, remote.kind, remote.url, tier, remote.line, place, why, shown)


def _added(remote: RemoteFile) -> tuple[Tier, str, bool]:
    if remote.kind == "git":
        if remote.commit or _COMMIT.fullmatch(remote.checksum):
            return Tier.DIGEST, "", True
        if not remote.known:
            return Tier.NONE, "only the build can tell what it is", False
        return Tier.NONE, f"{remote.ref} can move" if remote.ref else "it names no commit", True
    if _CHECKSUM.fullmatch(remote.checksum):
        return Tier.DIGEST, "", True
    if remote.checksum and not remote.known:
        return Tier.NONE, "only the build can tell the checksum", False
    return Tier.NONE, "nothing checks what arrives", True


def fetched(download: Download, source: str, line: int) -> Taken | None:
    """A download by a command; None for one that leaves nothing behind, or asks this very machine."""
    if not _counts(download):
        return None
    place = Place(file=source, line=download.line, text=str(download.command))
    kind = "git" if download.tool == "git" else "http"
    name = download.url or str(download.command)
    if download.verified:
        return Taken(Category.DOWNLOAD, kind, name, Tier.DIGEST, line, place)
    if kind == "git":
        why = f"{download.ref} can move" if download.ref else "it names no commit"
    elif download.runs_unseen:
        why = f"it is run by {download.piped_to} as it arrives"
    else:
        why = "nothing checks what arrives"
    return Taken(Category.DOWNLOAD, kind, name, Tier.NONE, line, place, why)


def _counts(download: Download) -> bool:
    if download.output == "/dev/null" or not (download.output or download.piped_to):
        return False
    words = [word.text.partition("=")[0] for word in download.command.args]
    if any(word in ("--connect-to", "--resolve", "--proxy", "-x") for word in words):
        return True  # the address says nothing of who answers
    try:
        host = urlsplit(download.url).hostname or ""
    except ValueError:
        return True
    return host not in ("localhost", "127.0.0.1", "::1", "0.0.0.0")
