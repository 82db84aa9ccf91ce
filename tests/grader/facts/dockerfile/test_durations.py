"""Durations as Go writes them."""

import pytest

from grader.facts.dockerfile.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30s", 30),
        ("1m30s", 90),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("500ms", 0.5),
        ("1h1m1s1ms", 3661.001),
        ("2us", 2e-6),
        ("2µs", 2e-6),
        ("2μs", 2e-6),
        ("3ns", 3e-9),
        ("+5s", 5),
        ("-5s", -5),
        ("-0", 0),
        ("1s1s", 2),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1 s", "1S", "1d", "1m 30s", "--5s", ".s", "1e3s", "3000000h", "-"])
def test_none(text):
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)
