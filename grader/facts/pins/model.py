"""The model of what a build takes from outside: its category, and how firmly it is pinned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from grader.verdict import Place


class Tier(IntEnum):
    """How firmly something is pinned. A higher tier leaves less to chance.

    For images: no tag or `latest` < a tag < a tag with a full version < a digest. For packages and downloads:
    NONE < VERSION (exactly one version) < DIGEST (the content: a hash, a commit, a lock file with hashes).
    """

    NONE = 0
    TAG = 1
    VERSION = 2
    DIGEST = 3


class Category(StrEnum):
    """The kind of a dependency. A check has a parameter for each."""

    IMAGE = "image"
    PACKAGE = "package"
    DOWNLOAD = "download"


@dataclass(frozen=True)
class Dependency:
    """One thing that the build takes from outside.

    `why` is a phrase for what keeps it from a higher tier ("any version will do"); "" if nothing does. `shown` is
    false if its tier is not known, because the text that names it cannot be read. Then `tier` is NONE.
    """

    category: Category
    manager: str
    """The rules that it follows: pip, npm, apt, apk, dnf, conda, gem, go, cargo; `image`; `http`, `git`."""
    name: str
    tier: Tier
    line: int
    """The line of the Dockerfile: that of the instruction or command that takes it."""
    place: Place
    """The place that names it: in the Dockerfile, or in a file that the build reads."""
    why: str = ""
    shown: bool = True

    def why_open(self, wanted: Tier) -> str | None:
        """Why it is not pinned as firmly as wanted; None if it is. What cannot be shown to be pinned is not."""
        if not self.shown:
            return f"cannot be shown to be pinned: {self.why}"
        return self.why if self.tier < wanted else None
