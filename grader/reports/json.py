"""The report as JSON, the form other programs read; `report.schema.json` beside this file is its JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path

from grader.reports import safe
from grader.verdict import Report

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")


def render(report: Report) -> str:
    """The report as JSON text: ASCII only, so that it survives any pipe, and ending in a newline."""
    data = report.to_dict()
    checks = [safe.value(check) for check in data.pop("checks")]  # one by one: a list of checks is never cut
    return json.dumps({**safe.value(data), "checks": checks}, indent=2, allow_nan=False) + "\n"
