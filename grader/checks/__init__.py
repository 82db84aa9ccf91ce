"""JUDGE: one module per check kind, each a pure function of facts and parameters.

A module `grader.checks.KIND` holds

    class Params(CheckParams)                        # the kind's own keys in exercise.toml
    def judge(facts: Facts, params: Params) -> Verdict

It opens nothing and runs nothing itself: it asks the facts. A fact raises SubmissionFault where the submission makes it
impossible and GraderError where it could not look; a check lets both pass through.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from grader.beside import Work

if TYPE_CHECKING:
    from grader.canary import Plant
    from grader.facts import Facts
    from grader.verdict import Verdict

KINDS: tuple[str, ...] = tuple(sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py")))
"""The names of the check kinds: a module of this package is one."""


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as problem:
        raise ValueError(f"expected a regular expression, found {text!r}: {problem}") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
"""A regular expression, as Python has them, in a kind's parameters."""


class CheckParams(BaseModel):
    """Parameters of one check kind; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    anew: ClassVar[bool] = False
    """Whether it must see every RUN run, and not be taken from the cache of an earlier grading."""

    work: ClassVar[Work] = Work.ALONE
    """What judging it does: by that it is known what may be judged beside it."""

    @property
    def timed(self) -> bool:
        """Whether it measures how long something takes: then nothing else is done meanwhile."""
        return False

    @property
    def plants(self) -> tuple[Plant, ...]:
        """What is to be planted in a submission before anything of it is built."""
        return ()


@dataclass(frozen=True)
class Kind:
    """A check kind: its name, the model of its parameters, and its judgement."""

    name: str
    params: type[CheckParams]
    judge: Callable[[Facts, Any], Verdict]


def kind(name: str) -> Kind:
    """The check kind of that name. KeyError where there is none."""
    if name not in KINDS:
        raise KeyError(name)
    module = import_module(f"grader.checks.{name}")
    return Kind(name, module.Params, module.judge)
