"""Redirections: files read and written, here-documents and here-strings."""

import pytest

from tests.grader.facts.shell.reading import run, shown

CASES = [
    ("RUN a 2>&1 >b <c", ["a"]),
    ("RUN 2>b a", ["a"]),
    ("RUN python3 <<EOF\na b\nEOF", ["python3"]),
    ("RUN cat <<EOF > /x && c\na b\nEOF", ["cat", "c"]),
    ("RUN a <<<'b c'", ["a"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_commands(text, expected):
    assert [shown(command) for command in run(text)] == expected


def test_redirections_and_input():
    (command,) = run("RUN a <<E 2>&1 >>f <g\nh $V\nE")
    assert [(operator, word.text) for operator, word in command.redirects] == [("2>&", "1"), (">>", "f"), ("<", "g")]
    assert command.stdin == "h 2.0\n"


@pytest.mark.parametrize(
    ("text", "redirects"),
    [
        ("a > f 2>&1", [(">", "f"), ("2>&", "1")]),
        ("a &> f", [("&>", "f")]),
        ("a >| f < g", [(">|", "f"), ("<", "g")]),
        ("a > $V/x", [(">", "2.0/x")]),
        ("a > $PKGS", [(">", "a b")]),
        ('a > "$NOPE"', [(">", "")]),
        ("> f a", [(">", "f")]),
        ("a <<< b", []),
        ("a >", []),
    ],
)
def test_files(text, redirects):
    (command,) = run(f"RUN {text}")
    assert [(operator, word.text) for operator, word in command.redirects] == redirects


@pytest.mark.parametrize(
    ("text", "stdin"),
    [
        ("a <<E\n$V $NOPE\nE", "2.0 \n"),
        ("a <<'E'\n$V\nE", "$V\n"),
        ("a <<-E\n\tb\n\tE", "b\n"),
        ("a <<E <<F\n1\nE\n2\nF", "2\n"),
        ("a <<<$V", "2.0"),
        ('a <<<"b c"', "b c"),
        ("a <<<''", ""),
        ("a < f", ""),
    ],
)
def test_standard_input(text, stdin):
    (command,) = run(f"RUN {text}")
    assert command.stdin == stdin
