"""The report as JSON, for other programs. `report.schema.json` in this folder is its JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grader.reports import safe
from grader.verdict import Report

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")

LARGEST = 250_000
"""If a check is longer than this many characters, only the common part of its evidence is written."""
PLACES = 20
"""The most places that are written then."""


def render(report: Report) -> str:
    """The report as JSON text, with a newline at the end. It is ASCII only, so that it survives any pipe."""
    data = report.to_dict()
    checks = [_bounded(check) for check in data.pop("checks")]  # a list of checks is never cut
    return json.dumps({**safe.value(data), "checks": checks}, indent=2, allow_nan=False) + "\n"


def _bounded(check: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = safe.value(check)
    if len(json.dumps(shown)) <= LARGEST:
        return shown
    evidence = shown["evidence"]
    kept = {key: evidence[key] for key in ("expected", "found") if key in evidence}
    if where := evidence.get("where"):
        kept["where"] = where[:PLACES]
    return {**shown, "evidence": {**kept, "left_out": "the rest of the evidence is too long for a report"}}
