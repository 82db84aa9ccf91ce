"""Untrusted text is made fit to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.lib.text import MAX_ITEMS, MAX_TEXT, clean, clean_value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("naïve – 日本語 🐳", "naïve – 日本語 🐳"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hwiped", "wiped"),
        ("\x1b[38;5;196mred", "red"),
        ("\x1b[?25lno cursor", "no cursor"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r\x1b\\dcs", "dcs"),
        ("\x1b_apc\x1b\\text", "text"),
        ("\x1b(0line", "line"),
        ("\x1bcreset", "reset"),
        ("\x9b31mc1", "31mc1"),
        ("bell\x07 back\x08 nul\x00 del\x7f", "bell back nul del"),
        ("\u202eevil\u202c", "evil"),
        ("\u2066isolate\u2069", "isolate"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("line\u2028separator", "lineseparator"),
        ("\x1b", ""),
        ("\x1b[", ""),
    ],
)
def test_text_is_made_fit_to_show(text, shown):
    assert clean(text) == shown


def test_text_is_cut_to_its_limit_and_the_cut_shows():
    assert clean("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert clean("x" * (MAX_TEXT + 1)) == "x" * (MAX_TEXT - 1) + "…"
    assert clean("abcdef", 3) == "ab…"
    assert len(clean("\x1b[31m" * 100_000 + "x" * 100_000)) <= MAX_TEXT


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b[]m0;\x07\\\x9b\x9dPX^_")), max_size=400))
def test_no_control_code_survives(text):
    shown = clean(text)
    assert not [char for char in shown if (ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) <= 0x9F]
    assert not [char for char in shown if 0x202A <= ord(char) <= 0x202E or 0x2066 <= ord(char) <= 0x2069]
    assert shown.encode() is not None
    assert clean(shown) == shown


def test_cleaning_ends_on_text_made_to_slow_it_down():
    for text in ("\x1b]" * 500_000, "\x1b[" + "0" * 1_000_000, "\x1bP" * 500_000, "\x1b" * 1_000_000):
        assert "\x1b" not in clean(text)


def test_every_string_of_a_value_is_cleaned_keys_too():
    value = {"\x1b[31mkey": ["\x1b[31mred", {"deep": ("\x07bell", 3, None, True, 1.5)}]}
    assert clean_value(value) == {"key": ["red", {"deep": ["bell", 3, None, True, 1.5]}]}


def test_long_lists_and_tables_are_cut_and_the_cut_is_said():
    assert clean_value(list(range(MAX_ITEMS))) == list(range(MAX_ITEMS))
    cut = clean_value(list(range(MAX_ITEMS + 3)))
    assert (len(cut), cut[-1]) == (MAX_ITEMS + 1, "… and 3 more")
    table = clean_value({str(number): number for number in range(MAX_ITEMS + 2)})
    assert (len(table), table["…"]) == (MAX_ITEMS + 1, "and 2 more")
