"""Tokens of a shell script: words with their quoting, operators, redirections, here-documents."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.facts.shell import tokens as module
from grader.facts.shell.tokens import tokenize


def kinds(text):
    return [(token.kind, token.text) for token in tokenize(text)][:-1]


def words(text):
    return [token.text for token in tokenize(text) if token.kind == "word"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", [("word", "a"), ("word", "b")]),
        ("a&&b||c", [("word", "a"), ("operator", "&&"), ("word", "b"), ("operator", "||"), ("word", "c")]),
        ("a;;b;&c", [("word", "a"), ("operator", ";;"), ("word", "b"), ("operator", ";&"), ("word", "c")]),
        ("a|&b", [("word", "a"), ("operator", "|&"), ("word", "b")]),
        ("(a)\n", [("operator", "("), ("word", "a"), ("operator", ")"), ("newline", "\n")]),
        ("a>b", [("word", "a"), ("redirect", ">")]),
        ("a 2>>b", [("word", "a"), ("redirect", "2>>")]),
        ("a2>b", [("word", "a2"), ("redirect", ">")]),
        ("a &>b", [("word", "a"), ("redirect", "&>")]),
        ("a # b\nc", [("word", "a"), ("newline", "\n"), ("word", "c")]),
        ("a#b", [("word", "a#b")]),
        ("a \\\n b", [("word", "a"), ("word", "b")]),
        ("a\\\nb", [("word", "a\\\nb")]),
        ("<(a) b", [("word", "<(a)"), ("word", "b")]),
        ("", []),
    ],
)
def test_kinds(text, expected):
    assert kinds(text) == expected


def parts(text):
    return [(part.kind, part.text, part.quoted) for part in tokenize(text)[0].parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a'b c'\"d\"", [("text", "a", False), ("text", "b cd", True)]),
        ("''", [("text", "", True)]),
        ("a\\ b", [("text", "a", False), ("text", " ", True), ("text", "b", False)]),
        ("$'a\\tb'", [("other", "a\\tb", True)]),
        ('$"a"', [("text", "a", True)]),
        ("$a${b}", [("variable", "a", False), ("variable", "b", False)]),
        ('"$a"', [("text", "", True), ("variable", "a", True), ("text", "", True)]),
        ("$1$@", [("variable", "1", False), ("variable", "@", False)]),
        ("$", [("text", "$", False)]),
        ("$(a 'b)')", [("command", "a 'b)'", False)]),
        ("`a \\` b`", [("command", "a \\` b", False)]),
        ("$((1 + (2)))", [("other", "$((1 + (2)))", False)]),
        ("${a[1]}", [("other", "${a[1]}", False)]),
        ("${#a}", [("other", "${#a}", False)]),
        ('$(a $(b) "c)")d', [("command", 'a $(b) "c)"', False), ("text", "d", False)]),
    ],
)
def test_parts_of_a_word(text, expected):
    found = [part for part in parts(text) if part != ("text", "", True) or text in ("''",)]
    assert found == [part for part in expected if part != ("text", "", True) or text in ("''",)]


def test_what_stands_behind_a_variables_name():
    (part,) = tokenize("${name:-a ${b} 'c}'}")[0].parts
    assert (part.text, part.operator) == ("name", ":-a ${b} 'c}'")


@pytest.mark.parametrize(("text", "plain"), [("if", "if"), ("'if'", ""), ("i\\f", ""), ("$if", ""), ("if$x", "")])
def test_only_what_is_not_quoted_is_a_keyword(text, plain):
    assert tokenize(text)[0].plain == plain


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        ("a <<E\n1\nE\nb", [("1\n", False)]),
        ("a <<'E'\n1\nE\n", [("1\n", True)]),
        ("a <<-E\n\t1\n\tE\n", [("1\n", False)]),
        ("a <<E; b <<F\n1\nE\n2\nF\n", [("1\n", False), ("2\n", False)]),
        ("a <<E\nno end", [("no end", False)]),
        ("a <<E", [("", False)]),
    ],
)
def test_here_documents(text, bodies):
    found = [token for token in tokenize(text) if token.text.startswith("<<")]
    assert [(token.body, token.body_quoted) for token in found] == bodies
    assert "1" not in words(text)


@pytest.mark.parametrize("text", ["'a", '"a', "$(a", "${a", "`a", "a \\", "$((", "<(", '"$(', "a <<'E"])
def test_what_is_never_closed_ends_with_the_text(text):
    assert tokenize(text)[-1].kind == "end"
    assert tokenize(text)[-1].offset >= len(text)


def test_too_many(monkeypatch):
    monkeypatch.setattr(module, "MAX_TOKENS", 3)
    found = tokenize("a b c d e")
    assert (len(found), found[-1].kind, found[-1].offset < 9) == (4, "end", True)


@given(st.text("ab '\"$(){}`\\<>&|;#\n!2-", max_size=40))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_no_text_is_lost_and_none_is_read_twice(text):
    found = tokenize(text)
    offsets = [token.offset for token in found]
    assert offsets == sorted(offsets)
    assert found[-1].kind == "end"
    assert offsets[-1] >= len(text)
    for token in found[:-1]:
        if token.kind in ("word", "operator", "newline"):
            assert text.startswith(token.text, token.offset)
