"""Which patterns BuildKit calls malformed, and which it lets pass because it never gets to see their end."""

from __future__ import annotations

import pytest

from grader.facts.context.go_glob import BadPattern, check_glob


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "**/[a-z]?",
        "a]",
        "[^a]",
        "[\\]]",
        "\\[",
        "[ü]",
        "[z-a]",  # malformed only to the regular expression
        "[[:foo:]]",
        pytest.param("x*[", id="the part before the star does not fit '.', so nobody reads on"),
        pytest.param("??*\\", id="two characters, and '.' has one"),
        pytest.param("*a*[", id="'a' is nowhere in '.'"),
    ],
)
def test_sound(pattern: str) -> None:
    check_glob(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "[",
        "[a",
        "[]a]",
        "[^]a]",
        "[-a]",
        "[a-]",
        "[a-",
        "[a-c-e]",
        "[\\",
        "[a\\",
        "a\\",
        "\\",
        "*[",
        "**[",
        ".*[",
        "?*\\",
        "[^x]*[",
        "[+-/]*[",
        pytest.param("x[", id="a chunk is read to its end although it does not match"),
        pytest.param(".*?[", id="in the chunk behind the star"),
    ],
)
def test_malformed(pattern: str) -> None:
    with pytest.raises(BadPattern):
        check_glob(pattern)
