"""One logical line, split into instruction, flags and arguments."""

import pytest

from grader.facts.dockerfile.words import (
    WordError,
    blank_separated,
    json_array,
    name_value_words,
    split_command,
    split_words,
)

COMMANDS = [
    ("RUN a  b", ("RUN", (), "a  b")),
    ("run", ("run", (), "")),
    ("  RUN\ta ", ("RUN", (), "a")),
    ("RUN --a=b --c d", ("RUN", ("--a=b", "--c"), "d")),
    ("RUN --a='b c' \\--d", ("RUN", ("--a=b c",), "\\--d")),
    ("RUN --a=b\\ c d", ("RUN", ("--a=b c",), "d")),
    ('RUN --a="b" -- --c', ("RUN", ("--a=b",), "--c")),
    ("RUN -a --b", ("RUN", (), "-a --b")),
    ("RUN --a", ("RUN", ("--a",), "")),
    ("", ("", (), "")),
]


@pytest.mark.parametrize(("text", "expected"), COMMANDS)
def test_instruction_flags_and_the_rest(text, expected):
    assert split_command(text) == expected


WORDS = [
    ("a  b", ["a", "b"]),
    ("a 'b c' \"d e\"", ["a", "'b c'", '"d e"']),
    ("a\\ b", ["a\\ b"]),
    ("'' a", ["''", "a"]),
    ("'a\\' b'", ["'a\\'", "b'"]),
    ('"a\\" b"', ['"a\\" b"']),
    ("a\\", ["a"]),
    ("'never closed", ["'never closed"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_words_keep_their_quotes(text, words):
    assert split_words(text, "\\") == words


PAIRS = [
    ("a=b c=d", ("a", "b", "c", "d")),
    ("a b c", ("a", "b c")),
    ("a='b c'", ("a", "'b c'")),
    ("a=b=c", ("a", "b=c")),
    ("a=", ("a", "")),
    ("=b", ("", "b")),
    ("", ()),
]


@pytest.mark.parametrize(("text", "expected"), PAIRS)
def test_names_and_values(text, expected):
    assert name_value_words(text, "ENV", "\\") == expected


@pytest.mark.parametrize(("text", "says"), [("a", "ENV must have two arguments"), ("a=b c", "can't find = in 'c'")])
def test_no_names_and_values(text, says):
    with pytest.raises(WordError, match=says):
        name_value_words(text, "ENV", "\\")


ARRAYS = [
    ('["a", "b c"]', ("a", "b c")),
    ('  ["a"]', ("a",)),
    ("[]", ()),
    ('["a"] and more', ("a",)),
    ('["\\u00e9\\n"]', ("é\n",)),
    ('["\\ud800"]', ("\ufffd",)),
    ('["a",]', None),
    ("['a']", None),
    ("[a]", None),
    ("[NaN]", None),
    ("[1e999]", None),
    ('{"a": "b"}', None),
    ('x ["a"]', None),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), ARRAYS)
def test_the_json_form(text, expected):
    assert json_array(text) == expected


@pytest.mark.parametrize("text", ["[1]", "[null]", '["a", ["b"]]', "[true]", "[" * 100_000])
def test_arrays_of_something_else(text):
    with pytest.raises(WordError, match="strings only"):
        json_array(text)


def test_words_at_blanks():
    assert blank_separated("a  'b c'\td") == ("a", "'b", "c'", "d")
    assert blank_separated("") == ()
