"""The vocabulary of linting: Severity, Finding, Linted (one file)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


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
class Finding:
    """One thing found, at a line of the Dockerfile (0: no single line is at fault). The message is cleaned."""

    rule: str
    line: int
    severity: Severity
    message: str
    lesson: str

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
