"""Find how firmly downloads are pinned: ADD of a URL or a repository, curl, wget, git clone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from grader.facts.dockerfile.external import RemoteFile, remote_files
from grader.facts.dockerfile.resolved import BuildPlan
from grader.facts.packages.downloads import Download
from grader.facts.pins.model import Category, Dependency, Tier
from grader.verdict import Place

_CHECKSUM = re.compile(r"sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def added(build: BuildPlan, file: str) -> Iterator[Dependency]:
    """Everything that an ADD takes from outside."""
    for remote in remote_files(build):
        tier, why, shown = _added(remote)
        place = Place(file=file, line=remote.line, text=remote.raw)
        yield Dependency(Category.DOWNLOAD, remote.kind, remote.url, tier, remote.line, place, why, shown)


def _added(remote: RemoteFile) -> tuple[Tier, str, bool]:
    if remote.kind == "git":
        if remote.commit or _COMMIT.fullmatch(remote.checksum):
            return Tier.DIGEST, "", True
        if not remote.known:
            return Tier.NONE, "only the build can tell what it is", False
        return (
            Tier.NONE,
            f"{remote.ref} is a branch or a tag, which can move" if remote.ref else "it names no commit",
            True,
        )
    if _CHECKSUM.fullmatch(remote.checksum):
        return Tier.DIGEST, "", True
    if remote.checksum and not remote.known:
        return Tier.NONE, "only the build can tell the checksum", False
    return Tier.NONE, "nothing checks what is downloaded", True


def fetched(download: Download, source: str, line: int) -> Dependency | None:
    """The dependency of a download by a command; None if it keeps nothing, or fetches from this machine itself."""
    if not _counts(download):
        return None
    place = Place(file=source, line=download.line, text=str(download.command))
    kind = "git" if download.tool == "git" else "http"
    name = download.url or str(download.command)
    if download.verified:
        return Dependency(Category.DOWNLOAD, kind, name, Tier.DIGEST, line, place)
    if kind == "git":
        why = f"{download.ref} is a branch or a tag, which can move" if download.ref else "it names no commit"
    elif download.runs_unseen:
        why = f"it is piped straight into {download.piped_to}"
    else:
        why = "nothing checks what is downloaded"
    return Dependency(Category.DOWNLOAD, kind, name, Tier.NONE, line, place, why)


def _counts(download: Download) -> bool:
    if download.output == "/dev/null" or not (download.output or download.piped_to):
        return False
    if download.elsewhere:
        return True
    try:
        host = urlsplit(download.url).hostname or ""
    except ValueError:
        return True
    return host not in ("localhost", "127.0.0.1", "::1", "0.0.0.0")
