"""Options, their values and operands on a command line."""

import pytest

from grader.facts.packages.options import combined, parse_options, table
from grader.facts.shell.words import Word

TABLE = table("-r/--requirement -i/--index-url --prefix -t", flags="-y/--yes -q/--quiet")
GO = table("-o -ldflags", single_dash=True)


def parsed(text, options=TABLE):
    found = parse_options(tuple(Word(word, word) for word in text.split(" ") if word), options)
    return (
        [word.text for word in found.operands],
        [(name, value.text if value else None) for name, value in found.options],
    )


@pytest.mark.parametrize(
    ("text", "operands", "options"),
    [
        ("a b", ["a", "b"], []),
        ("a -y b", ["a", "b"], [("--yes", None)]),
        ("-r f a", ["a"], [("--requirement", "f")]),
        ("-rf a", ["a"], [("--requirement", "f")]),
        ("-r=f", [], [("--requirement", "f")]),
        ("--requirement=f --prefix p", [], [("--requirement", "f"), ("--prefix", "p")]),
        ("-yqr f a", ["a"], [("--yes", None), ("--quiet", None), ("--requirement", "f")]),
        ("-yqrf a", ["a"], [("--yes", None), ("--quiet", None), ("--requirement", "f")]),
        ("-- -r f", ["-r", "f"], []),
        ("- a", ["-", "a"], []),
        ("--unknown a", ["a"], [("--unknown", None)]),
        ("--unknown=x a", ["a"], [("--unknown", "x")]),
        ("-r", [], [("--requirement", None)]),
        ("-yr", [], [("--yes", None), ("--requirement", None)]),
        ("--prefix=", [], [("--prefix", "")]),
    ],
)
def test_taken_apart(text, operands, options):
    assert parsed(text) == (operands, options)


@pytest.mark.parametrize(
    ("text", "operands", "options"),
    [
        ("-o x ./...", ["./..."], [("-o", "x")]),
        ("-ldflags=-s ./...", ["./..."], [("-ldflags", "-s")]),
        ("-race a", ["a"], [("-race", None)]),
    ],
)
def test_options_with_a_single_dash(text, operands, options):
    assert parsed(text, GO) == (operands, options)


def test_values():
    found = parse_options(tuple(Word(word, word) for word in ["-i", "a", "--index-url=b", "-t", "c", "-i"]), TABLE)
    assert [word.text for word in found.values("--index-url", "-t")] == ["a", "b", "c"]


def test_what_is_not_known_stays_so():
    word = Word("--prefix=x", "--prefix=x$Y", known=False)
    assert [value.known for value in parse_options((word,), TABLE).values("--prefix")] == [False]


def test_two_tables_in_one():
    both = combined(TABLE, table("-e/--editable"))
    assert (both.long("-e"), both.long("-r"), both.long("--other")) == ("--editable", "--requirement", "--other")
    assert {"-e", "--editable", "-r"} <= both.valued
    assert not {"-y", "--yes"} & both.valued
