"""The JSON report and its published schema."""

from __future__ import annotations

import json as stdlib_json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from grader.reports import json
from tests.grader.reports import samples
from tests.grader.reports.validators import REPORT, REPORT_SCHEMA


def loaded(name: str) -> dict[str, Any]:
    return stdlib_json.loads(json.render(samples.ALL[name]))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(REPORT_SCHEMA)


@pytest.mark.parametrize("name", samples.ALL)
def test_samples_follow_the_schema(name: str) -> None:
    REPORT.validate(loaded(name))


@pytest.mark.parametrize("name", samples.ALL)
def test_the_text_is_ascii_and_says_what_the_report_says(name: str) -> None:
    text = json.render(samples.ALL[name])
    assert text.isascii()
    assert text.endswith("}\n")
    assert stdlib_json.loads(text) == samples.ALL[name].to_dict() | {
        "checks": stdlib_json.loads(stdlib_json.dumps([check.to_dict() for check in samples.ALL[name].checks]))
    }


def change(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.update(values)


def in_check(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["checks"][1].update(values)


@pytest.mark.parametrize(
    "spoil",
    [
        change(extra=1),
        change(schema=2),
        change(score=None),
        change(status="error"),
        change(status="skipped"),
        change(checks=[]),
        change(seconds=-1),
        in_check(extra=1),
        in_check(status="error", points=0),
        in_check(points=3.0),
        in_check(points=-1),
        in_check(message=None),
        in_check(evidence={"where": [{"row": 3}]}),
        lambda data: data.pop("engine"),
        lambda data: data["checks"][0].pop("evidence"),
    ],
)
def test_the_schema_refuses(spoil: Callable[[dict[str, Any]], None]) -> None:
    data = loaded("partial")
    spoil(data)
    with pytest.raises(jsonschema.ValidationError):
        REPORT.validate(data)


def test_an_error_report_may_hold_no_score() -> None:
    data = loaded("error") | {"score": 3.0}
    with pytest.raises(jsonschema.ValidationError):
        REPORT.validate(data)


@pytest.mark.parametrize("module", ["json", "html", "junit", "sarif", "gradescope"])
def test_only_the_terminal_needs_rich(module: str) -> None:
    code = f"import sys, grader.reports.{module}; sys.exit('rich' in sys.modules or 'docker' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
