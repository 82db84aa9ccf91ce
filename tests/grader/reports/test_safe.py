"""Values made safe: what is kept, what is cut, and that doing it twice changes nothing."""

from __future__ import annotations

import math

import pytest

from grader.lib.text import MAX_ITEMS, MAX_TEXT, clean_value
from grader.reports import safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("  spaced   out ", "spaced out"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("nul\x00bell\x07", "nulbell"),
        ("\ud800lone", "lone"),
        ("abc\u202ecba", "abccba"),
        (7, "7"),
        (None, "None"),
    ],
)
def test_line(text: object, shown: str) -> None:
    assert safe.line(text) == shown


def test_long_text_is_cut_and_the_cut_is_seen() -> None:
    assert safe.line("x" * 1_000_000, 50) == "x" * 49 + "…"
    assert safe.block("x" * 1_000_000) == "x" * (MAX_TEXT - 1) + "…"
    assert len(safe.block("x\t" * 1000)) == MAX_TEXT


@pytest.mark.parametrize(
    ("item", "kept"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2**63, 2**63 - 1),
        pytest.param(-(10**5000), -(2**63), id="beyond what Python will print"),
        (0.5, 0.5),
        (math.nan, None),
        (math.inf, None),
        (b"raw", "b'raw'"),
        ({1: {"\x1b[1mkey": ("a", ["b"])}}, {"1": {"key": ["a", ["b"]]}}),
    ],
)
def test_value(item: object, kept: object) -> None:
    assert safe.value(item) == kept


def test_deep_long_and_wide_values_are_bounded() -> None:
    deep: object = "end"
    for _ in range(500):
        deep = [deep]
    assert str(safe.value(deep)).count("[") == safe.MAX_DEPTH
    assert len(safe.value(list(range(10_000)))) <= MAX_ITEMS + 1
    assert len(safe.value({str(key): key for key in range(10_000)})) <= MAX_ITEMS + 1


def test_what_the_grader_has_cleaned_stays_as_it_is() -> None:
    cleaned = clean_value({"list": list(range(1000)), "text": "y" * 5000, "\x1b[1mkey": {"a" * 500: 1}})
    assert safe.value(cleaned) == cleaned


@pytest.mark.parametrize(
    ("given", "number"),
    [(1.5, 1.5), (2, 2.0), (math.nan, 0.0), (math.inf, 0.0), (10**400, 0.0), ("3", 0.0), (None, 0.0)],
)
def test_number(given: object, number: float) -> None:
    assert safe.number(given) == number
