"""What was found, as text for people and editors, as JSON and as SARIF."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from grader.lint.model import Linted, Severity
from grader.lint.rule import all_rules
from grader.reports import safe, sarif
from grader.verdict import Place

SCHEMA = 1
_LEVELS: Mapping[Severity, sarif.Level] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def as_text(files: Sequence[Linted]) -> str:
    """A line for each finding, `PATH:LINE: SEVERITY: MESSAGE [RULE]` as compilers write it, and one that sums up."""
    lines: list[str] = []
    for file in files:
        path = safe.line(file.path, 1000)
        lines += [
            f"{path}:{found.line or 1}: {found.severity}: {safe.line(found.message, 600)} [{found.rule}]"
            for found in file.findings
        ]
        if file.error is not None and not file.findings:
            lines.append(f"{path}: error: not linted: {safe.line(file.error, 600)}")
    return "\n".join([*lines, _sum(files)]) + "\n"


def _sum(files: Sequence[Linted]) -> str:
    looked = "1 file" if len(files) == 1 else f"{len(files)} files"
    count = sum(len(file.findings) for file in files)
    parts = [f"{count} finding{'' if count == 1 else 's'} in {looked}" if count else f"nothing found in {looked}"]
    if errors := sum(file.error is not None for file in files):
        parts.append(f"{errors} could not be read as {'a Dockerfile' if errors == 1 else 'Dockerfiles'}")
    return ", ".join(parts)


def as_json(files: Sequence[Linted]) -> str:
    """The published form: ASCII only, ending in a newline."""
    shown = [{**file.to_dict(), "path": safe.line(file.path, 1000)} for file in files]
    return json.dumps({"schema": SCHEMA, "files": shown}, indent=2) + "\n"


def as_sarif(files: Sequence[Linted]) -> str:
    """One SARIF run. With a file that could not be read it did not succeed: its silence is no clean result."""
    findings = [
        sarif.SarifResult(
            rule=found.rule,
            level=_LEVELS[found.severity],
            message=found.message,
            where=[Place(file=file.path, line=found.line or None)],
        )
        for file in files
        for found in file.findings
    ]
    failures = [sarif.Failure(file.error, [Place(file=file.path)]) for file in files if file.error is not None]
    rules = [sarif.SarifRule(rule.id, rule.text, rule.lesson) for rule in all_rules()]
    return sarif.document(findings, rules, failures=failures)
