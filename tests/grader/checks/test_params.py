"""What check kinds have in common, and how they are found."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from grader import checks
from grader.checks import CheckParams, Pattern, Told
from grader.lib.schedule import Workload


class Searched(CheckParams):
    text: Pattern


@pytest.mark.parametrize("text", ["", "a", "^a$", r"(?P<name>\d+)", "(?=a)"])
def test_a_pattern_is_a_regular_expression(text):
    assert Searched(text=text).text == text


@pytest.mark.parametrize(
    ("text", "why"), [("(", "missing )"), ("[a", "unterminated character set"), ("*", "nothing to repeat")]
)
def test_what_is_no_regular_expression_is_refused_with_the_reason(text, why):
    with pytest.raises(ValidationError) as fault:
        Searched(text=text)
    message = fault.value.errors()[0]["msg"]
    assert message.startswith(f"Value error, expected a regular expression, found {text!r}: {why}")


@pytest.mark.parametrize("text", ["", "no capital letter.", "No full stop", "Two\nlines.", "X" * 200 + "."])
def test_what_is_no_sentence_is_refused(text):
    with pytest.raises(ValidationError, match="failure"):
        Told(failure=text)


@pytest.mark.parametrize("text", ["User 10001 can write to /app.", "/app is anybody's.", "`pip` ran again."])
def test_a_sentence_is_put_before_the_message(text):
    assert Told(failure=text).told("Found 1.") == f"{text} Found 1."
    assert Told().told("Found 1.") == "Found 1."


def test_an_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Searched.model_validate({"text": "a", "texts": "b"})


def test_parameters_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Searched(text="a").text = "b"


def test_a_kind_that_says_nothing_is_judged_alone_and_plants_nothing():
    params = Searched(text="a")
    assert (params.work, params.timed, params.plants, params.no_shared_cache) == (Workload.ALONE, False, (), False)


@pytest.mark.parametrize("name", checks.KINDS)
def test_a_kind_is_its_own_parameters_and_a_function_that_returns_a_verdict(name):
    found = checks.kind(name)
    assert (found.name, found.params.__module__, found.judge.__module__) == (name, *2 * (f"grader.checks.{name}",))
    assert found.judge.__annotations__ == {"facts": "Facts", "params": "Params", "return": "Verdict"}
    assert issubclass(found.params, CheckParams)
