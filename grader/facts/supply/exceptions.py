"""Findings that somebody accepted, as Trivy's `.trivyignore.yaml` lists them.

    vulnerabilities:
      - id: CVE-2025-69720
        statement: infocmp is never called by the service
        expired_at: 2026-09-30

Trivy compares `expired_at` with today's date. Here the file is only read; the check judges what it says.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from grader.errors import SubmissionFault
from grader.lib.text import clean

if TYPE_CHECKING:
    from grader.facts.supply.scan import Vulnerability

MAX_FILE = 64 * 1024
"""Bytes of the file."""
MAX_ENTRIES = 500
MAX_DEPTH = 20
"""Lists and mappings in each other; an entry needs four."""


@dataclass(frozen=True)
class Entry:
    """One entry. `paths` and `purls`, if given, restrict it to findings in these places or packages."""

    id: str
    statement: str
    expires: datetime.date | None
    paths: Sequence[str] = ()
    purls: Sequence[str] = ()

    def covers(self, finding: Vulnerability) -> bool:
        """Whether the entry is about that finding."""
        if finding.id != self.id:
            return False
        if self.paths and not any(_matches(path, finding.path) for path in self.paths):
            return False
        return not self.purls or any(
            finding.purl == purl or finding.purl.startswith((f"{purl}@", f"{purl}?")) for purl in self.purls
        )


def parse(text: bytes, name: str) -> list[Entry]:
    """Return the entries on vulnerabilities.

    Raises SubmissionFault if the file has another form, with the line if it is known.
    """
    import yaml

    if len(text) > MAX_FILE:
        raise SubmissionFault(f"{name} is larger than {MAX_FILE // 1024} KiB")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:  # what nests deeper takes the reader hours
                raise SubmissionFault(f"{name} nests lists deeper than {MAX_DEPTH}")
            # A few aliases of each other can stand for more than any memory holds.
            if isinstance(event, yaml.AliasEvent):
                raise SubmissionFault(f"{name} uses an alias (*name): write out what it stands for")
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 0
        raise SubmissionFault(f"{name} is not YAML: {clean(problem.problem or '', 200)}", where=(name, line)) from None
    except ValueError as problem:  # a date that does not exist
        raise SubmissionFault(f"{name} cannot be read: {clean(str(problem), 200)}") from None
    except (yaml.YAMLError, RecursionError):
        raise SubmissionFault(f"{name} is not YAML") from None
    if document is None:
        return []
    listed = document.get("vulnerabilities", []) if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise SubmissionFault(f"{name} has no list `vulnerabilities` of entries with an id")
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
        raise SubmissionFault(f"{where}: expected paths and purls to be lists of texts")
    return tuple(item[:400] for item in raw[:100])


def _matches(pattern: str, path: str) -> bool:
    """Whether a path matches one of Trivy's patterns: `*` is any part of a name, `**` any number of folders."""
    parts = path.split("/")
    fits = [True] + [False] * len(parts)  # for each number of parts, whether the pattern so far matches just these
    for piece in pattern.strip("/").split("/"):
        if piece == "**":
            first = fits.index(True) if True in fits else len(fits)
            fits = [at >= first for at in range(len(fits))]
        else:
            fits = [False] + [fits[at] and fnmatchcase(part, piece) for at, part in enumerate(parts)]
    return fits[-1]
