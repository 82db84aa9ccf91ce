"""The rules of lint, each by its table: what it catches, and what it must not (cases/RULE.toml)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from grader.lint.rule import all_rules
from tests.grader.lint.reading import linted

CASES = Path(__file__).with_name("cases")


def cases() -> list[Any]:
    """Each case: `rule`, `name`, `dockerfile`, `files` of its context, and `lines` where the rule finds something."""
    found = []
    for path in sorted(CASES.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            found.append(pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}"))
    return found


@pytest.mark.parametrize(("rule", "case"), cases())
def test_a_rule_catches_what_it_should_and_no_more(rule, case, tmp_path):
    result = linted(tmp_path, case["dockerfile"], case.get("files"))
    found = [finding for finding in result.findings if finding.rule == rule]
    assert [finding.line for finding in found] == case["lines"], result
    assert (result.error is not None) == case.get("error", False), result
    if "severity" in case:
        assert {str(finding.severity) for finding in found} == {case["severity"]}
    for said in case.get("says", []):
        assert any(said in finding.message for finding in found), found


def test_every_rule_has_its_table_with_cases_of_both_kinds():
    for rule in all_rules():
        table = tomllib.loads((CASES / f"{rule.id}.toml").read_text(encoding="utf-8"))["case"]
        assert any(case["lines"] for case in table), rule.id
        assert any(not case["lines"] for case in table), rule.id
    assert {path.stem for path in CASES.glob("*.toml")} == {rule.id for rule in all_rules()}
