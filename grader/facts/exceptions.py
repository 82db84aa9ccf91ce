"""Findings that somebody decided to live with, as Trivy's `.trivyignore.yaml` has them.

    vulnerabilities:
      - id: CVE-2025-69720
        statement: infocmp is never called by the service
        expired_at: 2026-09-30

Trivy compares `expired_at` with today's clock, and leaves the rest of an entry alone. Here nothing is compared: what is
written is read, and judged elsewhere.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from grader.errors import SubmissionFault
from grader.verdict import clean

if TYPE_CHECKING:
    from grader.facts.scan import Finding

MAX_FILE = 64 * 1024
"""Bytes of the file."""
MAX_ENTRIES = 500


@dataclass(frozen=True)
class Entry:
    """One entry. `paths` and `purls`, where there are any, narrow it to findings in these places or packages."""

    id: str
    statement: str
    expires: datetime.date | None
    paths: Sequence[str] = ()
    purls: Sequence[str] = ()

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is meant."""
        if finding.id != self.id:
            return False
        if self.paths and not any(_matches(path, finding.path) for path in self.paths):
            return False
        return not self.purls or any(
            finding.purl == purl or finding.purl.startswith((f"{purl}@", f"{purl}?")) for purl in self.purls
        )


def parse(text: bytes, name: str) -> list[Entry]:
    """The entries on vulnerabilities. SubmissionFault where the file is none, with the line where it is known."""
    import yaml

    if len(text) > MAX_FILE:
        raise SubmissionFault(f"{name} is larger than {MAX_FILE // 1024} KiB")
    try:
        # A few aliases of each other can stand for more than any memory holds.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise SubmissionFault(f"{name} uses an alias (*name): write out what it stands for")
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 0
        raise SubmissionFault(f"{name} is no YAML: {clean(problem.problem or '', 200)}", where=(name, line)) from None
    except ValueError as problem:  # a date that no calendar has
        raise SubmissionFault(f"{name} cannot be read: {clean(str(problem), 200)}") from None
    except (yaml.YAMLError, RecursionError):
        raise SubmissionFault(f"{name} is no YAML") from None
    if document is None:
        return []
    listed = document.get("vulnerabilities", []) if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise SubmissionFault(f"{name} has no list `vulnerabilities`, in which each entry has an id")
    if len(listed) > MAX_ENTRIES:
        raise SubmissionFault(f"{name} has more than {MAX_ENTRIES} entries")
    return [_entry(raw, f"entry {number} of {name}") for number, raw in enumerate(listed, 1)]


def _entry(raw: Any, where: str) -> Entry:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("id"), str) or not raw["id"].strip():
        raise SubmissionFault(f"{where} has no id")
    statement = raw.get("statement")
    return Entry(
        id=clean(raw["id"].strip(), 100),
        statement=statement.strip() if isinstance(statement, str) else "",
        expires=_date(raw.get("expired_at")),
        paths=_texts(raw.get("paths"), where),
        purls=_texts(raw.get("purls"), where),
    )


def _date(raw: Any) -> datetime.date | None:
    if isinstance(raw, datetime.datetime):
        return raw.date()
    if isinstance(raw, datetime.date):
        return raw
    try:
        return datetime.date.fromisoformat(raw.strip()[:10]) if isinstance(raw, str) else None
    except ValueError:
        return None


def _texts(raw: Any, where: str) -> Sequence[str]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise SubmissionFault(f"{where}: paths and purls are lists of texts")
    return tuple(item[:400] for item in raw[:100])


def _matches(pattern: str, path: str) -> bool:
    """Whether a path fits a pattern as Trivy has them: `*` is any part of one name, `**` any number of folders."""
    parts = path.split("/")
    fits = [True] + [False] * len(parts)  # for each number of parts, whether the pattern so far fits just these
    for piece in pattern.strip("/").split("/"):
        if piece == "**":
            first = fits.index(True) if True in fits else len(fits)
            fits = [at >= first for at in range(len(fits))]
        else:
            fits = [False] + [fits[at] and fnmatchcase(part, piece) for at, part in enumerate(parts)]
    return fits[-1]
