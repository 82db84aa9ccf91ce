"""`python`: a function of the exercise's own judges the facts.

    function = "checks.py:speaks_latin"     # in exercise.toml

    def speaks_latin(facts):                # in checks.py, in the same folder
        outcome = facts.run(["/app/greet"], judged=["stdout"])
        return "Salve" in outcome.stdout, "It greets, but not in Latin."

The function returns a Verdict, or a bool, or a bool and a message. This kind is the last resort, for what no other kind
measures. The exercise decides what to measure and how, and answers for what its function cannot see.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from grader.checks import CheckParams
from grader.errors import GraderError
from grader.lib.text import clean
from grader.settings import inside
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts


def _reference(text: str) -> str:
    file, _, name = text.partition(":")
    if not file.endswith(".py") or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"expected a function such as 'checks.py:name', found {text!r}")
    inside(file)
    return text


class Params(CheckParams):
    """`function`: a Python file in the exercise's folder, a colon, and the name of a function in that file."""

    function: Annotated[str, AfterValidator(_reference)]


def judge(facts: Facts, params: Params) -> Verdict:
    """What the function says. If anything goes wrong in it, that is the grader's fault and not the learner's."""
    file, _, name = params.function.partition(":")
    with facts.exercise_function(file, name) as function:
        said = function(facts)
        match said:
            case Verdict():
                return said
            case bool():
                return _verdict(said, "")
            case (bool(passed), str(message)):
                return _verdict(passed, message)
        raise GraderError(
            f"the exercise's own check {params.function} returned {clean(repr(said), 100)}, not a Verdict, a bool, or "
            "a bool and a message: please report it"
        )


def _verdict(passed: bool, message: str) -> Verdict:
    if passed:
        return Verdict.passed(message or "The exercise's own check passes.")
    return Verdict.failed(message or "The exercise's own check does not pass.")
