"""How an ignore file is read, and which of its lines decides. What BuildKit does is in test_ignore_on_builder.py."""

from __future__ import annotations

import pytest

from grader.errors import SubmissionFault
from grader.facts.context import ignore_file
from grader.facts.context.ignore_file import clean_path, parse


@pytest.mark.parametrize(
    ("content", "patterns"),
    [
        (b"", []),
        (b"# a comment\n\n  \n", []),
        (b" # no comment, since a blank comes first\n", ["# no comment, since a blank comes first"]),
        (b"\xef\xbb\xbf# a comment behind a byte order mark", []),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"  a b \t", ["a b"]),
        ("\u00a0a\u2003".encode(), ["a"]),
        (b"./a//b/../c/", ["a/c"]),
        (b"/a", ["a"]),
        (b"/", ["/"]),
        (b"../a", ["../a"]),
        (b"!a", ["!a"]),
        (b"! /a/", ["!a"]),
        (b"!!a", ["!!a"]),
        (b"/!a", ["!a"]),
        (b"\\!a", ["\\!a"]),
        (b"a # no comment", ["a # no comment"]),
        (b"\xff", ["\ufffd"]),
    ],
)
def test_what_a_line_says(content: bytes, patterns: list[str]) -> None:
    assert [("!" if rule.keeps else "") + rule.pattern for rule in parse(content).rules] == patterns


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"a\n!", 2, "alone"),
        (b"a\n\n!/", 3, "alone"),
        (b"[a", 1, "not closed"),
        (b"a\\", 1, "backslash"),
        (b"a\x00b", 1, "control characters"),
        (b"a\x7f", 1, "control characters"),
        (b"a\n" + b"x" * (ignore_file.MAX_LINE + 1), 2, "too long"),
        (b"#" * (ignore_file.MAX_BYTES + 1), 1, "larger than 256 KiB"),
        (b"a\n" * (ignore_file.MAX_RULES + 1), ignore_file.MAX_RULES + 1, "more than 2000 patterns"),
    ],
)
def test_what_buildkit_refuses_before_it_looks_at_a_file(content: bytes, line: int, says: str) -> None:
    with pytest.raises(SubmissionFault, match=says) as refused:
        parse(content, "web.Dockerfile.dockerignore")
    assert refused.value.where == ("web.Dockerfile.dockerignore", line)


def test_as_much_as_buildkit_takes() -> None:
    assert len(parse(b"a\n" * ignore_file.MAX_RULES).rules) == ignore_file.MAX_RULES
    assert parse(b"x" * ignore_file.MAX_LINE).rules


def test_a_pattern_that_go_cannot_compile_fails_only_when_it_is_needed() -> None:
    rules = parse(b"a\n!b\\q\n")
    assert not rules.judge("c").held, "an exception is not asked of what nothing held back"
    with pytest.raises(SubmissionFault, match="line 2") as refused:
        rules.judge("a")
    assert refused.value.where == (".dockerignore", 2)


@pytest.mark.parametrize(
    ("content", "path", "decided"),
    [
        ("", "a", None),
        ("a", "a", "a"),
        ("a", "a/b/c", "a"),
        ("a", "b/a", None),
        ("*.log", "src/a.log", None),
        ("**/*.log", "src/a.log", "**/*.log"),
        ("a\n!a", "a", "!a"),
        ("!a\na", "a", "a"),
        ("a\n!a/b", "a/b", "!a/b"),
        ("a\n!a/b", "a/b/c", "!a/b"),
        ("a\n!a/b\na/b/c", "a/b/c", "a/b/c"),
        ("a\n!x/y", "a/b", "a"),
        ("*\n!src/**", "src/a.py", "!src/**"),
        ("*\n!src/**", "src", "*"),
        pytest.param("a/b\n!a", "a/b", "a/b", id="an exception above does not reach what is held back by its own name"),
        pytest.param("!a\n*\n!a/b", "a/b", "!a/b", id="in the order of the lines"),
        ("node_modules\n!node_modules", "node_modules/x", "!node_modules"),
    ],
)
def test_which_line_decides(content: str, path: str, decided: str | None) -> None:
    outcome = parse(content.encode()).judge_deep(path)
    assert (outcome.rule.text if outcome.rule else None) == decided
    assert outcome.held is (decided is not None and not decided.startswith("!"))


@pytest.mark.parametrize(
    ("content", "folder", "passed_over"),
    [
        ("a", "a", True),
        ("a\n!b", "a", True),
        ("a\n!a/b", "a", False),
        ("a\n!a/b/c", "a/b", False),
        ("a\n!a/b", "a/c", True),
        ("a\n!a/b/**", "a", False),
        ("a\n!ab", "a", True),
        pytest.param("a\n!*/b", "a", False, id="a wildcard might mean anything"),
        pytest.param("a\n!a", "a", False, id="the folder itself"),
    ],
)
def test_folders_that_nobody_looks_into(content: str, folder: str, passed_over: bool) -> None:
    assert parse(content.encode()).passes_over(folder) is passed_over


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("a/./b//c/", "a/b/c"),
        ("//a", "/a"),
        ("///a", "/a"),
        ("a/..", "."),
        ("../../a", "../../a"),
        ("/../a", "/a"),
        ("", "."),
    ],
)
def test_clean_path(path: str, cleaned: str) -> None:
    assert clean_path(path) == cleaned
