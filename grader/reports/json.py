"""The report as JSON, the form other programs read; `report.schema.json` beside this file is its JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grader.reports import safe
from grader.verdict import Report

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")


LARGEST = 250_000
"""Characters of one check from which on only the common part of its evidence is given."""
PLACES = 20
"""Places that are then given."""


def render(report: Report) -> str:
    """The report as JSON text: ASCII only, so that it survives any pipe, and ending in a newline."""
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
