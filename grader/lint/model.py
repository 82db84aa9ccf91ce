"""The vocabulary of linting: Severity, Rule, Finding, Linted (one file)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grader.verdict import clean


class Severity(StrEnum):
    """How much it matters: an error breaks a build or what the image promises, a warning is to be put right, an info is
    to be known."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """The greater, the graver."""
        return [Severity.INFO, Severity.WARNING, Severity.ERROR].index(self)


@dataclass(frozen=True)
class Rule:
    """What is looked at: its id, one line about it, and the lesson to read."""

    id: str
    text: str
    lesson: str


@dataclass(frozen=True)
class Finding:
    """One thing found, at a line of the Dockerfile (0: no single line is at fault). The message is cleaned."""

    rule: str
    line: int
    severity: Severity
    message: str
    lesson: str

    @classmethod
    def of(cls, rule: Rule, line: int, severity: Severity, message: str) -> Finding:
        return cls(rule.id, line, severity, " ".join(clean(message, 600).split()), rule.lesson)

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "severity": str(self.severity)}


@dataclass(frozen=True)
class Linted:
    """One file and what was found. `error`: why it could not be read as a Dockerfile; then it was not, or not wholly,
    looked at, however few the findings are."""

    path: str
    findings: Sequence[Finding]
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"path": self.path, "findings": [found.to_dict() for found in self.findings], "error": self.error}


SYNTAX = Rule("syntax", "The file is a Dockerfile that a builder accepts.", "01-layers")
BASE_UNPINNED = Rule("base-unpinned", "An image is named with a tag or a digest.", "06-registries")
BASE_LATEST = Rule("base-latest", "An image is not named by the tag latest.", "06-registries")
BASE_TAG_ONLY = Rule("base-tag-only", "An image is named by its digest.", "06-registries")
PACKAGE_UNPINNED = Rule("package-unpinned", "A package is installed at one exact version.", "06-registries")
DOWNLOAD_UNVERIFIED = Rule(
    "download-unverified", "What is downloaded is checked against a known hash.", "06-registries"
)
ROOT_USER = Rule("root-user", "The image does not run as root.", "05-runtime")
SHELL_FORM = Rule("shell-form", "The main program is started without a shell that keeps signals from it.", "05-runtime")
ADD_FOR_COPY = Rule("add-for-copy", "COPY is used where ADD would do no more.", "01-layers")
COPY_BEFORE_INSTALL = Rule("copy-before-install", "Dependencies are installed before the source comes.", "02-caching")
CACHE_NOT_CLEANED = Rule(
    "cache-not-cleaned", "A package manager's cache does not stay in the image.", "03-small-images"
)
SECRET_IN_BUILD = Rule("secret-in-build", "No secret is in the instructions or copied by them.", "04-multi-stage")
NO_HEALTHCHECK = Rule("no-healthcheck", "An image that serves a port says how to tell whether it works.", "05-runtime")
UNKNOWN_STAGE = Rule("unknown-stage", "A stage that is named is there, and above.", "04-multi-stage")
DUPLICATE_STAGE = Rule("duplicate-stage", "No two stages have one name.", "04-multi-stage")

RULES = (
    SYNTAX,
    BASE_UNPINNED,
    BASE_LATEST,
    BASE_TAG_ONLY,
    PACKAGE_UNPINNED,
    DOWNLOAD_UNVERIFIED,
    ROOT_USER,
    SHELL_FORM,
    ADD_FOR_COPY,
    COPY_BEFORE_INSTALL,
    CACHE_NOT_CLEANED,
    SECRET_IN_BUILD,
    NO_HEALTHCHECK,
    UNKNOWN_STAGE,
    DUPLICATE_STAGE,
)
"""All rules, in the order in which docs/lint.md explains them."""
