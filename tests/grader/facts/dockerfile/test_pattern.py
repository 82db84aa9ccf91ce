"""The wildcards of ${name#pattern} and ${name/pattern/text}."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.facts.dockerfile.pattern import PatternError, replace, trim_prefix, trim_suffix


def as_expression(pattern, *, longest):
    star = ".*" if longest else ".*?"
    return re.compile("".join(star if c == "*" else "." if c == "?" else re.escape(c) for c in pattern))


@given(st.text("ab*?", max_size=6), st.text("ab\n", max_size=10), st.booleans())
def test_patterns_are_what_regular_expressions_would_find(pattern, value, longest):
    expression = as_expression(pattern, longest=longest)
    found = expression.match(value)
    assert trim_prefix(pattern, value, longest) == (value[found.end() :] if found else value)
    backwards = as_expression(pattern[::-1], longest=longest).match(value[::-1])
    assert trim_suffix(pattern, value, longest) == (value[: len(value) - backwards.end()] if backwards else value)
    greedy = as_expression(pattern, longest=True)
    assert replace(pattern, value, "X", every=False) == greedy.sub("X", value, count=1)


def test_patterns_escape():
    assert trim_prefix("\\*", "*a", False) == "a"
    assert replace("\\/", "a/b", "-", every=True) == "a-b"
    with pytest.raises(PatternError):
        trim_prefix("\\a", "a", False)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("a", "aXaXa", "_X_X_"),
        ("", "ab", "_a_b_"),
        ("*", "ab", "_"),
        ("a*", "ba\nab", "b_\n_"),
        ("?", "", ""),
        ("x*", "ab", "ab"),
    ],
)
def test_every_match_as_go_replaces_them(pattern, value, expected):
    assert replace(pattern, value, "_", every=True) == expected


def test_a_pattern_too_long_to_be_meant():
    with pytest.raises(PatternError, match="too long"):
        trim_prefix("?" * 6_000 + "*a", "b" * 6_000, True)


def test_what_grows_too_long_is_not_made_in_full():
    found = replace("a", "a" * 1_000, "b" * 1_000, every=True, limit=10_000)
    assert 10_000 < len(found) < 13_000
