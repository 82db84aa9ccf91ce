"""Go's regular expression syntax: what an escape or a class of a pattern stands for, and what Go cannot compile."""

from __future__ import annotations

import pytest

from grader.facts.context.go_glob import BadPattern
from grader.facts.context.go_pattern import Automaton
from grader.facts.context.go_regexp import holds, parts_of


@pytest.mark.parametrize(
    ("expression", "fits", "fits_not"),
    [
        (r"\d", "059", "aD٣"),
        (r"\D", "a٣", "5"),
        (r"\s", " \t\n\f\r", "\v\u00a0s"),
        (r"\w", "aZ_9", "-é"),
        (r"\W", "-é", "_"),
        (r"\pL", "aéЖ", "1_"),
        (r"\PL", "1_", "é"),
        (r"\pN", "1½", "a"),
        pytest.param(r"\PC", "a\u0378", "\x07", id="a code point that nobody assigned is no Other"),
        (r"\x41", "A", "x"),
        (r"\101", "A", "1"),
        (r"\0", "\0", "0"),
        (r"\a\b", "", "a"),
        (r"\t", "\t", "t"),
        (r"\-", "-", "\\"),
        ("[a-c]", "abc", "d-"),
        ("[^a-c]", "d/\n", "b"),
        ("[]a]", "]a", "["),
        ("[^]a]", "x", "]a"),
        ("[a-]", "a-", "b"),
        ("[-a]", "a-", "b"),
        (r"[\d_]", "3_", "a"),
        (r"[\]\\]", "]\\", "["),
        ("[[:alpha:]]", "aZ", "5é"),
        ("[[:^alpha:]]", "5é", "a"),
        ("[[:punct:]x]", "!~x", "a "),
        ("[[:space:]]", "\v ", "x"),
        pytest.param("[[:alpha]", ":ahpl[", "z]", id="not closed, it is a class of letters and a bracket"),
        (".", "a/é", "\n"),
        (r"\Q*\E", "*", "a"),
    ],
)
def test_one_character(expression: str, fits: str, fits_not: str) -> None:
    automaton = Automaton(parts_of(f"^{expression}$"))
    assert [char for char in fits if not automaton.matches(char)] == []
    assert [char for char in fits_not if automaton.matches(char)] == []


@pytest.mark.parametrize(
    "expression",
    [
        r"\8",
        r"\1",
        r"\q",
        r"\é",
        r"\xg",
        r"\x4",
        "\\",
        r"\pX",
        r"\p",
        "[",
        "[a",
        "[^",
        r"[\q]",
        "[z-a]",
        "[[:foo:]]",
        "[[::]]",
    ],
)
def test_what_go_cannot_compile(expression: str) -> None:
    with pytest.raises(BadPattern):
        parts_of(expression)


@pytest.mark.parametrize(
    ("edge", "before", "char", "answer"),
    [
        ("begin", "", "a", True),
        ("begin", "a", "", False),
        ("end", "a", "", True),
        ("end", "", "a", False),
        ("word", "a", "-", True),
        ("word", "", "_", True),
        ("word", "-", "", False),
        ("word", "a", "b", False),
        ("inner", "a", "b", True),
        ("inner", "", "", True),
        ("inner", "a", "", False),
        pytest.param("word", "a", "é", True, id="to Go only ASCII makes a word"),
    ],
)
def test_edges(edge: str, before: str, char: str, answer: bool) -> None:
    assert holds(edge, before, char) is answer


def test_quoting_that_never_ends_swallows_the_end_of_the_path_too() -> None:
    automaton = Automaton(parts_of(r"^a\Qb$"))
    assert automaton.matches("ab$")
    assert automaton.matches("ab$ and more")
    assert not automaton.matches("ab")
