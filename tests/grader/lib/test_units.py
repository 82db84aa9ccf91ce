"""Sizes and durations as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from grader.lib.units import (
    Duration,
    Size,
    format_duration,
    format_size,
    parse_duration,
    parse_number,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0 B", 0),
        ("1 byte", 1),
        ("17 bytes", 17),
        ("25 MB", 25_000_000),
        ("25MB", 25_000_000),
        ("25 mb", 25_000_000),
        ("  25  MB ", 25_000_000),
        ("1 kB", 1_000),
        ("1 KB", 1_000),
        ("1 KiB", 1_024),
        ("1 MiB", 1_048_576),
        ("1.5 GiB", 1_610_612_736),
        ("2 GB", 2_000_000_000),
        ("1,000 kB", 1_000_000),
        ("1_000 kB", 1_000_000),
        ("1 000 kB", 1_000_000),
        ("1\u202f000\u00a0kB", 1_000_000),
        ("1,234,567.5 kB", 1_234_567_500),
        ("2 TB", 2_000_000_000_000),
        ("1 TiB", 1_099_511_627_776),
        ("1.001 kB", 1_001),  # 1000.9999999999999 in binary floating point
        ("0.29 kB", 290),
        (0, 0),
        (123_456, 123_456),
    ],
)
def test_a_size_is_read(text, count):
    assert parse_size(text) == count
    assert isinstance(parse_size(text), int)


@pytest.mark.parametrize(
    "text",
    [
        "25",
        "",
        "MB",
        "25 MBit",
        "25 MB!",
        "-1 MB",
        "+1 MB",
        "1e3 MB",
        "1,00 MB",
        "0,500 MB",
        "1234,567 MB",
        "1,234 567 MB",
        "\u0661\u0662 MB",
        "\uff11\uff12 MB",
        "1 \u212aB",
        "1..5 MB",
        ".5 MB",
        "5 s",
        "inf MB",
        "nan MB",
        -1,
        1.5,
        True,
        None,
        [],
        math.inf,
    ],
)
def test_what_is_no_size_is_refused_with_the_units(text):
    with pytest.raises(ValueError, match=r"expected a size such as .*units: b, byte, .*gib"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        ("012", 12.0),
        ("1234567", 1_234_567.0),
        ("1,234", 1234.0),
        ("12,345,678.9", 12_345_678.9),
        ("1 234", 1234.0),
        ("1\u202f234\u202f567", 1_234_567.0),
        ("1\u00a0234", 1234.0),
        ("1_234", 1234.0),
        ("1.234", 1.234),
        ("-5", -5.0),
        ("\u22125", -5.0),
        ("+5", 5.0),
        ("1.2e7", 12_000_000.0),
        ("1,200E-2", 12.0),
    ],
)
def test_a_number_is_read(text, number):
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "1,5", "0,500", "1,23", "1,2345", "1234,567", "1,234 567", "1,,234", ",234", "1.234.567", "1  234"),
        *("1 2 3", "nan", "inf", "0x10", "1e", "1-9", ".5", "5.", "1\n234", "12 MB"),
        *("\u0661\u0662\u0663", "\uff11", "\u00b2"),
    ],
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="expected a number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500 ms", 0.5),
        ("5 s", 5.0),
        ("5s", 5.0),
        ("5 seconds", 5.0),
        ("1 second", 1.0),
        ("90 sec", 90.0),
        ("2 min", 120.0),
        ("2 Minutes", 120.0),
        ("1 minute", 60.0),
        ("1.5 h", 5400.0),
        ("1 hour", 3600.0),
        ("3 hours", 10_800.0),
        ("1 day", 86_400.0),
        ("1.5 days", 129_600.0),
        ("7d", 604_800.0),
        ("0 s", 0.0),
        (3, 3.0),
        (0.25, 0.25),
    ],
)
def test_a_duration_is_read(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)
    assert isinstance(parse_duration(text), float)


@pytest.mark.parametrize(
    "text", ["5", "", "5 m", "5 MB", "-5 s", "5 s 3", -0.1, True, None, math.nan, math.inf, -math.inf]
)
def test_what_is_no_duration_is_refused_with_the_units(text):
    with pytest.raises(ValueError, match=r"expected a duration such as .*units: ms, s, .*min"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (2, "2 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (1_049, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (312_000, "312 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (41_000_000, "41 MB"),
        (1_200_000_000, "1.2 GB"),
        (5_000_000_000_000, "5.0 TB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_bytes_are_said_as_a_reader_would(count, text):
    assert format_size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.08, "80 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (3.21, "3.2 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (119.6, "2 min"),
        (125, "2 min 5 s"),
        (3600, "60 min"),
    ],
)
def test_seconds_are_said_as_a_reader_would(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=999_000_000_000))
def test_a_size_said_reads_back_within_its_rounding(count):
    assert parse_size(format_size(count)) == pytest.approx(count, rel=0.06, abs=0.5)


@given(st.floats(min_value=0, max_value=10**6))
def test_no_duration_is_said_with_sixty_seconds(seconds):
    text = format_duration(seconds)
    assert "60 s" not in text
    assert "1000 ms" not in text
    assert "10.0" not in text


@given(st.text())
def test_any_text_is_read_or_refused_with_a_value_error(text):
    for parse in (parse_size, parse_duration):
        try:
            found = parse(text)
        except ValueError:
            continue
        assert found >= 0


def test_a_model_reads_them_and_names_what_was_wrong():
    class Model(BaseModel):
        size: Size = 0
        time: Duration = 0.0

    assert Model(size="1 MB", time="1 min").model_dump() == {"size": 1_000_000, "time": 60.0}
    with pytest.raises(ValidationError, match="expected a size"):
        Model(size="1 minute")
