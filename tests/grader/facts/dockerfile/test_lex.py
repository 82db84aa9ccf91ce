"""Word expansion: quotes, escapes and the forms of ${name}, as BuildKit's own lexer has them."""

import pytest

from grader.facts.dockerfile.lex import EmptyPattern, ExpansionError, expand, is_space, refuse_empty_patterns

ENV = {"A": "abc", "B": "a b", "E": "", "N": "x.y.z", "P": "/usr/bin:/bin"}


EXPANSIONS = [
    ("$A-${A}-$NOPE-${NOPE}.", "abc-abc--."),
    ("'$A' \"$A\" \\$A $$ $", "$A abc $A  $"),
    ("${E:-d} ${E-d} ${N0:-d} ${N0-d}", "d  d d"),
    ("${A:+y} ${E:+y} ${E+y} ${N0+y}", "y  y "),
    ("${NOPE:-${NOPE2:-$A}}", "abc"),
    ("${N#*.} ${N##*.} ${N%.*} ${N%%.*}", "y.z z x.y x"),
    ("${N/./_} ${N//./_} ${N//?/q} ${N//*/q}", "x_y.z x_y_z qqqqq q"),
    ("${P//\\//-} ${P%%:*}", "-usr-bin:-bin /usr/bin"),
    ('a\\ b \'c d\' "e\\"f"', 'a b c d e"f'),
    ("$1x ${1} $@", "x  "),
]


@pytest.mark.parametrize(("word", "expected"), EXPANSIONS)
def test_expansion(word, expected):
    assert expand(word, ENV).text == expected


def test_expansion_says_what_was_not_set_and_splits_words():
    expansion = expand('$B "$B" $NOPE ${X:-c}', ENV)
    assert expansion.unset == {"NOPE", "X"}
    assert expansion.words == ["a", "b", "a b", "c"]
    assert expand("`$A", {"A": "1"}, escape="`").text == "$A"


@pytest.mark.parametrize(
    "word", ["'a", '"a', "${A", "${A:", "${}", "${{", "${A:?}x${NOPE:?}", "${A^}", "${A/b}", "${A#\\q}"]
)
def test_expansion_refused(word):
    with pytest.raises(ExpansionError):
        expand(word, ENV)


KEPT = [
    ("$A '$A' \"$A\"", {"raw_quotes": True}, "abc '$A' \"abc\""),
    ("\\$A \\x", {"raw_escapes": True}, "\\$A \\x"),
    ("$A '$A'", {"process_quotes": False}, "abc 'abc'"),
    ("$NOPE ${NOPE} ${NOPE:-d} ${NOPE/a/b} $A", {"keep_unset": True}, "$NOPE ${NOPE} ${NOPE:-d} ${NOPE/a/b} abc"),
    ("${NOPE:?} x", {"require": False}, " x"),
]


@pytest.mark.parametrize(("word", "options", "expected"), KEPT)
def test_what_is_kept_as_it_is_written(word, options, expected):
    assert expand(word, ENV, **options).text == expected


def test_an_empty_value_is_no_unset_one_where_it_is_required():
    with pytest.raises(ExpansionError, match="E: is not allowed to be empty"):
        expand("${E:?}", ENV, require=False)
    assert expand("${E?}", ENV).text == ""


@pytest.mark.parametrize("text", ["RUN echo ${X%}", 'RUN "${X#}"', "WORKDIR ${X:%}", "RUN ${Y} ${X%}"])
def test_an_empty_pattern_brings_some_builders_down(text):
    with pytest.raises(EmptyPattern):
        refuse_empty_patterns(text, "\\")


@pytest.mark.parametrize(
    "text", ["RUN echo ${X%/}", "RUN echo '${X%}'", "RUN ${X", "RUN echo \\${X%}", "RUN ${X:-} ${X%%} $((1%2))"]
)
def test_no_empty_pattern(text):
    refuse_empty_patterns(text, "\\")


@pytest.mark.parametrize(
    ("char", "space"), [(" ", True), ("\u00a0", True), ("\u3000", True), ("\x1c", False), ("\u200b", False)]
)
def test_what_go_calls_white_space(char, space):
    assert is_space(char) is space
    assert len(expand(f"a{char}b", {}).words) == 1 + space
