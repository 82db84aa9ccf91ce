"""What newer Dockerfile frontends have added, and since which version: a builder that is too old is nobody's mistake.

The frontend reads the Dockerfile. It comes with the builder, unless the file names another one (`# syntax=`). Versions
are those of the release notes (docs.docker.com/build/buildkit/dockerfile-release-notes).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from grader.facts.dockerfile.model import Dockerfile


class Feature(NamedTuple):
    """Something that a frontend knows only since a version."""

    name: str
    since: str
    """Such as `1.19`, or `1.14-labs` while it is only in the experimental channel."""


FLAGS = {
    "parents": Feature("COPY --parents", "1.20"),
    "exclude": Feature("COPY --exclude and ADD --exclude", "1.19"),
    "unpack": Feature("ADD --unpack", "1.17"),
    "device": Feature("RUN --device", "1.14-labs"),
    "checksum": Feature("ADD --checksum", "1.6"),
    "keep-git-dir": Feature("ADD --keep-git-dir", "1.6"),
    "start-interval": Feature("HEALTHCHECK --start-interval", "1.6"),
    "link": Feature("COPY --link and ADD --link", "1.4"),
    "chmod": Feature("COPY --chmod and ADD --chmod", "1.2"),
}
"""Flags that not every builder knows. RUN --security is missing: no build here gets it, whatever its version."""
_MOUNT_KEYS = {"env": Feature("RUN --mount=type=secret,env=…", "1.10")}
_SYMBOLIC_MODE = re.compile(r"[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*")

LETTERS = (28, 0)
"""The first Docker whose own builder knows a mode in letters. One before may ignore it and say nothing."""

_UNKNOWN_FLAG = re.compile(r"unknown flag: (?:--)?([a-z][a-z-]*)", re.IGNORECASE)
_UNKNOWN_KEY = re.compile(r"unexpected key '([a-z-]+)'")
_BAD_MODE = re.compile(r"invalid chmod parameter: '([^']*)'")
_BAD_MODIFIER = re.compile(r"unsupported modifier \(?[#%/]")


def missing(error: str) -> Feature | None:
    """Return what the builder refused although a newer frontend knows it; None if no version knows it.

    `error` is the builder's message on a file that has been read by `grader.facts.dockerfile.parser`: flags that no
    instruction has were told there.
    """
    if found := _UNKNOWN_FLAG.search(error):
        return FLAGS.get(found[1].lower())
    if found := _UNKNOWN_KEY.search(error):
        return _MOUNT_KEYS.get(found[1])
    if found := _BAD_MODE.search(error):
        return _letters(found[1])
    if _BAD_MODIFIER.search(error):
        return Feature("variables with a pattern, such as ${NAME#…}", "1.7")
    return None


def ignored(dockerfile: Dockerfile, docker: tuple[int, ...]) -> Feature | None:
    """Return what the builder of this version of Docker passes over without a word, although a newer one does it."""
    every = [one for whole in dockerfile.instructions for one in (whole, whole.trigger) if one is not None]
    found = [_letters(mode) for one in every for mode in one.flag_values("chmod")] if docker < LETTERS else []
    return next(filter(None, found), None)


def _letters(mode: str) -> Feature | None:
    return Feature(f"--chmod={mode}, a mode in letters", "1.14") if mode and _SYMBOLIC_MODE.fullmatch(mode) else None
