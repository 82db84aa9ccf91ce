"""What words come to: quotes, variables, braces and substitutions, as far as a Dockerfile tells."""

from typing import ClassVar

import pytest

from grader.facts.shell import words as module
from grader.facts.shell.tokens import tokenize
from grader.facts.shell.words import Value, expand_text, expand_word
from tests.grader.facts.shell.reading import run, shown

CASES = [
    ("RUN a 'b c' \"d $V\" e\\ f $'g'", ["a b c d 2.0 e f g"]),
    ("RUN a $PKGS \"$PKGS\" '$PKGS'", ["a a b a b $PKGS"]),
    ("RUN a ${V} ${NOPE:-d} ${V:+y} ${X%.*} ${X##*.} ${X/y/Q}", ["a 2.0 d y x.y z x.Q.z"]),
    ("RUN a $NOPE b$NOPE", ["a ?$NOPE ?b$NOPE"]),
    ("RUN A=1 B=2 a $A", ["a ?$A"]),
    ("RUN A=1 && A=${A}2 && A+=3 && a $A", ["a 123"]),
    ("RUN a $(b c) `d`", ["b c", "d", "a ?$(b c) ?`d`"]),
    ("RUN a ${NOPE:-$(b)}", ["b", "a ?${NOPE:-$(b)}"]),
    ("RUN a <(b) >(c)", ["b", "c", "a ?<(b) ?>(c)"]),
    ("RUN a $((1 + 2))", ["a ?$((1 + 2))"]),
    ("RUN a $(cat f) $(<g)", ["cat f", "a ?f ?g"]),
    ("RUN a {b,c}d", ["a {b,c}d"]),
    ("RUN a $(b", ["b", "a ?$(b"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_commands(text, expected):
    assert [shown(command) for command in run(text)] == expected


class Variables:
    """Some that are known, a loop's, and one that only the shell knows."""

    VALUES: ClassVar = {
        "A": Value(("abc",)),
        "S": Value(("a b",)),
        "E": Value(("",)),
        "P": Value(("one", "two")),
        "Q": Value(("x", "y")),
        "U": Value((), known=False),
    }

    def get(self, name):
        return self.VALUES.get(name)


def expanded(text, **options):
    return [(word.text, word.known) for word in expand_word(tokenize(text)[0], Variables(), **options)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x$A'$A'\"$A\"", [("xabc$Aabc", True)]),
        ("$S", [("a", True), ("b", True)]),
        ('"$S"', [("a b", True)]),
        ("x${S}y", [("xa", True), ("by", True)]),
        ("$E", []),
        ('"$E"', [("", True)]),
        ("$P", [("one", True), ("two", True)]),
        ("$P-$P", [("one-one", True), ("two-two", True)]),
        ("$P-$Q", [("one-x", False), ("two-x", False)]),
        ("$U", [("", False)]),
        ("x$NOPE", [("x", False)]),
        ("${NOPE:-d} ", [("d", True)]),
        ("${E:-d}", [("d", True)]),
        ("${E-d}", []),
        ("${A:-d}", [("abc", True)]),
        ("${U:-d}", [("", False)]),
        ("${NOPE:-$A}", [("abc", True)]),
        ("${NOPE:-${A:-x}}", [("", False)]),
        ("${A:+y}", [("y", True)]),
        ("${NOPE+y}", [("", False)]),
        ("${A#a}", [("bc", True)]),
        ("${A%$NOPE}", [("abc", False)]),
        ("${A/b/$A}", [("a$Ac", False)]),
        ("${A:1:2}", [("", False)]),
        ("${#A}", [("", False)]),
        ("$(which pip3)", [("pip3", True)]),
        ("$(command -v /usr/bin/pip)", [("/usr/bin/pip", True)]),
        ("$(pwd)", [("", False)]),
        ("$((1+1))", [("", False)]),
    ],
)
def test_words(text, words):
    assert expanded(text) == words


def test_a_value_is_not_split():
    assert expanded("$S", split=False) == [("a b", True)]


@pytest.mark.parametrize(
    ("text", "words"), [("{a,b}c{1,2}", ["ac1", "ac2", "bc1", "bc2"]), ("{a}", ["{a}"]), ("a{b,}", ["ab", "a"])]
)
def test_braces(text, words):
    assert [word for word, _ in expanded(text, braces=True)] == words
    assert [word for word, _ in expanded(text)] == [text]


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("$(cat f)", "f"),
        ("$(< f)", "f"),
        ("`cat -- 'f g'`", ""),
        ('"$(cat f)"', ""),
        ("x$(cat f)", ""),
        ("$(cat f | sort)", ""),
    ],
)
def test_words_of_a_file(text, file):
    assert [word.file for word in expand_word(tokenize(text)[0], Variables())] == [file]


def test_a_word_that_becomes_too_many(monkeypatch):
    monkeypatch.setattr(module, "MAX_FIELDS", 3)
    Variables.VALUES["M"] = Value(tuple("abcdef"))
    found = expanded("$M")
    assert found == [("a", True), ("b", True), ("c", True), ("", False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $A '$A' \"$S\"\n", ("a abc 'abc' \"a b\"\n", True)),
        ("$NOPE$(b)", ("", False)),
        ("\\$A", ("$A", True)),
        ("", ("", True)),
    ],
)
def test_the_text_of_a_document(text, expected):
    assert expand_text(text, Variables()) == expected
