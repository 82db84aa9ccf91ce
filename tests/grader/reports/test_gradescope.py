"""Gradescope's results.json."""

from __future__ import annotations

import json

import pytest

from grader.reports import gradescope
from tests.grader.reports import samples

TOP = {"score", "execution_time", "output", "output_format", "visibility", "stdout_visibility", "tests"}
TEST = {
    "score",
    "max_score",
    "status",
    "name",
    "name_format",
    "number",
    "output",
    "output_format",
    "tags",
    "visibility",
}
SCORED = ["full", "partial", "not-built", "lost-all"]


@pytest.mark.parametrize("name", SCORED)
def test_only_fields_of_the_specification(name: str) -> None:
    results = json.loads(gradescope.render(samples.ALL[name]))
    assert set(results) == TOP
    for number, test in enumerate(results["tests"], 1):
        assert set(test) == TEST
        assert test["number"] == str(number)
        assert test["status"] == ("passed" if test["score"] == test["max_score"] else "failed")
        assert test["output_format"] == test["name_format"] == "text"


@pytest.mark.parametrize("name", SCORED)
def test_the_tests_add_up_to_the_score(name: str) -> None:
    results = json.loads(gradescope.render(samples.ALL[name]))
    assert results["score"] == samples.ALL[name].score == round(sum(test["score"] for test in results["tests"]), 2)


def test_what_a_learner_reads() -> None:
    results = json.loads(gradescope.render(samples.PARTIAL))
    assert results["output"].startswith("5.2 of 13 points. Start with “Editing app code")
    test = results["tests"][1]
    assert test["tags"] == ["rebuild", "failed"]
    assert "where: Dockerfile:4 COPY . ." in test["output"]


@pytest.mark.parametrize("name", ["error", "nothing"])
def test_without_a_score_there_is_nothing_to_write(name: str) -> None:
    with pytest.raises(ValueError, match="no score"):
        gradescope.render(samples.ALL[name])


def test_another_score_counts_if_there_is_one_and_the_note_says_why() -> None:
    results = json.loads(gradescope.render(samples.PARTIAL, score=4.0, note="Late.\x1b[1m"))
    assert results["score"] == 4.0
    assert results["output"].endswith("\nLate.")
    assert set(results) == TOP
