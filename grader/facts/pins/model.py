"""What a build takes from outside, and how firmly each thing is named."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from grader.verdict import Place


class Tier(IntEnum):
    """How firmly something is named; a higher one leaves less to chance.

    For images: nothing or `latest` < a tag < a tag that spells out a version < a digest. For packages and downloads:
    NONE < VERSION (exactly one version) < DIGEST (its content: a hash, a commit, a lock file with hashes).
    """

    NONE = 0
    TAG = 1
    VERSION = 2
    DIGEST = 3


class Category(StrEnum):
    """What kind of thing it is: each is judged by a parameter of its own."""

    IMAGE = "image"
    PACKAGE = "package"
    DOWNLOAD = "download"


@dataclass(frozen=True)
class Taken:
    """One thing that the build takes from outside.

    `why` says in a phrase what keeps it from a higher tier ("any version will do"); "" where nothing does. `shown` is
    false where nothing can be told, because what names it cannot be read: then the tier is NONE.
    """

    category: Category
    manager: str
    """Whose rules it follows: pip, npm, apt, apk, dnf, conda, gem, go, cargo; `image`; `http`, `git`."""
    name: str
    tier: Tier
    line: int
    """Of the Dockerfile: the instruction or command that takes it."""
    place: Place
    """Where it is named: in the Dockerfile, or in a file that the build reads."""
    why: str = ""
    shown: bool = True

    def why_open(self, wanted: Tier) -> str | None:
        """Why it is not named as firmly as wanted, None where it is. What cannot be shown is not."""
        if not self.shown:
            return f"cannot be shown to be pinned: {self.why}"
        return self.why if self.tier < wanted else None
