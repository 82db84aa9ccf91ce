"""The published form of what lint finds."""

from __future__ import annotations

import json

from grader.lint.model import Finding, Linted, Severity


def test_an_error_is_graver_than_a_warning_than_an_info() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == [Severity.INFO, Severity.WARNING, Severity.ERROR]


def test_as_plain_values() -> None:
    found = Finding("root-user", 3, Severity.ERROR, "It runs as root.", "05-runtime")
    plain = {"rule": "root-user", "line": 3, "severity": "error", "message": "It runs as root.", "lesson": "05-runtime"}
    shown = json.loads(json.dumps(Linted("x/Dockerfile", [found], "why").to_dict()))
    assert shown == {"path": "x/Dockerfile", "findings": [plain], "error": "why"}
    assert json.loads(json.dumps(Linted("x", ()).to_dict())) == {"path": "x", "findings": [], "error": None}
