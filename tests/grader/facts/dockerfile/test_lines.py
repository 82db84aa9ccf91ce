"""Logical lines: continuations, comments, directives, and the bodies of heredocs."""

import pytest

from grader.facts.dockerfile.lex import ExpansionError
from grader.facts.dockerfile.lines import MAX_LINE, Fault, Reader, parse_heredoc
from grader.facts.dockerfile.parser import parse


def only(text):
    """The instruction after FROM."""
    return parse(f"FROM a\n{text}").stages[0].instructions[0]


def test_lines_and_the_text_of_a_continued_instruction():
    run = only("RUN a && \\\n  # comment\n\n  b && \\\n  c\nUSER d")
    assert (run.line, run.end_line) == (2, 6)
    assert run.original == "RUN a &&   b &&   c"
    assert [run.line_at(run.original.index(word)) for word in ("RUN", "a", "b", "c")] == [2, 2, 5, 6]


def test_a_blank_line_in_a_continuation_is_noted():
    assert parse("FROM a\nRUN b \\\n\n  c").empty_continuations == (3,)


def test_heredocs():
    copy = only("COPY <<A <<-'B C' /x/\n1\n\t2\nA\n\t3\n\tB C\nUSER d")
    first, second = copy.heredocs
    assert (first.name, first.expand, first.chomp, first.text, first.line, first.end_line) == (
        "A", True, False, "1\n\t2\n", 3, 5,
    )  # fmt: skip
    assert (second.name, second.expand, second.chomp, second.text, second.line, second.end_line) == (
        "B C", False, True, "3\n", 6, 7,
    )  # fmt: skip
    assert copy.end_line == 7
    assert not only("RUN cat << EOF").heredocs
    assert not only('RUN ["<<EOF"]').heredocs


DIRECTIVES = [
    ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a", [("syntax", 1), ("escape", 2)], "`"),
    ("#SYNTAX = b c \n# Check=skip=all\nFROM a", [("syntax", 1), ("check", 2)], "\\"),
    ("# a\n# escape=`\nFROM a", [], "\\"),
    ("\n# escape=`\nFROM a", [], "\\"),
    ("FROM a\n# escape=`", [], "\\"),
    ("\ufeff# escape=`\r\nFROM a\r\n", [("escape", 1)], "`"),
]


@pytest.mark.parametrize(("text", "expected", "escape"), DIRECTIVES)
def test_directives(text, expected, escape):
    file = parse(text)
    assert ([(d.name, d.line) for d in file.directives], file.escape) == (expected, escape)


def test_the_frontend():
    assert parse("# syntax=docker/dockerfile:1.7 x\nFROM a").syntax.value == "docker/dockerfile:1.7 x"
    assert parse("#!/usr/bin/env x\n#syntax=b\nFROM a").syntax.line == 2
    assert parse("FROM a\n# syntax=b").syntax is None


LINES = [
    ("a\n\n# b\n  c\n", ["a", "c"]),
    ("a \\\n b", ["a  b"]),
    ("a \\  \n b", ["a  b"]),
    ("a \\\\\nb", ["a \\\\", "b"]),
    ("a \\", ["a "]),
    ("a \\\n# c\n\n  # d\nb", ["a b"]),
    ("a \\ b", ["a \\ b"]),
    ("# escape=`\na `\nb \\\nc", ["a b \\", "c"]),
    ("a\r\nb \\\r\nc", ["a", "b c"]),
    ("a\x0bb\x0cc\u2028d", ["a\x0bb\x0cc\u2028d"]),
    ("\ufeffa", ["a"]),
    ("\\\na", ["a"]),
    ("\\", []),
]


@pytest.mark.parametrize(("text", "lines"), LINES)
def test_lines_are_joined(text, lines):
    assert [line.text for line in Reader(text.encode()).logical_lines() if line.text] == lines


def test_as_long_as_a_line_may_be():
    assert len(list(Reader(b"a" * (MAX_LINE - 1) + b"\n").logical_lines())) == 1
    with pytest.raises(Fault) as fault:
        Reader(b"a\n" + b"a" * MAX_LINE)
    assert fault.value.line == 2


HEREDOCS = [
    ("<<EOF", ("EOF", True, False, 0)),
    ("<<-EOF", ("EOF", True, True, 0)),
    ("3<<EOF", ("EOF", True, False, 3)),
    ("<<'EOF'", ("EOF", False, False, 0)),
    ('<<"E F"', ("E F", False, False, 0)),
    ("<<E'O'F", ("EOF", False, False, 0)),
]


@pytest.mark.parametrize(("word", "expected"), HEREDOCS)
def test_words_that_open_a_heredoc(word, expected):
    found = parse_heredoc(word)
    assert (found.name, found.expand, found.chomp, found.descriptor) == expected


@pytest.mark.parametrize("word", ["EOF", "<EOF", "<<", "<<<EOF", "a<<EOF", "<<-", "<< EOF F"])
def test_words_that_open_none(word):
    assert parse_heredoc(word) is None


def test_a_word_that_cannot_be_read():
    with pytest.raises(ExpansionError):
        parse_heredoc("<<'EOF")
