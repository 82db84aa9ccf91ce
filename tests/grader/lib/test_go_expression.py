"""Go's regular expressions: what they mean, and what is refused."""

from __future__ import annotations

import pytest

from grader.lib.go_expression import checked, matches


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("b", "abc", True),
        ("^b", "a\nb", False),
        ("(?m)^b$", "a\nb\nc", True),
        ("b$", "b\n", False),
        ("b\\n$", "b\n", True),
        (r"b\n\z", "b\n", True),
        (r"^\d$", "5", True),
        (r"^\d$", "\u0661", False),
        (r"^\pN$", "\u0661", True),
        (r"^\p{Greek}+$", "\u03b1\u03b2", True),
        (r"^\w$", "\u00e9", False),
        (r"^[[:alpha:]]+$", "abc", True),
        (r"^[[:^alpha:]]+$", "abc", False),
        (r"^\s$", "\v", False),
        (r"\bx\b", "\u00e9x", True),
        (r"^\Qa.b\C\E$", "a.b\\C", True),
        (r"^a{,2}$", "a{,2}", True),
        ("a.b", "a\nb", False),
        ("(?s)a.b", "a\nb", True),
        ("(?i)HELLO", "hello", True),
        ("(?P<x>a)", "a", True),
        ("x(?i)y", "xY", True),
        ("(?U)^a+", "aa", True),
        (r"^\x{e9}\101$", "\u00e9A", True),
        (r"\\C", r"\C", True),
        ("", "", True),
        ("\u00e9", "h\u00e9llo", True),
        ("x", "\ud800x", True),
    ],
)
def test_what_they_mean(expression: str, text: str, found: bool) -> None:
    assert checked(expression) == expression
    assert matches(expression, text) is found


@pytest.mark.parametrize(
    "expression",
    [
        *("(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(?#a)", "(?x)a", "(?a)a", "(a)(?(1)b)", "(?P<x>a)(?P=x)"),
        *("a++", "a*+", "a?+", "a**", "a{2}{3}", "a{1001}", "((a{100}){100}){100}", "a{2,1}"),
        *(r"(a)\1", r"a\Z", r"\C", r"\h", r"\G", r"\K", r"\R", r"\N{DASH}", r"\u00e9", "\\", r"\pX", r"\p{Klingon}"),
        *("(", ")", "[", "[z-a]", r"[a-\d]", "*", "+a", "[[:letter:]]", "\ud800"),
    ],
)
def test_what_go_refuses(expression: str) -> None:
    with pytest.raises(ValueError, match="as Go has them"):
        checked(expression)


def test_no_expression_takes_the_square_of_time() -> None:
    assert not matches("(a|a)*(a|a)*b", "a" * 100_000)  # Python's own would take longer than anybody waits
