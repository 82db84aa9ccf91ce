"""What a command reads on standard input: words for xargs, a script for a shell."""

import pytest

from grader.facts.shell.commands import Command
from grader.facts.shell.standard_input import piped_text, printed
from grader.facts.shell.words import Word
from tests.grader.facts.shell.reading import run, shown

CASES = [
    ("RUN xargs a b", ["a b ?..."]),
    ("RUN echo x y | xargs -n 1 a b", ["echo x y", "a b x y"]),
    ("RUN printf '%s\\n' x y | xargs a", ["printf %s\\n x y", "a x y"]),
    ("RUN cat f g | xargs a", ["cat f g", "a ?f ?g"]),
    ("RUN xargs -a f a; xargs a < g", ["a ?f", "a ?g"]),
    ("RUN b | xargs -I{} a x{} y", ["b", "a ?x{} y"]),
    ("RUN echo 'a; b' | sh", ["echo a; b", "a", "b"]),
    ("RUN echo a | sudo bash -ex -", ["echo a", "bash -ex -"]),
    ("RUN b | sh", ["b", "sh"]),
    ("RUN cat <<EOF | sh\na b\nEOF", ["cat", "a b"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_commands(text, expected):
    assert [shown(command) for command in run(text)] == expected


def command(text, stdin=""):
    return Command(tuple(Word(word, word, word != "$X") for word in text.split(" ")), 1, "/", True, stdin=stdin)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo -n a b", ["a", "b"]),
        ("echo -ne a", ["a"]),
        ("echo -x a", ["-x", "a"]),
        ("printf %s\\n a b", ["a", "b"]),
        ("printf a\\nb", ["a\nb"]),
        ("printf", []),
        ("cat f", []),
    ],
)
def test_what_is_printed(text, words):
    assert [word.text for word in printed(command(text))] == words


@pytest.mark.parametrize(
    ("writer", "text"),
    [
        (None, ""),
        (command("echo a b"), "a b"),
        (command("echo a $X"), ""),
        (command("cat", "from here\n"), "from here\n"),
        (command("curl x"), ""),
    ],
)
def test_what_is_piped(writer, text):
    assert piped_text(writer) == text
