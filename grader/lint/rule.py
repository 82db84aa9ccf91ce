"""What a rule is: the decorator `rule`, what a rule yields (`Hit`), and all of them (`all_rules`)."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from grader.lib.text import clean
from grader.lint import rules
from grader.lint.model import Finding, Severity

if TYPE_CHECKING:
    from grader.lint.target import LintTarget

LAST = 1000
"""The order of a rule that names none."""


class Hit(NamedTuple):
    """One thing that a rule found, at a line of the Dockerfile (0: no single line is at fault)."""

    line: int
    message: str
    severity: Severity | None = None
    """None: the rule's own."""


@dataclass(frozen=True)
class Rule:
    """A rule of lint: its id, how much it usually matters, the lesson to read, one line about it, and how it looks."""

    id: str
    severity: Severity
    lesson: str
    text: str
    look: Callable[[LintTarget], Iterable[Hit]]
    file_only: bool = False
    """Whether it looks at nothing but the Dockerfile's text. What such a rule finds is given also if no build can start
    and if the context cannot be read."""
    order: int = LAST
    """Its place among the rules: in docs/lint.md, and among the findings of one line."""

    def findings(self, target: LintTarget) -> Iterator[Finding]:
        """What the rule finds in a file."""
        return (self.finding(*hit) for hit in self.look(target))

    def finding(self, line: int, message: str, severity: Severity | None = None) -> Finding:
        """A finding of this rule, its message cleaned."""
        text = " ".join(clean(message, 600).split())
        return Finding(self.id, line, severity or self.severity, text, self.lesson)


def rule(
    id: str,  # noqa: A002
    severity: Severity,
    *,
    lesson: str,
    text: str,
    file_only: bool = False,
    order: int = LAST,
) -> Callable[[Callable[[LintTarget], Iterable[Hit]]], Rule]:
    """Make a rule of a function that looks at a Dockerfile. The parameters are the attributes of `Rule`."""
    return lambda look: Rule(id, severity, lesson, text, look, file_only, order)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule in `grader.lint.rules`, in order. Raises ValueError if two have the same id."""
    modules = [import_module(f"{rules.__name__}.{found.name}") for found in pkgutil.iter_modules(rules.__path__)]
    found: dict[str, Rule] = {}
    for value in (value for module in modules for value in vars(module).values() if isinstance(value, Rule)):
        if found.setdefault(value.id, value) is not value:
            raise ValueError(f"two rules of lint are called {value.id}: give one of them another id")
    return tuple(sorted(found.values(), key=lambda item: (item.order, item.id)))
