"""syntax: what no builder accepts."""

from __future__ import annotations

from collections.abc import Iterator

from grader.lint.model import Severity
from grader.lint.rule import Hit, rule
from grader.lint.target import LintTarget


@rule(
    "syntax",
    Severity.ERROR,
    lesson="01-layers",
    text="The file is a Dockerfile that a builder accepts.",
    file_only=True,
    order=10,
)
def syntax(target: LintTarget) -> Iterator[Hit]:
    """Why some build of a file that parses cannot start. What does not parse is found by `lint` itself."""
    if target.fault is not None:
        yield Hit(target.fault.line, f"{target.fault.message}.")
