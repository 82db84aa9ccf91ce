"""Patterns of ignore files: what each matches, and that none costs more than its length."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grader.facts.context.go_glob import BadPattern
from grader.facts.context.go_pattern import compile_pattern, require


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("a.b", ["a.b"], ["aXb", "x/a.b", "a.b/c"]),
        ("a+(b)|{c}$", ["a+(b)|{c}$"], ["aa(b)"]),
        ("*", ["a", ".env", ""], ["a/b"]),
        ("*.log", ["a.log", ".log"], ["a/b.log", "alog"]),
        ("a?c", ["abc", "aéc", "a\nc"], ["ac", "a/c"]),
        ("src/*", ["src/a", "src/.b"], ["src", "src/a/b"]),
        ("src/**", ["src/a", "src/a/b"], ["src", "srcX"]),
        ("src**", ["src", "srcX", "src/a"], ["sr"]),
        ("**", ["a", "a/b", ""], []),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax", "x/a"]),
        pytest.param(
            "**.log", ["a.log", "src/a.log"], ["a.log/b"], id="without a slash it reaches into folders all the same"
        ),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "a/b/c"]),
        ("**/a/**", ["a/x", "x/a/y"], ["a", "xa/y"]),
        ("a**b", ["ab", "aX/b", "aX/Y/b"], ["aXb"]),
        ("*/**/c", ["a/c", "a/b/c"], ["c"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        pytest.param("a[^b]c", ["axc", "a/c"], ["abc"], id="a negated class matches a slash, unlike a star"),
        ("[!a]b", ["!b", "ab"], ["xb"]),
        ("\\*", ["*"], ["a"]),
        ("\\d.txt", ["1.txt"], ["d.txt"]),
        ("a^b", ["a^b"], ["ab"]),
        pytest.param("a^b*", [], ["a^b", "a^bc"], id="with a wildcard it is the beginning, which cannot come later"),
        pytest.param(
            "app\\node_modules", ["app\node_modules"], ["app/node_modules", "app\\node_modules"], id="a line break"
        ),
        ("\\ba\\b", ["a"], ["ab"]),
        ("a\\Qb", ["ab$"], ["ab"]),
    ],
)
def test_cases(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    machine = compile_pattern(pattern)
    assert [path for path in fits if not machine.matches(path)] == []
    assert [path for path in fits_not if machine.matches(path)] == []


@pytest.mark.parametrize("pattern", ["src\\main.py", "build\\Release", "[z-a]", "[[:foo:]]", "\\1"])
def test_no_pattern(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["[a", "a\\", "[z-a]", "src\\main.py"])
def test_required_of_an_exercise(pattern: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr("as written"))):
        require(pattern, "as written")
    require("src/*.py", "src/*.py")


def as_python(pattern: str) -> re.Pattern[str]:
    """The same pattern for Python's `re`, whose syntax means the same for these characters."""
    # In three forms moby compares texts, and a `^` is a character like any other.
    plain = "[ab./^-]*"
    if re.fullmatch(plain, pattern):
        return re.compile(re.escape(pattern))
    if re.fullmatch(rf"\*\*/?{plain}", pattern):
        before = ".*" if pattern[2:3] != "/" else "(?:.*/)?"
        return re.compile(before + re.escape(pattern[2:].removeprefix("/")))
    if re.fullmatch(rf"{plain}\*\*", pattern):
        return re.compile(re.escape(pattern[:-2]) + ".*")
    parts = re.split(r"(\*\*/?|\*|\?|\[\^?[ab.-]+\]|\^)", pattern)
    written = ""
    for number, part in enumerate(parts):
        last = not any(parts[number + 1 :])
        if part.startswith("**"):
            written += ".*" if last else "(?:.*/)?"
        elif part in ("*", "?"):
            written += "[^/]" + part.replace("?", "")
        else:
            written += part if part[:1] in ("[", "^") else re.escape(part)
    return re.compile(written)


@given(
    pattern=st.lists(
        st.sampled_from(["a", "b", "/", "**/", "**", "*", "?", ".", "[ab]", "[^a]", "[a-b]", "[.-]", "^", "-"]),
        max_size=8,
    ).map("".join),
    paths=st.lists(st.text("ab/.-^", max_size=8), min_size=20, max_size=20),
)
@settings(derandomize=True, deadline=None, max_examples=300)
def test_as_a_regular_expression_of_python(pattern: str, paths: list[str]) -> None:
    assume("//" not in pattern and not pattern.endswith("/"))  # as `clean_path` leaves them
    machine, expected = compile_pattern(pattern), as_python(pattern)
    assert [path for path in paths if machine.matches(path) != bool(expected.fullmatch(path))] == []


@pytest.mark.parametrize("pattern", ["*a" * 30 + "b", "**/a/" * 30 + "b", "[^b]*" * 30 + "c"])
def test_a_hostile_pattern_costs_no_more_than_another(pattern: str) -> None:
    machine = compile_pattern(pattern)
    assert not machine.matches("a" * 20_000)
    assert not machine.matches("a/" * 10_000)


def test_more_steps_than_are_remembered() -> None:
    machine = compile_pattern("*a*")
    path = "".join(map(chr, range(0x4E00, 0x4E00 + 20_900)))
    assert not machine.matches(path)
    assert machine.matches(f"{path}a{path}")
