"""Rules are found where they are written, and come in the order in which docs/lint.md explains them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.lint import rules
from grader.lint.linter import lint
from grader.lint.model import Severity
from grader.lint.rule import LAST, all_rules

DOC = Path(__file__).parents[3] / "docs" / "lint.md"

TOY = """
from grader.lint.model import Severity
from grader.lint.rule import Hit, rule

@rule("{id}", Severity.INFO, lesson="01-layers", text="A label says whose it is.", file_only={file_only})
def maintainer(target):
    for stage in target.file.stages:
        yield Hit(stage.line, "No label\\n  says \\x1b[31mwhose it is.")
        yield Hit(0, "Nowhere.", Severity.ERROR)
"""


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts a module with one rule among the rules, for one test."""

    def write(name: str, rule: str = "maintainer", *, file_only: bool = False) -> None:
        (tmp_path / f"{name}.py").write_text(TOY.format(id=rule, file_only=file_only))
        all_rules.cache_clear()

    monkeypatch.setattr(rules, "__path__", [*rules.__path__, str(tmp_path)])
    yield write
    all_rules.cache_clear()


def test_the_documentation_explains_all_rules_in_their_order() -> None:
    table = DOC.read_text(encoding="utf-8").partition("## The rules")[2]
    rows = re.findall(r"^\| `([a-z-]+)` \| ([a-z]+)", table, re.MULTILINE)
    assert rows == [(rule.id, str(rule.severity)) for rule in all_rules()]


def test_each_says_in_one_line_what_is_right() -> None:
    for rule in all_rules():
        assert re.fullmatch(r"[A-Z][^\n]{10,90}\.", rule.text), rule.id
        assert re.fullmatch(r"\d\d-[a-z-]+", rule.lesson), rule.id


def test_a_new_module_is_found_and_its_rule_comes_last(add: Callable[..., None], tmp_path: Path) -> None:
    known = {rule.id for rule in all_rules()}
    ordered = [rule for rule in all_rules() if rule.order < LAST]
    add("toy_found")
    assert {rule.id for rule in all_rules()} == {*known, "maintainer"}
    assert [*all_rules()[: len(ordered)]] == ordered
    (tmp_path / "Dockerfile").write_text("FROM scratch\nUSER 1000\n")
    found = [item for item in lint(tmp_path / "Dockerfile").findings if item.rule == "maintainer"]
    assert [(item.line, item.severity, item.message) for item in found] == [
        (0, Severity.ERROR, "Nowhere."),
        (1, Severity.INFO, "No label says whose it is."),
    ]
    assert {item.lesson for item in found} == {"01-layers"}


def test_no_two_have_one_id(add: Callable[..., None]) -> None:
    add("toy_twice", "shell-form")
    with pytest.raises(ValueError, match="two rules of lint are called shell-form"):
        all_rules()


def test_what_needs_the_file_alone_is_found_if_the_context_cannot_be_read(
    add: Callable[..., None], tmp_path: Path
) -> None:
    add("toy_alone", file_only=True)
    (tmp_path / "Dockerfile").write_text("FROM alpine\nCOPY x /\nRUN pip install -r x\n")
    (tmp_path / ".dockerignore").write_text("[\n")
    result = lint(tmp_path / "Dockerfile")
    assert {item.rule for item in result.findings} == {"syntax", "maintainer"}
    assert result.error is not None
