"""JUDGE: one module per check kind, each a pure function of facts and parameters.

A module `grader.checks.KIND` holds

    class Params(CheckParams)                        # the kind's own keys in exercise.toml
    def judge(facts: Facts, params: Params) -> Verdict

A check opens nothing and runs nothing itself: it asks the facts. A fact raises SubmissionFault if the submission makes
it impossible, and GraderError if the grader could not look. A check lets both pass through.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.checks._params import CheckParams, Pattern, Told
    from grader.facts import Facts
    from grader.verdict import Verdict

__all__ = ["KINDS", "CheckParams", "Kind", "Pattern", "Told", "kind"]

KINDS: tuple[str, ...] = tuple(sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py")))
"""The names of the check kinds. Every module of this package is a kind, unless its name begins with an underscore."""


class Kind(NamedTuple):
    """A check kind: its name, the model of its parameters, and the function that judges."""

    name: str
    params: type[CheckParams]
    judge: Callable[[Facts, Any], Verdict]


def kind(name: str) -> Kind:
    """The check kind with this name. Raises KeyError if there is no such kind."""
    if name not in KINDS:
        raise KeyError(name)
    module = import_module(f"grader.checks.{name}")
    return Kind(name, module.Params, module.judge)


def __getattr__(name: str) -> Any:
    """Import what is in _params on first use: the names of the kinds need no pydantic."""
    if name not in ("CheckParams", "Pattern", "Told"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from grader.checks import _params

    return getattr(_params, name)
