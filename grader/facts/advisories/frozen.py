"""Read the file of the advisories, once, and select what is known in a snapshot."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SnapshotName = Literal["then", "now"]
Severity = Literal["UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
SEVERITIES: Sequence[Severity] = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")
"""In Trivy's order, the least grave first."""
DISTRIBUTIONS = ("debian 12", "debian 13")
"""The distributions that the advisories cover."""

_Text = Annotated[str, Field(min_length=1, max_length=400)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Affected(_Model):
    """A package that an advisory is about: one of a language with version ranges, or a source package of Debian.

    Debian's `status` is given if no version fixes it, and its `severity` if Debian has one of its own.
    """

    ecosystem: Literal["pip", "npm", "debian 12", "debian 13"] = Field(alias="in")
    package: _Text
    vulnerable: tuple[_Text, ...] = ()
    fixed: tuple[_Text, ...] = ()
    status: Literal["affected", "will_not_fix", "fix_deferred", "end_of_life"] | None = None
    severity: Severity | None = None

    @model_validator(mode="after")
    def _shaped(self) -> Self:
        if self.ecosystem in DISTRIBUTIONS:
            if self.vulnerable or len(self.fixed) != (0 if self.status else 1):
                raise ValueError("a package of Debian has one fixed version, or a status")
        elif not self.vulnerable or self.status or self.severity:
            raise ValueError("a package of a language has vulnerable versions, and neither status nor severity")
        return self


class Advisory(_Model):
    """One vulnerability, with the source of its data.

    `nvd` is NVD's severity, if it differs from `severity`.
    """

    id: _Text
    aliases: tuple[_Text, ...] = ()
    title: _Text
    severity: Severity
    nvd: Severity | None = None
    score: float | None = Field(default=None, ge=0, le=10)
    published: datetime.date
    source: _Text
    affects: tuple[Affected, ...] = Field(min_length=1)


class Advisories(_Model):
    """The whole file. `snapshots` are days: an advisory is known in a snapshot if it was published before its day."""

    notice: _Text
    snapshots: dict[SnapshotName, datetime.date]
    advisory: tuple[Advisory, ...]


@dataclass(frozen=True)
class Snapshot:
    """What was known on a day."""

    name: SnapshotName
    date: datetime.date
    advisories: tuple[Advisory, ...]


def text() -> bytes:
    """Return the bytes of the file."""
    return files("grader").joinpath("data/advisories.toml").read_bytes()


@cache
def advisories() -> Advisories:
    """Return the parsed file."""
    return Advisories.model_validate(tomllib.loads(text().decode()))


@cache
def snapshot(name: SnapshotName) -> Snapshot:
    """Return one of the two snapshots."""
    known = advisories()
    date = known.snapshots[name]
    return Snapshot(name, date, tuple(one for one in known.advisory if one.published < date))
